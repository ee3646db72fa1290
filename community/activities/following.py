"""What orders bring to activities: invites that bought, seats that were paid, and refunds that take both back.

Called with the events of one turn, in one transaction with the reader's place in the log: each event counts once. Locks
activities in id order (shared), then as taking part does.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from community.activities import queries
from community.activities.holding import blank_part, hold_members, insert_parts
from community.activities.limits import count_in, count_out, hold_counters, with_room
from community.activities.moving import start_due
from community.activities.queries import Activity, Part
from community.activities.releasing import take_out
from community.activities.rewarding import grant, revoke
from community.activities.rules import Kind, Status, Took
from community.activities.seats import follow_payments, payments_for
from community.activities.suspicions import suspicions
from community.activities.taking_part import in_groups
from core.auth.actor import Program
from core.clock import day_of
from core.db import execute, fetch_all
from core.events.reading import NumberedEvent

PAID, REFUNDED = "order.attributed", "order.refunded"


def follow_orders(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Orders that were paid, then orders that were refunded whole; one statement a step for any number."""
    start_due(program.id)  # an activity that has just begun counts what was bought since
    paid = [one for one in events if one.kind == PAID]
    refunded = [
        UUID(one.facts["order_id"])
        for one in events
        if one.kind == REFUNDED and one.facts["refunded_total"] >= one.facts["total"]
    ]
    if paid:
        _count_invites(program, paid)
        _confirm_seats(program, [UUID(one.facts["order_id"]) for one in paid])
    if refunded:
        take_back(program, refunded)


def _confirm_seats(program: Program, order_ids: Sequence[UUID]) -> None:
    payments = payments_for(program.id, order_ids=order_ids)
    if payments:
        queries.activities_by_id(program.id, {one.activity_id for one in payments}, lock="share")
        follow_payments(program, payments)


def _count_invites(program: Program, paid: Sequence[NumberedEvent]) -> None:
    firsts = [one for one in paid if one.facts["is_first"] and one.facts["inviter_id"]]
    if not firsts:
        return
    for activity in queries.running(program.id, [Kind.INVITE], lock="share"):
        ours = [one for one in firsts if activity.starts_at <= one.happened_at < activity.ends_at]
        if ours:
            _count_in_activity(program, activity, ours)


def _count_in_activity(program: Program, activity: Activity, firsts: Sequence[NumberedEvent]) -> None:
    parts = [_part(program, activity, one) for one in firsts]
    hold_members(program.id, activity.id, {part.member_id for part in parts}, firsts[0].created_at)
    allowed = in_groups(program.id, activity, {part.member_id for part in parts})
    doubts = suspicions(program.id, activity.guard["shared_device"], parts)
    judged = [_judged(part, allowed, doubts) for part in parts]
    written = _insert_within_limits(program, activity, judged)
    if activity.pays_at_once:
        grant(program, activity, written)


def _part(program: Program, activity: Activity, first: NumberedEvent) -> Part:
    customer = first.facts["customer_id"]
    day = day_of(first.happened_at, program.settings.timezone)
    part = blank_part(
        activity.id, UUID(first.facts["inviter_id"]), f"invited:{customer}", Took.COUNTED, day, first.happened_at
    )
    return part._replace(order_id=UUID(first.facts["order_id"]), invited_id=UUID(customer))


def _judged(part: Part, allowed: set[UUID], doubts: Mapping[UUID, tuple[str, str]]) -> Part:
    if part.member_id not in allowed:
        return part._replace(status=Took.REFUSED, reason="not_in_group")
    if part.id in doubts:
        status, reason = doubts[part.id]
        return part._replace(status=status, reason=reason)
    return part


def _insert_within_limits(program: Program, activity: Activity, parts: Sequence[Part]) -> set[UUID]:
    """Write the participations, one over a limit as refused; the members of those that count.

    A turn has few invites of one member: each goes in by himself where limits ask for it, in order.
    """
    if not any(activity.limits.values()):
        insert_parts(program.id, parts)
        return {part.member_id for part in parts if part.status == Took.COUNTED}
    for part in parts:
        days: dict[UUID, date] = {part.member_id: part.day}
        over = part.status != Took.REFUSED and not (
            with_room(program.id, activity, days) and count_in(program.id, activity, 1)
        )
        insert_parts(program.id, [part._replace(status=Took.REFUSED, reason="limit_reached") if over else part])
    return {part.member_id for part in parts if part.status == Took.COUNTED}


class _Back(NamedTuple):
    id: UUID
    activity_id: UUID
    member_id: UUID


def take_back(program: Program, order_ids: Sequence[UUID]) -> None:
    """Orders were refunded whole: what they counted for counts no more, unless the activity is being settled."""
    rows = fetch_all(
        _Back,
        """SELECT id, activity_id, member_id FROM activity_participations
           WHERE program_id = %(p)s AND order_id = ANY(%(orders)s::uuid[]) AND status IN ('counted', 'held')""",
        p=program.id, orders=list(order_ids),
    )  # fmt: skip
    if not rows:
        return
    locked = queries.activities_by_id(program.id, {row.activity_id for row in rows}, lock="share")
    living = [row for row in rows if locked[row.activity_id].status == Status.RUNNING]
    for activity_id in sorted({row.activity_id for row in living}):
        _take_back_in(program, locked[activity_id], [row for row in living if row.activity_id == activity_id])


def _take_back_in(program: Program, activity: Activity, rows: Sequence[_Back]) -> None:
    hold_members(program.id, activity.id, {row.member_id for row in rows}, activity.created_at)
    hold_counters(program.id, [activity.id])
    ids = [row.id for row in rows]
    take_out(program.id, ids)
    moved = execute(
        """UPDATE activity_participations SET status = 'taken_back', reason = 'refunded'
           WHERE program_id = %(p)s AND id = ANY(%(ids)s::uuid[]) AND status IN ('counted', 'held')""",
        p=program.id, ids=ids,
    )  # fmt: skip
    count_out(program.id, [activity.id] * moved)
    revoke(program, activity, {row.member_id for row in rows})
