"""Seats of group buys (拼团) and their payments: confirmed, taken again, late. Callers hold the transaction.

Locks members' rows in the activities, then counters, then teams, each in id order, then participations.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from community.activities import queries
from community.activities.announcing import Reached, tell_reached, tell_released
from community.activities.holding import hold_members
from community.activities.limits import count_in, count_out, hold_counters, with_room
from community.activities.queries import Activity, Team
from community.activities.rules import CONFIRM, IGNORE, LATE, LINK, TAKE_AGAIN, Seat, Took, seat_verdict
from core.auth.actor import Program
from core.clock import now
from core.db import execute, fetch_all, scalars

_RANKS = (CONFIRM, LINK, TAKE_AGAIN, LATE, IGNORE)


class Payment(NamedTuple):
    """A paid order that a participation of a group buy names, and what decides whether it confirms the seat."""

    part_id: UUID
    activity_id: UUID
    team_id: UUID
    member_id: UUID
    day: date
    status: str
    expires_at: datetime | None
    order_id: UUID
    order_external_id: str
    paid_at: datetime
    is_payer: bool
    has_sku: bool
    is_refunded: bool
    is_taken: bool


class Paid(NamedTuple):
    """A reserved seat that is paid: by an order, or as the shop says."""

    part_id: UUID
    team_id: UUID
    order_id: UUID | None


# an order speaks for one seat of an activity, and of all activities for the same product
_PAYMENTS: LiteralString = """
    SELECT p.id, p.activity_id, p.team_id, p.member_id, p.day, p.status, p.expires_at, o.id, o.external_id, o.paid_at,
           coalesce(o.customer_id = p.member_id, false),
           EXISTS (SELECT FROM order_lines l WHERE l.program_id = o.program_id AND l.order_id = o.id
                   AND l.sku = a.goal->>'sku'),
           o.refunded >= o.total,
           EXISTS (SELECT FROM activity_participations q
                   JOIN activities b ON b.program_id = q.program_id AND b.id = q.activity_id
                   WHERE q.program_id = p.program_id AND q.order_id = o.id AND (q.activity_id = p.activity_id
                     OR (q.status = 'counted' AND b.kind = 'group_buy' AND b.goal->>'sku' = a.goal->>'sku')))
    FROM activity_participations p
    JOIN activities a ON a.program_id = p.program_id AND a.id = p.activity_id AND a.kind = 'group_buy'
    JOIN orders o ON o.program_id = p.program_id AND o.external_id = p.order_external_id
    WHERE p.program_id = %(program_id)s AND o.paid_at IS NOT NULL AND o.status <> 'canceled'
      AND p.status IN ('reserved', 'released', 'counted') AND p.order_id IS NULL"""
_OF: dict[str, LiteralString] = {
    "part_ids": " AND p.id = ANY(%(ids)s::uuid[]) ORDER BY o.paid_at, p.id",
    "order_ids": " AND o.id = ANY(%(ids)s::uuid[]) ORDER BY o.paid_at, p.id",
}


def payments_for(
    program_id: UUID, *, part_ids: Sequence[UUID] | None = None, order_ids: Sequence[UUID] | None = None
) -> list[Payment]:
    """Paid orders that participations name: of these participations, or these orders."""
    by, ids = ("part_ids", part_ids) if part_ids is not None else ("order_ids", order_ids)
    return fetch_all(Payment, _PAYMENTS + _OF[by], program_id=program_id, ids=list(ids or ()))


def follow_payments(program: Program, payments: Sequence[Payment]) -> list[str]:
    """Confirm seats that were paid in time; the others are told to the shop. The verdict on each.

    The caller has locked the activities.
    """
    if not payments:
        return []
    activities = queries.activities_by_id(program.id, {one.activity_id for one in payments})
    for activity_id, activity in activities.items():
        members = {one.member_id for one in payments if one.activity_id == activity_id}
        hold_members(program.id, activity_id, members, activity.created_at)
    hold_counters(program.id, activities)
    teams = queries.teams_by_id(program.id, {one.team_id for one in payments}, lock=True)
    current = payments_for(program.id, part_ids=[one.part_id for one in payments])
    verdicts = _verdicts(current, activities, teams)
    judged = list(zip(current, verdicts, strict=True))
    confirm(program, [Paid(one.part_id, one.team_id, one.order_id) for one, verdict in judged if verdict == CONFIRM])
    _link(program.id, [one for one, verdict in judged if verdict == LINK])
    for place, (one, verdict) in enumerate(judged):  # told late, so there are few; each changes what is left
        if verdict == TAKE_AGAIN:
            verdicts[place] = CONFIRM if _take_again(program, activities[one.activity_id], one) else LATE
    _note_late(program, [one for one, verdict in zip(current, verdicts, strict=True) if verdict == LATE])
    return verdicts


def _verdicts(
    payments: Sequence[Payment], activities: Mapping[UUID, Activity], teams: Mapping[UUID, Team]
) -> list[str]:
    """On each: an order speaks for one seat, one that it confirms rather than one that it is late for."""
    verdicts = [_verdict(one, activities[one.activity_id], teams[one.team_id]) for one in payments]
    used: set[tuple[str, UUID]] = set()
    for place in sorted(range(len(payments)), key=lambda place: _RANKS.index(verdicts[place])):
        one = payments[place]
        speaks = {(str(one.activity_id), one.order_id), (activities[one.activity_id].goal["sku"], one.order_id)}
        if verdicts[place] != IGNORE and speaks & used:
            verdicts[place] = IGNORE
        elif verdicts[place] != IGNORE:
            used |= speaks
    return verdicts


def _verdict(one: Payment, activity: Activity, team: Team) -> str:
    fits = one.is_payer and one.has_sku and not one.is_taken and one.paid_at >= activity.starts_at
    seat = Seat(one.status, one.expires_at, team.status, activity.status, fits, one.is_refunded)
    return seat_verdict(seat, one.paid_at)


def confirm(program: Program, payments: Sequence[Paid]) -> None:
    """These reserved seats are paid. A team whose seats all are is done, and told. Locks the teams in id order."""
    if not payments:
        return
    queries.teams_by_id(program.id, {one.team_id for one in payments}, lock=True)
    confirmed = scalars(
        """UPDATE activity_participations p SET status = 'counted', reason = NULL, order_id = g.order_id
           FROM unnest(%(ids)s::uuid[], %(orders)s::uuid[]) AS g (id, order_id)
           WHERE p.program_id = %(program_id)s AND p.id = g.id AND p.status = 'reserved'
           RETURNING p.team_id""",
        program_id=program.id, ids=[one.part_id for one in payments], orders=[one.order_id for one in payments],
    )  # fmt: skip
    move_seats(program.id, seats=[], paid=[(team_id, 1) for team_id in confirmed])
    _complete(program, confirmed)


def _take_again(program: Program, activity: Activity, one: Payment) -> bool:
    """A seat that went back and was paid in time after all: taken again while it is free and limits allow it."""
    if not with_room(program.id, activity, {one.member_id: one.day}):
        return False
    free = execute(
        """UPDATE activity_teams SET seats_left = seats_left - 1
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'open' AND seats_left > 0""",
        program_id=program.id, id=one.team_id,
    )  # fmt: skip
    if not free:
        return False
    if not count_in(program.id, activity, 1):
        move_seats(program.id, seats=[(one.team_id, 1)], paid=[])
        return False
    execute(
        """UPDATE activity_participations SET status = 'reserved'
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'released'""",
        program_id=program.id, id=one.part_id,
    )  # fmt: skip
    confirm(program, [Paid(one.part_id, one.team_id, one.order_id)])
    return True


def _link(program_id: UUID, payments: Sequence[Payment]) -> None:
    """Seats that the shop has called paid: the order that it named is known now, and a refund of it will be heard."""
    if not payments:
        return
    execute(
        """UPDATE activity_participations p SET order_id = g.order_id
           FROM unnest(%(ids)s::uuid[], %(orders)s::uuid[]) AS g (id, order_id)
           WHERE p.program_id = %(program_id)s AND p.id = g.id AND p.status = 'counted' AND p.order_id IS NULL""",
        program_id=program_id, ids=[one.part_id for one in payments], orders=[one.order_id for one in payments],
    )  # fmt: skip


def move_seats(program_id: UUID, seats: Sequence[tuple[UUID, int]], paid: Sequence[tuple[UUID, int]]) -> None:
    """Change free and paid seats of open teams, all in one statement; the caller has locked the teams."""
    changes = [(team_id, free, 0) for team_id, free in seats] + [(team_id, 0, one) for team_id, one in paid]
    execute(
        """UPDATE activity_teams t SET seats_left = t.seats_left + g.seats, confirmed = t.confirmed + g.paid
           FROM (SELECT id, sum(seats) AS seats, sum(paid) AS paid
                 FROM unnest(%(ids)s::uuid[], %(seats)s::int[], %(paid)s::int[]) AS given (id, seats, paid)
                 GROUP BY id) g
           WHERE t.program_id = %(program_id)s AND t.id = g.id AND t.status = 'open'""",
        program_id=program_id, ids=[one[0] for one in changes], seats=[one[1] for one in changes],
        paid=[one[2] for one in changes],
    )  # fmt: skip


def end_teams_by(program_id: UUID, activity_id: UUID, ends_at: datetime) -> None:
    """The activity ends earlier than its open teams thought: so do they. The caller has locked the activity."""
    execute(
        """WITH due AS MATERIALIZED (
             SELECT id FROM activity_teams
             WHERE program_id = %(program_id)s AND activity_id = %(activity_id)s AND status = 'open'
               AND expires_at > %(ends_at)s ORDER BY id FOR UPDATE)
           UPDATE activity_teams t SET expires_at = %(ends_at)s FROM due
           WHERE t.program_id = %(program_id)s AND t.id = due.id""",
        program_id=program_id, activity_id=activity_id, ends_at=ends_at,
    )  # fmt: skip


def _complete(program: Program, team_ids: Sequence[UUID]) -> None:
    at = now()
    done = scalars(
        """UPDATE activity_teams SET status = 'done', ended_at = %(at)s
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) AND status = 'open' AND confirmed = size
           RETURNING id""",
        program_id=program.id, ids=list(team_ids), at=at,
    )  # fmt: skip
    teams = queries.teams_by_id(program.id, done)
    tell_reached(program.id, [Reached(one.activity_id, at, one.leader_id, team_id=one.id) for one in teams.values()])


def _note_late(program: Program, payments: Sequence[Payment]) -> None:
    """Paid, but too late: the seat is free, and the shop hears which orders it has to refund."""
    if not payments:
        return
    execute(
        """UPDATE activity_participations p SET status = 'released', reason = 'paid_late', order_id = g.order_id
           FROM unnest(%(ids)s::uuid[], %(orders)s::uuid[]) AS g (id, order_id)
           WHERE p.program_id = %(program_id)s AND p.id = g.id AND p.status IN ('reserved', 'released')""",
        program_id=program.id, ids=[one.part_id for one in payments], orders=[one.order_id for one in payments],
    )  # fmt: skip
    kept = [one for one in payments if one.status == Took.RESERVED]
    move_seats(program.id, seats=[(one.team_id, 1) for one in kept], paid=[])
    count_out(program.id, [one.activity_id for one in kept])
    tell_released(
        program.id, [(one.activity_id, one.team_id, "paid_late", [one.order_external_id]) for one in payments]
    )
