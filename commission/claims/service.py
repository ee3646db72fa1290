"""Attribution claims: made by members, answered by rules or by staff. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from commission.claims import queries
from commission.claims.errors import ClaimDecided, ClaimNotFound, TooManyClaims
from commission.claims.queries import Claim
from commission.claims.rules import ClaimedOrder, Verdict, verdict_on
from commission.orders import service as orders
from commission.orders.service import OrderRecord
from core.auth.actor import Actor, Program
from core.clock import now
from core.db import Collision, execute, scalar
from core.ids import new_id, public_id
from referral.members import service as members

MOST_CLAIMS = 20  # of one member: open ones and those of a day, for what rules answer at once tells of an order
_CHUNK = 500


def make_claim(actor: Actor, order_external_id: str, note: str | None) -> tuple[Claim, bool]:
    """A member asks for an order; his claim, and whether it is new. An open one to the same order is the same claim.

    Raises:
        TooManyClaims: MOST_CLAIMS of his claims wait for an answer or are of the last day.
    """
    program = actor.program
    standing = queries.open_claim(program.id, actor.id, order_external_id)
    if standing is not None:
        return standing, False
    # his own row, so that the count below holds against his other requests
    scalar(
        "SELECT 1 FROM members WHERE program_id = %(program_id)s AND id = %(id)s FOR NO KEY UPDATE",
        program_id=program.id, id=actor.id,
    )  # fmt: skip
    at = now()
    if queries.claim_count(program.id, actor.id, at - timedelta(days=1)) >= MOST_CLAIMS:
        raise TooManyClaims()
    order = orders.orders_named(program.id, [order_external_id]).get(order_external_id)
    verdict = _verdict(program, order, actor.id, at, at)
    return _insert(program.id, actor.id, order_external_id, note, verdict, at), True


def _verdict(
    program: Program, order: OrderRecord | None, member_id: UUID, claimed_at: datetime, at: datetime
) -> Verdict:
    claimed = order and ClaimedOrder(order.status, order.paid_at, order.customer_id, order.attributed_member_id)
    return verdict_on(claimed, member_id, claimed_at, at, self_purchase=program.settings.self_purchase)


def _insert(
    program_id: UUID, member_id: UUID, order_external_id: str, note: str | None, verdict: Verdict, at: datetime
) -> Claim:
    by_rule = verdict.answer is not None
    claim = Claim(
        new_id(), member_id, order_external_id, note, verdict.status, verdict.answer and verdict.answer.value,
        "rules" if by_rule else None, None, at if by_rule else None, at,
    )  # fmt: skip
    written = execute(
        """INSERT INTO attribution_claims (program_id, id, member_id, order_external_id, note, status, reason,
                                           decided_by_kind, decided_by, decided_at, created_at)
           VALUES (%(program_id)s, %(id)s, %(member_id)s, %(order_external_id)s, %(note)s, %(status)s, %(reason)s,
                   %(decided_by_kind)s, %(decided_by)s, %(decided_at)s, %(created_at)s)
           ON CONFLICT DO NOTHING""",
        program_id=program_id, **claim._asdict(),
    )  # fmt: skip
    if not written:
        raise Collision("the same claim was made at this moment")
    return claim


def decide(actor: Actor, claim_id: UUID, action: Literal["approve", "reject"], reason: str) -> Claim:
    """Answer an open claim; approving attributes the order anew.

    Raises:
        ClaimNotFound: no such claim in the program.
        ClaimDecided: it is decided, or its order is not there yet.
        MemberNotPayable, OrderInOtherState: as re-attribution says.
    """
    claim = queries.claim(actor.program_id, claim_id, lock=True)
    if claim is None:
        raise ClaimNotFound()
    if claim.status != "open" and not (claim.status == "waiting" and action == "reject"):
        raise ClaimDecided(status_now=claim.status)
    if action == "approve":
        order = orders.orders_named(actor.program_id, [claim.order_external_id])[claim.order_external_id]
        orders.reattribute(actor, order.id, claim.member_id, f"{public_id('atc', claim.id)}: {reason}")
    status = "approved" if action == "approve" else "rejected"
    return _close(actor.program_id, claim, status, reason, "staff", actor.id)


def _close(program_id: UUID, claim: Claim, status: str, reason: str, by_kind: str, by: UUID | None) -> Claim:
    at = now()
    execute(
        """UPDATE attribution_claims SET status = %(status)s, reason = %(reason)s, decided_by_kind = %(by_kind)s,
                  decided_by = %(by)s, decided_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status IN ('waiting', 'open')""",
        program_id=program_id, id=claim.id, status=status, reason=reason, by_kind=by_kind, by=by, at=at,
    )  # fmt: skip
    return claim._replace(status=status, reason=reason, decided_by_kind=by_kind, decided_by=by, decided_at=at)


def match_waiting(program: Program) -> None:
    """Look again at claims whose order was not there; rules answer what they can, the rest opens for staff."""
    after: UUID | None = None
    while waiting := queries.waiting_claims(program.id, after, _CHUNK):
        after = waiting[-1].id
        found = orders.orders_named(program.id, [claim.order_external_id for claim in waiting])
        at = now()
        verdicts = [
            (claim, _verdict(program, found.get(claim.order_external_id), claim.member_id, claim.created_at, at))
            for claim in waiting
        ]
        _move(program.id, [(claim, verdict) for claim, verdict in verdicts if verdict.status != "waiting"], at)


def _move(program_id: UUID, verdicts: Sequence[tuple[Claim, Verdict]], at: datetime) -> None:
    if not verdicts:
        return
    execute(
        """UPDATE attribution_claims c
           SET status = t.status, reason = t.reason,
               decided_by_kind = CASE WHEN t.reason IS NULL THEN NULL ELSE 'rules' END,
               decided_at = CASE WHEN t.reason IS NULL THEN NULL ELSE %(at)s::timestamptz END
           FROM unnest(%(ids)s::uuid[], %(statuses)s::text[], %(reasons)s::text[]) AS t (id, status, reason)
           WHERE c.program_id = %(program_id)s AND c.id = t.id AND c.status = 'waiting'""",
        program_id=program_id, at=at, ids=[claim.id for claim, _ in verdicts],
        statuses=[verdict.status for _, verdict in verdicts],
        reasons=[verdict.answer and verdict.answer.value for _, verdict in verdicts],
    )  # fmt: skip


def claim_of(program_id: UUID, claim_id: UUID) -> Claim:
    """Raises: ClaimNotFound."""
    found = queries.claim(program_id, claim_id)
    if found is None:
        raise ClaimNotFound()
    return found


def _forget_words(program_id: UUID, member_id: UUID) -> None:
    execute(
        """UPDATE attribution_claims
           SET note = NULL, status = CASE WHEN status IN ('waiting', 'open') THEN 'rejected' ELSE status END
           WHERE program_id = %(program_id)s AND member_id = %(member_id)s""",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip


members.register_erasure_step(_forget_words)
