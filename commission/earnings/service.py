"""Commissions: a paid order makes them, refunds take them back. Callers hold the transaction and the order's row."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from commission.earnings.models import CommissionReversalRow, CommissionRow
from commission.earnings.records import CommissionRecord, ReversalRecord
from commission.ledger.service import Account, Entry, Posting, post
from commission.plans.rules import LevelCommission
from core.bulk import insert_rows
from core.clock import day_of, now
from core.db import execute, fetch_all, scalar
from core.ids import new_id


class Accrual(NamedTuple):
    """What one order pays: its levels, and when their hold ends (None: it has not begun).

    `version` is that of the order's attribution: 1, and one more each time it was attributed anew.
    """

    order_id: UUID
    paid_at: datetime
    matures_at: datetime | None
    held_reason: str | None
    levels: Sequence[LevelCommission]
    version: int = 1


def accrue(program_id: UUID, currency: str, timezone: str, accruals: Sequence[Accrual]) -> list[CommissionRecord]:
    """Record the commissions of orders accepted as paid, and owe them to their members as pending.

    One ledger transaction an order and version, keyed by them: a second accrual of the same is impossible.

    Raises:
        psycopg.errors.SerializationFailure: a member was erased since he was found above the order; by a trigger.
    """
    at = now()
    commissions = [
        CommissionRecord(
            new_id(), accrual.order_id, level.member_id, level.level, accrual.version, level.amount, level.shares, 0,
            "pending", accrual.matures_at, None, None, accrual.held_reason, accrual.paid_at, at,
        )
        for accrual in accruals
        for level in accrual.levels
    ]  # fmt: skip
    if commissions:
        insert_rows(CommissionRow, commissions, program_id=program_id)
        post(program_id, currency, [_accrued(one, timezone) for one in accruals if one.levels])
    return commissions


def _accrued(accrual: Accrual, timezone: str) -> Entry:
    owed = [Posting(Account.MEMBER_PENDING, level.member_id, level.amount) for level in accrual.levels]
    expense = Posting(Account.COMMISSION_EXPENSE, None, -sum(posting.amount for posting in owed))
    return Entry(
        kind="commission.accrued",
        source_key=f"order:{accrual.order_id}" + (f":{accrual.version}" if accrual.version > 1 else ""),
        effective_on=day_of(accrual.paid_at, timezone),
        postings=(expense, *owed),
        order_id=accrual.order_id,
    )


def commissions_of_orders(program_id: UUID, order_ids: Sequence[UUID], *, lock: bool = False) -> list[CommissionRecord]:
    """The commissions of orders by order and level; `lock` takes their rows in id order, as maturation does."""
    if not order_ids:
        return []
    if lock:
        # locked in id order, so that a refund and a maturation cannot deadlock
        execute(
            """SELECT 1 FROM commissions WHERE program_id = %(program_id)s AND order_id = ANY(%(orders)s)
               ORDER BY id FOR UPDATE""",
            program_id=program_id, orders=list(order_ids),
        )  # fmt: skip
    return fetch_all(
        CommissionRecord,
        """SELECT id, order_id, member_id, level, attribution_version, amount, line_amounts, reversed, status,
                  matures_at, matured_at, maturation_id, held_reason, earned_at, created_at
           FROM commissions WHERE program_id = %(program_id)s AND order_id = ANY(%(orders)s)
           ORDER BY order_id, attribution_version, level""",
        program_id=program_id, orders=list(order_ids),
    )  # fmt: skip


class Reversing(NamedTuple):
    """What one refund, or one re-attribution, takes from one commission; `line_amounts` is what of each line.

    `refund_id` is the id of what took it.
    """

    refund_id: UUID
    refunded_on: date
    commission: CommissionRecord
    amount: int
    line_amounts: list[int]
    cause: str = "refund"


def reverse(program_id: UUID, currency: str, reversing: Sequence[Reversing]) -> None:
    """Take commissions back: from pending, or after maturation from available, which may fall below zero.

    One ledger transaction a cause, keyed by it. The commissions are locked by the caller.
    """
    if not reversing:
        return
    at = now()
    rows = [
        ReversalRecord(one.refund_id, one.commission.id, one.amount, one.line_amounts, _status_of(one.commission), at)
        for one in reversing
    ]
    insert_rows(CommissionReversalRow, rows, program_id=program_id)
    _take_back(program_id, reversing)
    by_refund: dict[UUID, list[Reversing]] = {}
    for one in reversing:
        by_refund.setdefault(one.refund_id, []).append(one)
    post(program_id, currency, [_reversed(refund_id, ones) for refund_id, ones in by_refund.items()])


def _take_back(program_id: UUID, reversing: Sequence[Reversing]) -> None:
    taken: dict[UUID, int] = {}
    for one in reversing:
        taken[one.commission.id] = taken.get(one.commission.id, 0) + one.amount
    touched = execute(
        """UPDATE commissions c SET reversed = c.reversed + t.amount,
                  status = CASE WHEN c.reversed + t.amount = c.amount THEN 'reversed' ELSE c.status END
           FROM unnest(%(ids)s::uuid[], %(amounts)s::bigint[]) AS t (id, amount)
           WHERE c.program_id = %(program_id)s AND c.id = t.id AND c.reversed + t.amount <= c.amount""",
        program_id=program_id, ids=list(taken), amounts=list(taken.values()),
    )  # fmt: skip
    if touched != len(taken):
        raise RuntimeError("a reversal would take more than a commission has")


def _reversed(refund_id: UUID, reversing: Sequence[Reversing]) -> Entry:
    """Every reversal's refund knows one order, so its first commission names it."""
    taken = [Posting(_balance_of(one.commission), one.commission.member_id, -one.amount) for one in reversing]
    back = Posting(Account.COMMISSION_EXPENSE, None, -sum(posting.amount for posting in taken))
    return Entry(
        kind="commission.reversed",
        source_key=f"{reversing[0].cause}:{refund_id}",
        effective_on=reversing[0].refunded_on,
        postings=(back, *taken),
        order_id=reversing[0].commission.order_id,
    )


