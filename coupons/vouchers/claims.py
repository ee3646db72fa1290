"""Coupons claimed by customers: each gets a code of his own, and it has taken a unit from then on.

Locks customers, then stock (see `stock`); the coupon itself is only read. Callers hold the transaction.
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import LiteralString, NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.db import Collision, fetch_all
from core.errors import Conflict
from core.events.service import Event, announce
from core.ids import new_id
from coupons.vouchers import limits, stock
from coupons.vouchers.code_texts import new_codes
from coupons.vouchers.definitions import coupon_of
from coupons.vouchers.errors import CouponExpired, LimitReached, NoMoreClaims, NotYetValid, SoldOut
from coupons.vouchers.expiry import free_due, supply_of
from coupons.vouchers.models import CouponCodeRow
from coupons.vouchers.queries import CodeRecord, CouponRecord
from coupons.vouchers.rules import CodeKind, CodeStatus, Reason, validity_reason

Outcome = CodeRecord | Conflict

_TRIED = 8
_WINDOWS = tuple(
    "{" + ",".join(str((first + step) % stock.SHARDS) for step in range(_TRIED)) + "}" for first in range(stock.SHARDS)
)
"""Shards that a claim looks at in its first statement, as PostgreSQL writes arrays: few rows to read, and hardly ever
all of them held."""

_NOT_VALID = {
    Reason.NOT_YET_VALID: NotYetValid,
    Reason.EXPIRED: CouponExpired,
    Reason.ENDED: NoMoreClaims,
}


def claim(program_id: UUID, coupon_id: UUID, customer_id: UUID) -> CodeRecord:
    """A code of the coupon for the customer alone. To be rolled back when it raises.

    Raises:
        CouponNotFound: no such coupon in the program.
        NotYetValid, CouponExpired, NoMoreClaims: it cannot be claimed now.
        LimitReached: the customer has as many as he may.
        SoldOut: none is left.
    """
    outcome = claim_many(program_id, coupon_id, [customer_id])[customer_id]
    if isinstance(outcome, Conflict):
        raise outcome
    return outcome


def claim_many(program_id: UUID, coupon_id: UUID, customer_ids: Sequence[UUID]) -> dict[UUID, Outcome]:
    """A code for each of the customers, or why he gets none; who stands earlier is served first. Each stands once.

    Raises:
        CouponNotFound: no such coupon in the program.
        NotYetValid, CouponExpired, NoMoreClaims: it cannot be claimed now.
    """
    at = now()
    counted, served = _claim_at_once(program_id, coupon_id, customer_ids, at)
    outcomes: dict[UUID, Outcome] = {code.customer_id: code for code in served if code.customer_id}
    rest = [customer_id for customer_id in customer_ids if customer_id not in outcomes]
    if rest:
        coupon = coupon_of(program_id, coupon_id)
        _check_validity(coupon, at)
        outcomes |= _claim_in_steps(program_id, coupon, _drafts(coupon, rest, at), counted, at)
    announce(program_id, [_claimed(one) for one in outcomes.values() if isinstance(one, CodeRecord)])
    return outcomes


def check_claimable(program_id: UUID, coupon_id: UUID) -> None:
    """That the coupon can be claimed now, as long as some are left.

    Raises:
        CouponNotFound: no such coupon in the program.
        NotYetValid, CouponExpired, NoMoreClaims: it cannot be claimed now.
    """
    _check_validity(coupon_of(program_id, coupon_id), now())


def _check_validity(coupon: CouponRecord, at: datetime) -> None:
    reason = validity_reason(coupon.terms, at)
    if reason is not None:
        raise _NOT_VALID[reason]


def _claimed(code: CodeRecord) -> Event:
    facts = {"coupon_id": code.coupon_id, "member_id": code.customer_id, "code_id": code.id}
    return Event("coupon.claimed", code.created_at, facts)


def _drafts(coupon: CouponRecord, customer_ids: Sequence[UUID], at: datetime) -> list[CodeRecord]:
    ends = [coupon.valid_to] if coupon.valid_to else []
    if coupon.claim_valid_seconds is not None:
        ends.append(at + timedelta(seconds=coupon.claim_valid_seconds))
    return [
        CodeRecord(
            new_id(), coupon.id, text, CodeKind.CLAIMED, None, customer_id, CodeStatus.ACTIVE, min(ends, default=None),
            at, at,
        )
        for text, customer_id in zip(new_codes(len(customer_ids)), customer_ids, strict=True)
    ]  # fmt: skip


class _Progress(NamedTuple):
    """How far the one statement came for a customer: counted, since he may have it; and perhaps his code is there."""

    customer_id: UUID
    taken: bool
    made: bool
    expires_at: datetime | None


# "allowed" is whole before a shard is looked at: customers are locked before stock
_CLAIM: LiteralString = """
  WITH coupon AS MATERIALIZED (
    SELECT per_customer_limit AS most, total_quantity IS NOT NULL AS limited,
           least(valid_to, %(at)s::timestamptz + claim_valid_seconds * interval '1 second') AS expires_at
    FROM coupons WHERE program_id = %(program_id)s AND id = %(coupon_id)s AND status = 'active'
      AND (valid_from IS NULL OR valid_from <= %(at)s) AND (valid_to IS NULL OR valid_to > %(at)s)),
  given AS MATERIALIZED (
    SELECT g.id, g.code, g.customer_id, c.most, c.limited, c.expires_at
    FROM coupon c, unnest(%(ids)s::uuid[], %(codes)s::text[], %(customer_ids)s::uuid[]) AS g (id, code, customer_id)),
  counted AS (
    INSERT INTO coupon_customers (program_id, coupon_id, customer_id, taken)
    SELECT %(program_id)s, %(coupon_id)s, customer_id, 1 FROM given WHERE most IS NOT NULL ORDER BY customer_id
    ON CONFLICT (program_id, coupon_id, customer_id) DO UPDATE SET taken = coupon_customers.taken + 1
    WHERE coupon_customers.taken < (SELECT most FROM coupon) RETURNING customer_id),
  allowed AS MATERIALIZED (
    SELECT * FROM given WHERE most IS NULL OR customer_id IN (SELECT customer_id FROM counted)),
  wanted AS MATERIALIZED (SELECT count(*) AS units FROM allowed WHERE limited),
  free AS MATERIALIZED (
    SELECT shard FROM coupon_stock
    WHERE program_id = %(program_id)s AND coupon_id = %(coupon_id)s AND shard = ANY(%(shards)s::smallint[])
      AND left_units >= (SELECT units FROM wanted) AND (SELECT units FROM wanted) > 0
    LIMIT 1 FOR UPDATE SKIP LOCKED),
  taken AS (
    UPDATE coupon_stock s SET left_units = s.left_units - (SELECT units FROM wanted) FROM free
    WHERE s.program_id = %(program_id)s AND s.coupon_id = %(coupon_id)s AND s.shard = free.shard
    RETURNING 1),
  made AS (
    INSERT INTO coupon_codes (
      program_id, id, coupon_id, code, kind, customer_id, status, expires_at, created_at, updated_at)
    SELECT %(program_id)s, id, %(coupon_id)s, code, 'claimed', customer_id, 'active', expires_at, %(at)s, %(at)s
    FROM allowed WHERE NOT limited OR EXISTS (SELECT 1 FROM taken)
    ON CONFLICT (program_id, code) DO NOTHING RETURNING customer_id)
  SELECT customer_id, EXISTS (SELECT 1 FROM taken), customer_id IN (SELECT customer_id FROM made), expires_at
  FROM allowed"""


def _claim_at_once(
    program_id: UUID, coupon_id: UUID, customer_ids: Sequence[UUID], at: datetime
) -> tuple[set[UUID], list[CodeRecord]]:
    """Codes for all who may have one, in one statement, if one of a few shards is free and has enough for them.

    Who is counted already, whether he has a code or not; nobody when the coupon is not valid.
    """
    ids, texts = [new_id() for _ in customer_ids], new_codes(len(customer_ids))
    rows = fetch_all(
        _Progress, _CLAIM, program_id=program_id, coupon_id=coupon_id, at=at, shards=secrets.choice(_WINDOWS),
        ids=_array([one.hex for one in ids]), codes=_array(texts),
        customer_ids=_array([one.hex for one in customer_ids]),
    )  # fmt: skip
    if any(row.taken and not row.made for row in rows):
        raise Collision("the text of a code exists")
    made = {row.customer_id: row.expires_at for row in rows if row.made}
    codes = [
        CodeRecord(
            code_id, coupon_id, text, CodeKind.CLAIMED, None, customer_id, CodeStatus.ACTIVE, made[customer_id], at, at
        )
        for code_id, text, customer_id in zip(ids, texts, customer_ids, strict=True)
        if customer_id in made
    ]
    return {row.customer_id for row in rows}, codes


def _array(texts: Sequence[str]) -> str:
    """An array of texts that need no quotes: written at once, since adapting each value takes longer."""
    return "{" + ",".join(texts) + "}"


def _claim_in_steps(
    program_id: UUID, coupon: CouponRecord, drafts: Sequence[CodeRecord], counted: set[UUID], at: datetime
) -> dict[UUID, Outcome]:
    uncounted = [draft for draft in drafts if draft.customer_id not in counted]
    refused, freed = _count(program_id, coupon, uncounted, at)
    allowed = [draft for draft in drafts if draft.customer_id not in refused]
    served = allowed[: _take(program_id, coupon, len(allowed), freed, at)]
    if len(_insert(program_id, served)) < len(served):
        raise Collision("the text of a code exists")
    late = allowed[len(served) :]
    limits.uncount(program_id, _pairs(coupon, late))
    outcomes: dict[UUID | None, Outcome] = {draft.customer_id: draft for draft in served}
    outcomes |= {draft.customer_id: SoldOut() for draft in late}
    return {
        draft.customer_id: outcomes.get(draft.customer_id) or LimitReached() for draft in drafts if draft.customer_id
    }


def _pairs(coupon: CouponRecord, drafts: Sequence[CodeRecord]) -> dict[limits.Pair, int]:
    if coupon.per_customer_limit is None:
        return {}
    return {(coupon.id, draft.customer_id): 1 for draft in drafts if draft.customer_id}


def _count(
    program_id: UUID, coupon: CouponRecord, drafts: Sequence[CodeRecord], at: datetime
) -> tuple[set[UUID], Counter[UUID]]:
    """Count the customers; those who have enough already, and units that came free on the way."""
    pairs = _pairs(coupon, drafts)
    refused = set(pairs) - limits.count(program_id, pairs)
    freed: Counter[UUID] = Counter()
    if refused and supply_of(program_id, coupon.id, at).is_due:
        freed = free_due(program_id, at, [coupon.id])
        refused -= limits.count(program_id, dict.fromkeys(refused, 1))
    return {customer_id for _, customer_id in refused}, freed


def _take(program_id: UUID, coupon: CouponRecord, wanted: int, freed: Counter[UUID], at: datetime) -> int:
    """Take as many units as there are, at most the wanted; how many. `freed` are in hand; the rest goes back."""
    if coupon.total_quantity is None:
        return wanted
    while True:
        supply = supply_of(program_id, coupon.id, at)
        if supply.is_due and supply.left + freed[coupon.id] < wanted:
            freed += free_due(program_id, at, [coupon.id])
        most = min(wanted, supply.left + freed[coupon.id])
        units = Counter({coupon.id: most})
        units.subtract(freed)
        if not stock.move_units(program_id, units):
            return most


def _insert(program_id: UUID, drafts: Sequence[CodeRecord]) -> list[tuple[UUID]]:
    return insert_rows(
        CouponCodeRow, drafts, program_id=program_id, on_conflict="(program_id, code) DO NOTHING", returning="id"
    )
