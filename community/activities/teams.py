"""Teams of group buys (拼团): opened and joined. Callers hold the transaction; nothing here commits.

A seat is taken by a guarded update of the team's row, so the one after the last is refused at any concurrency. Locks
the member's row in the activity, then the counter, then teams in id order, then participations.
"""

from uuid import UUID

from community.activities import queries
from community.activities.errors import OrderDoesNotFit, TeamEnded, TeamFull, TeamNotFound
from community.activities.holding import blank_part, insert_parts
from community.activities.limits import check_room
from community.activities.models import ActivityTeamRow
from community.activities.queries import Activity, Part, Team
from community.activities.rules import CONFIRM, LINK, Took, seat_end, team_end
from community.activities.seats import Paid, confirm, follow_payments, payments_for
from community.activities.wishes import Wish
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import day_of
from core.db import Collision, execute
from core.ids import new_id

_WITHOUT_SEAT = (Took.RELEASED, Took.TAKEN_BACK)


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
    if known and known.status not in _WITHOUT_SEAT:
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
    day = day_of(wish.at, program.settings.timezone)
    if before is not None and before.team_id == team.id:
        moved = execute(
            """UPDATE activity_participations
               SET status = 'reserved', reason = NULL, order_id = NULL, order_external_id = %(order)s, day = %(day)s,
                   happened_at = %(at)s, expires_at = %(expires_at)s
               WHERE program_id = %(program_id)s AND id = %(id)s AND status = %(status)s""",
            program_id=program.id, id=before.id, order=wish.order_external_id, day=day, at=wish.at,
            expires_at=expires_at, status=before.status,
        )  # fmt: skip
        if not moved:
            raise Collision("the seat was taken again by a payment that was told late")
        return before._replace(status=Took.RESERVED, reason=None, order_id=None)
    part = blank_part(activity.id, wish.member_id, f"team:{team.id}", Took.RESERVED, day, wish.at)
    part = part._replace(team_id=team.id, order_external_id=wish.order_external_id, expires_at=expires_at)
    insert_parts(program.id, [part])
    return part


def _with_payment(program: Program, activity: Activity, part: Part, wish: Wish) -> Part:
    """The participation after what the wish says of its payment. An order that is named decides, once it is known."""
    verdicts: list[str] = []
    if wish.order_external_id is not None and part.order_id is None:
        _name_order(program.id, part.id, wish.order_external_id)
        verdicts = follow_payments(program, payments_for(program.id, part_ids=[part.id]))
        if verdicts and not {CONFIRM, LINK} & set(verdicts):
            raise OrderDoesNotFit()
    if wish.paid and not verdicts and part.team_id and part.status == Took.RESERVED:
        confirm(program, [Paid(part.id, part.team_id, None)])
    return queries.part(program.id, activity.id, part.id) or part


def _name_order(program_id: UUID, part_id: UUID, order_external_id: str) -> None:
    execute(
        """UPDATE activity_participations SET order_external_id = %(order)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status IN ('reserved', 'counted')
             AND order_id IS NULL""",
        program_id=program_id, id=part_id, order=order_external_id,
    )  # fmt: skip