def _status_of(commission: CommissionRecord) -> str:
    return "pending" if commission.matured_at is None else "available"


def _balance_of(commission: CommissionRecord) -> Account:
    return Account.MEMBER_PENDING if commission.matured_at is None else Account.MEMBER_AVAILABLE


def start_hold(program_id: UUID, order_ids: Sequence[UUID], matures_at: Sequence[datetime]) -> None:
    """Let the hold of the orders' pending commissions end at the given instants."""
    execute(
        """UPDATE commissions c SET matures_at = t.matures_at
           FROM unnest(%(orders)s::uuid[], %(instants)s::timestamptz[]) AS t (order_id, matures_at)
           WHERE c.program_id = %(program_id)s AND c.order_id = t.order_id AND c.matured_at IS NULL""",
        program_id=program_id, orders=list(order_ids), instants=list(matures_at),
    )  # fmt: skip


def hold_order(program_id: UUID, order_id: UUID, reason: str | None) -> int:
    """Hold the order's pending commissions past their maturity for a reason; None lets them go. How many there are."""
    return execute(
        # locked in id order, as maturation does, so that the two cannot deadlock
        """WITH locked AS MATERIALIZED (
             SELECT id FROM commissions
             WHERE program_id = %(program_id)s AND order_id = %(order_id)s AND status = 'pending'
             ORDER BY id FOR UPDATE)
           UPDATE commissions c SET held_reason = %(reason)s
           FROM locked WHERE c.program_id = %(program_id)s AND c.id = locked.id""",
        program_id=program_id, order_id=order_id, reason=reason,
    )  # fmt: skip


def reversals_of_order(program_id: UUID, order_id: UUID) -> list[ReversalRecord]:
    """Every reversal of the order's commissions, oldest first."""
    return fetch_all(
        ReversalRecord,
        """SELECT r.refund_id, r.commission_id, r.amount, r.line_amounts, r.from_status, r.created_at
           FROM commission_reversals r JOIN commissions c ON c.program_id = r.program_id AND c.id = r.commission_id
           WHERE r.program_id = %(program_id)s AND c.order_id = %(order_id)s ORDER BY r.refund_id, c.level""",
        program_id=program_id, order_id=order_id,
    )  # fmt: skip


def order_of_commission(program_id: UUID, member_id: UUID, commission_id: UUID) -> UUID | None:
    """The order of a member's own commission; None where he has no such commission."""
    found = scalar(
        """SELECT order_id FROM commissions
           WHERE program_id = %(program_id)s AND id = %(commission_id)s AND member_id = %(member_id)s""",
        program_id=program_id, commission_id=commission_id, member_id=member_id,
    )  # fmt: skip
    return None if found is None else UUID(str(found))
