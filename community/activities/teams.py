"""Teams of group buys (拼团): opened, joined, paid, complete. Callers hold the transaction; nothing here commits.

A seat is taken by a guarded update of the team's row, so the one after the last is refused at any concurrency. Locks
the member's row in the activity, then the counter, then teams in id order, then participations.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from community.activities import queries
from community.activities.announcing import Reached, tell_reached, tell_released
from community.activities.errors import OrderDoesNotFit, TeamEnded, TeamFull, TeamNotFound
from community.activities.holding import blank_part, insert_parts
from community.activities.limits import check_room
from community.activities.models import ActivityTeamRow
from community.activities.queries import Activity, Part, Team
from community.activities.rules import Seat, Took, seat_end, seat_verdict, team_end
from community.activities.wishes import Wish
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import day_of, now
from core.db import execute, fetch_all, scalars
from core.ids import new_id


def join(program: Program, activity: Activity, wish: Wish) -> tuple[Part, bool]:
    """A seat in the team that is named, else in a new one; and whether it is new. Again: the order, if it is told now.

    Raises:
        TeamNotFound: no such team in the activity.
        TeamFull: all seats are taken, and no other team is wanted instead.
        TeamEnded: it is complete, released, or over.
        ParticipationLimit: the member has as many seats as are allowed.
        OrderDoesNotFit: the order was paid, but not for this seat.
    """
    occasion = f"team:{wish.team_id}"
    known = wish.team_id and queries.part_of_occasion(program.id, activity.id, wish.member_id, occasion)
    if known and known.status != Took.RELEASED:
        return _with_payment(program, activity, known, wish), False
    check_room(program.id, activity, {wish.member_id: day_of(wish.at, program.settings.timezone)})
    team = _seat_in(program.id, activity, wish) or _open_team(program.id, activity, wish)
    part = _reserve(program, activity, team, wish, known or None)
    return _with_payment(program, activity, part, wish), True


def _seat_in(program_id: UUID, activity: Activity, wish: Wish) -> Team | None:
    """The named team with a seat taken; None where a new one is to be opened."""
    if wish.team_id is None:
        return None
    taken = execute(
        """UPDATE activity_teams SET seats_left = seats_left - 1
           WHERE program_id = %(program_id)s AND id = %(id)s AND activity_id = %(activity_id)s AND status = 'open'
             AND seats_left > 0 AND expires_at > %(at)s""",
        program_id=program_id, id=wish.team_id, activity_id=activity.id, at=wish.at,
    )  # fmt: skip
    team = queries.teams_by_id(program_id, [wish.team_id]).get(wish.team_id)
    if team is None or team.activity_id != activity.id:
        raise TeamNotFound()
    if taken:
        return team
    if wish.if_full == "open":
        return None
    raise TeamEnded() if team.status != "open" or team.expires_at <= wish.at else TeamFull()


def _open_team(program_id: UUID, activity: Activity, wish: Wish) -> Team:
    size = activity.goal["buyers"]
    expires_at = team_end(wish.at, activity.goal["team_seconds"], activity.ends_at)
    team = Team(new_id(), activity.id, wish.member_id, size, size - 1, 0, "open", wish.at, expires_at, None)
    insert_rows(ActivityTeamRow, [team], program_id=program_id)
    return team


def _reserve(program: Program, activity: Activity, team: Team, wish: Wish, before: Part | None) -> Part:
    expires_at = seat_end(wish.at, activity.goal["pay_seconds"], team.expires_at)
    if before is not None and before.team_id == team.id:
        execute(
            """UPDATE activity_participations
               SET status = 'reserved', reason = NULL, order_id = NULL, order_external_id = %(order)s,
                   expires_at = %(expires_at)s
               WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'released'""",
            program_id=program.id, id=before.id, order=wish.order_external_id, expires_at=expires_at,
        )  # fmt: skip
        return before._replace(status=Took.RESERVED, reason=None, order_id=None)
    day = day_of(wish.at, program.settings.timezone)
    part = blank_part(activity.id, wish.member_id, f"team:{team.id}", Took.RESERVED, day, wish.at)
    part = part._replace(team_id=team.id, order_external_id=wish.order_external_id, expires_at=expires_at)
    insert_parts(program.id, [part])
    return part


def _with_payment(program: Program, activity: Activity, part: Part, wish: Wish) -> Part:
    """The participation after what the wish says of its payment."""
    if part.status == Took.RESERVED and wish.paid:
        confirm(program, [Paid(part.id, part.team_id or part.id, part.status, None)])
    elif part.status == Took.RESERVED and wish.order_external_id is not None:
        _name_order(program.id, part.id, wish.order_external_id)
        payments = payments_for(program.id, part_ids=[part.id])
        verdicts = follow_payments(program, payments)
        if verdicts and "confirm" not in verdicts:
            raise OrderDoesNotFit()
    return queries.part(program.id, activity.id, part.id) or part


def _name_order(program_id: UUID, part_id: UUID, order_external_id: str) -> None:
    execute(
        """UPDATE activity_participations SET order_external_id = %(order)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'reserved'""",
        program_id=program_id, id=part_id, order=order_external_id,
    )  # fmt: skip


class Payment(NamedTuple):
    """A paid order that a participation of a group buy names, and what decides whether it confirms the seat."""

    part_id: UUID
    activity_id: UUID
    team_id: UUID
    member_id: UUID
    status: str
    expires_at: datetime | None
    order_id: UUID | None  # None: the shop says that it is paid
    order_external_id: str | None
    paid_at: datetime
    is_payer: bool
    has_sku: bool
    is_taken: bool


class Paid(NamedTuple):
    """A seat that is paid: by an order, or as the shop says."""

    part_id: UUID
    team_id: UUID
    status: str  # reserved, or released: the seat is to be taken again
    order_id: UUID | None


_PAYMENTS: LiteralString = """
    SELECT p.id, p.activity_id, p.team_id, p.member_id, p.status, p.expires_at, o.id, o.external_id, o.paid_at,
           coalesce(o.customer_id = p.member_id, false) AND o.refunded < o.total,
           EXISTS (SELECT FROM order_lines l WHERE l.program_id = o.program_id AND l.order_id = o.id
                   AND l.sku = a.goal->>'sku'),
           EXISTS (SELECT FROM activity_participations q WHERE q.program_id = p.program_id AND q.order_id = o.id
                   AND q.activity_id = p.activity_id)
    FROM activity_participations p
    JOIN activities a ON a.program_id = p.program_id AND a.id = p.activity_id AND a.kind = 'group_buy'
    JOIN orders o ON o.program_id = p.program_id AND o.external_id = p.order_external_id
    WHERE p.program_id = %(program_id)s AND o.paid_at IS NOT NULL AND o.status <> 'canceled'
      AND p.status IN ('reserved', 'released') AND p.order_id IS NULL"""
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
    """Confirm seats that were paid in time; the others are told to the shop. The verdict on each."""
    locked = queries.teams_by_id(program.id, [one.team_id for one in payments], lock=True)
    current = payments_for(program.id, part_ids=[one.part_id for one in payments])
    verdicts = _verdicts(current, locked)
    judged = list(zip(current, verdicts, strict=True))
    confirm(program, [Paid(one.part_id, one.team_id, one.status, one.order_id) for one, v in judged if v == "confirm"])
    _note_late(program, [one for one, verdict in judged if verdict == "late" and one.status == Took.RELEASED])
    return verdicts


def _verdicts(payments: Sequence[Payment], teams: Mapping[UUID, Team]) -> list[str]:
    """On each in turn: an order confirms one seat, and a seat that went back may be somebody else's by now."""
    left = {team_id: team.seats_left for team_id, team in teams.items()}
    used: set[tuple[UUID, UUID | None]] = set()
    verdicts = []
    for one in payments:
        is_taken = one.is_taken or (one.activity_id, one.order_id) in used
        seat = Seat(one.status, one.expires_at, teams[one.team_id].status, one.is_payer, one.has_sku, is_taken)
        verdict = seat_verdict(seat, one.paid_at)
        if verdict == "confirm" and one.status == Took.RELEASED:
            left[one.team_id] -= 1
            verdict = "late" if left[one.team_id] < 0 else "confirm"
        if verdict == "confirm":
            used.add((one.activity_id, one.order_id))
        verdicts.append(verdict)
    return verdicts


