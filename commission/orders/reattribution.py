"""An order is attributed anew, by a person who answers for it. Callers hold the transaction.

Nothing is edited: what the members of the old attribution still keep is reversed, and what the new ones earn is accrued
under the next version, by the plan and the settings the order was accepted with. The tree and the statuses are of now.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from commission.attribution.evidence import standing_of
from commission.attribution.rules import Levels, Reason, levels_of
from commission.earnings import service as earnings
from commission.earnings.records import CommissionRecord
from commission.earnings.service import Accrual, Reversing
from commission.orders import queries
from commission.orders.acceptance import chains_in, hold_end, levels_shown
from commission.orders.errors import MemberNotPayable, OrderHeld, OrderInOtherState
from commission.orders.holds import GUARD_HELD, held_reason
from commission.orders.lifecycle import locked_order
from commission.orders.models import OrderAttributionRow
from commission.orders.records import LineRecord, OrderRecord, earning_lines
from commission.orders.refunds import refundable_lines
from commission.orders.sales import count_in_traffic, delta_of
from commission.orders.telling import events_of_accrual, events_of_reversal, reattributed_event
from commission.plans import service as plans
from commission.plans.rules import commissions_for
from commission.plans.terms import level_count
from core.auth.actor import Actor, Program
from core.bulk import insert_rows
from core.clock import day_of, now
from core.db import execute, json
from core.errors import Invalid
from core.events.service import announce
from core.ids import new_id, public_id, public_id_or_none
from core.programs.service import settings_at

_NOBODY = Levels([], [], 0)


class _Anew(NamedTuple):
    """The new attribution while it is carried out. `program` has the settings the order was accepted with."""

    id: UUID
    program: Program
    order: OrderRecord
    version: int
    member_id: UUID | None
    levels: Levels
    reason: str


def reattribute(actor: Actor, order_id: UUID, member_id: UUID | None, reason: str) -> None:
    """Attribute a paid order to another member, or to nobody (None). To whom it is attributed already: no change.

    Locks the order, then its commissions; what was refunded before stays refunded under the new version.

    Raises:
        OrderInOtherState: it is not paid, or canceled.
        OrderHeld: the guard holds it; that is to be decided first.
        Invalid: there is no such member.
        MemberNotPayable: the member is suspended or not enrolled, or is the customer without self-purchase.
    """
    order = locked_order(actor.program_id, order_id)
    if order.paid_at is None or order.status == "canceled":
        raise OrderInOtherState(f"The order is {order.status}.", status_now=order.status)
    if order.guard_status == GUARD_HELD:
        raise OrderHeld()
    if order.attributed_member_id == member_id:
        return
    settings = settings_at(actor.program_id, order.settings_version) if order.settings_version else None
    program = replace(actor.program, settings=settings or actor.program.settings)
    levels = _levels(program, order, member_id) if member_id else _NOBODY
    anew = _Anew(new_id(), program, order, order.attribution_version + 1, member_id, levels, reason)
    _remember(actor, anew)
    _move_money(anew)


def _levels(program: Program, order: OrderRecord, member_id: UUID) -> Levels:
    chain = chains_in(program, [member_id]).get(member_id, [])
    if not chain:
        raise Invalid.at("/member_id", "There is no such member.")
    if not chain[0].payable:
        raise MemberNotPayable(member_id=public_id("mem", member_id))
    if member_id == order.customer_id and program.settings.self_purchase == "off":
        raise MemberNotPayable("The member is the customer, and self-purchase does not earn.")
    terms = plans.terms_of(program.id, order.plan_id) if order.plan_id else None
    attributed, *upline = map(standing_of, chain)
    return levels_of(
        attributed,
        upline,
        customer_id=order.customer_id,
        suspended_upline=program.settings.suspended_upline,
        count=level_count(terms.plan, program.settings.max_levels) if terms else 0,
    )


class _History(NamedTuple):
    id: UUID
    order_id: UUID
    version: int
    source_before: str
    member_before: UUID | None
    evidence_before: dict[str, Any]
    member_after: UUID | None
    reason: str
    actor_kind: str
    actor_id: UUID | None
    created_at: Any


def _remember(actor: Actor, anew: _Anew) -> None:
    """The old attribution goes into the history, the new one onto the order."""
    order = anew.order
    row = _History(
        anew.id, order.id, anew.version, order.attribution_source or "none", order.attributed_member_id, order.evidence,
        anew.member_id, anew.reason, actor.kind.value, actor.id, now(),
    )  # fmt: skip
    insert_rows(OrderAttributionRow, [row], program_id=anew.program.id)
    execute(
        """UPDATE orders SET attribution_version = %(version)s, attribution_source = %(source)s,
                  attributed_member_id = %(member_id)s, evidence = %(evidence)s
           WHERE program_id = %(program_id)s AND id = %(order_id)s AND attribution_version = %(version)s - 1""",
        program_id=anew.program.id, order_id=order.id, version=anew.version, member_id=anew.member_id,
        source="staff" if anew.member_id else "none", evidence=json(_evidence(anew)),
    )  # fmt: skip


def _evidence(anew: _Anew) -> dict[str, Any]:
    before = anew.order.evidence
    accepted = {
        "source": "staff",
        "member_id": public_id_or_none("mem", anew.member_id),
        "reference": public_id("oat", anew.id),
        "reason": anew.reason,
    }
    was = [before["accepted"] | {"reason": Reason.REATTRIBUTED.value}] if before.get("accepted") else []
    return {"accepted": accepted, "refused": [*was, *before.get("refused", [])]} | levels_shown(anew.levels)


def _move_money(anew: _Anew) -> None:
    program_id, order = anew.program.id, anew.order
    lines = queries.lines_of(program_id, [order.id])[order.id]
    old = [
        commission
        for commission in earnings.commissions_of_orders(program_id, [order.id], lock=True)
        if commission.attribution_version == order.attribution_version
    ]
    new = _accrue(anew, lines)
    today = day_of(now(), anew.program.settings.timezone)
    reversing = [*_all_left(anew, old, today), *_of_refunds(anew, new, lines, today)]
    earnings.reverse(program_id, anew.program.currency, reversing)
    taken = {one.commission.id: one.amount for one in reversing}
    kept_before = sum(one.amount - one.reversed for one in old)
    kept_after = sum(one.amount - taken.get(one.id, 0) for one in new)
    sold = order.total - order.refunded
    after = order._replace(attributed_member_id=anew.member_id)
    count_in_traffic(anew.program, [delta_of(order, -1, -sold, -kept_before), delta_of(after, 1, sold, kept_after)])
    told = [reattributed_event(order, anew.member_id), *events_of_accrual(order, new)]
    announce(program_id, [*told, *events_of_reversal(order.id, now(), reversing)])


def _accrue(anew: _Anew, lines: Sequence[LineRecord]) -> list[CommissionRecord]:
    order, program = anew.order, anew.program
    if order.plan_id is None or order.paid_at is None or not anew.levels.paid:
        return []
    commissions = commissions_for(
        plans.terms_of(program.id, order.plan_id),
        earning_lines(lines),
        anew.levels.paid,
        channel=order.channel,
        payout_cap_bps=program.settings.payout_cap_bps,
    ).recorded
    start = order.paid_at if program.settings.hold_from == "paid" else order.completed_at
    matures_at = hold_end(program.settings, start) if start else None
    accrual = Accrual(order.id, order.paid_at, matures_at, held_reason(order), commissions, anew.version)
    return earnings.accrue(program.id, program.currency, program.settings.timezone, [accrual])


def _all_left(anew: _Anew, commissions: Sequence[CommissionRecord], today: date) -> list[Reversing]:
    """All that is left of the old commissions, line by line."""
    left = {one.id: list(one.line_amounts) for one in commissions}
    for reversal in earnings.reversals_of_order(anew.program.id, anew.order.id):
        if reversal.commission_id in left:
            before = left[reversal.commission_id]
            left[reversal.commission_id] = [a - b for a, b in zip(before, reversal.line_amounts, strict=True)]
    return [_reversing(anew, one, left[one.id], today) for one in commissions if one.amount > one.reversed]


def _of_refunds(
    anew: _Anew, commissions: Sequence[CommissionRecord], lines: Sequence[LineRecord], today: date
) -> list[Reversing]:
    """What refunds before this moment would have taken from the new commissions (rule 7)."""
    states = refundable_lines(lines)
    taken = [
        [part - state.kept_share(part) for part, state in zip(one.line_amounts, states, strict=True)]
        for one in commissions
    ]
    return [
        _reversing(anew, one, by_line, today) for one, by_line in zip(commissions, taken, strict=True) if any(by_line)
    ]


def _reversing(anew: _Anew, commission: CommissionRecord, by_line: list[int], today: date) -> Reversing:
    return Reversing(anew.id, today, commission, sum(by_line), by_line, cause="reattribution")