def confirm(program: Program, payments: Sequence[Paid]) -> None:
    """These seats are paid. A team whose seats all are is done, and told. Locks the teams in id order."""
    if not payments:
        return
    queries.teams_by_id(program.id, [one.team_id for one in payments], lock=True)
    returned = [one.team_id for one in payments if one.status == Took.RELEASED]
    confirmed = scalars(
        """UPDATE activity_participations p SET status = 'counted', reason = NULL, order_id = g.order_id
           FROM unnest(%(ids)s::uuid[], %(orders)s::uuid[]) AS g (id, order_id)
           WHERE p.program_id = %(program_id)s AND p.id = g.id AND p.status IN ('reserved', 'released')
           RETURNING p.team_id""",
        program_id=program.id, ids=[one.part_id for one in payments], orders=[one.order_id for one in payments],
    )  # fmt: skip
    move_seats(program.id, seats=[(team_id, -1) for team_id in returned], paid=[(team_id, 1) for team_id in confirmed])
    _complete(program, confirmed)


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
    """Paid, but there is no seat: the shop hears which orders it has to refund."""
    if not payments:
        return
    execute(
        """UPDATE activity_participations p SET reason = 'paid_late', order_id = g.order_id
           FROM unnest(%(ids)s::uuid[], %(orders)s::uuid[]) AS g (id, order_id)
           WHERE p.program_id = %(program_id)s AND p.id = g.id AND p.status = 'released'""",
        program_id=program.id, ids=[one.part_id for one in payments], orders=[one.order_id for one in payments],
    )  # fmt: skip
    tell_released(
        program.id, [(one.activity_id, one.team_id, "paid_late", [one.order_external_id or ""]) for one in payments]
    )
