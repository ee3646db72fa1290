"""Taking part: who may, how often, and what the occasion is. Callers hold the transaction; nothing here commits.

Locks the activity (shared, so that it does not end meanwhile), then the member's row in it, then the counter of a total
limit, then a team: in this order everywhere.
"""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from community.activities import queries, teams
from community.activities.announcing import Reached, tell_checked_in, tell_reached
from community.activities.definitions import activity_of
from community.activities.errors import (
    ActivityNotRunning,
    AlreadyTookPart,
    MemberNotEligible,
)
from community.activities.holding import blank_part, hold_members, insert_parts
from community.activities.limits import check_room
from community.activities.queries import Activity, Part
from community.activities.rewarding import grant, participations_of
from community.activities.rules import Kind, Status, Took, longest_streak
from community.activities.wishes import Wish
from community.groups import service as groups
from core.auth.actor import Program
from core.clock import day_of
from core.encryption import lookup_hash
from core.errors import Fault, Invalid
from core.ids import Ref
from referral.members import service as members

_FIELDS: dict[str, tuple[str, ...]] = {
    Kind.CHECK_IN: (),
    Kind.GROUP_BUY: ("team_id", "if_full", "order_external_id", "paid"),
    Kind.ENGAGEMENT: ("content_id",),
    Kind.TOPIC: ("content_id", "text"),
    Kind.POLL: ("option",),
}
"""What a participation of a kind may say; kinds that are not here have no participations by request."""


def take_part(program: Program, ref: Ref, wish: Wish) -> tuple[Part, bool]:
    """A member takes part, and whether that is new: the same occasion again is the same participation.

    Raises:
        ActivityNotFound: no such activity in the program.
        ActivityNotRunning: not at the wish's moment.
        MemberNotEligible: the member is suspended or not enrolled, or not in one of the groups.
        ParticipationLimit: a limit of the activity is reached.
        AlreadyTookPart: the occasion is there with other content, or is another member's.
        TeamNotFound, TeamFull, TeamEnded, OrderDoesNotFit: as teams say.
        Invalid: a field is missing, or is not of the activity's kind.
    """
    seen = activity_of(program.id, ref)
    check_fields(seen, wish)
    check_moment(seen, wish.at)  # before the lock: who comes late must not hold up the settlement
    activity = activity_of(program.id, seen.id, lock="share")
    check_moment(activity, wish.at)
    check_member(program, activity, wish.member_id)
    hold_members(program.id, activity.id, [wish.member_id], wish.at)
    if activity.kind == Kind.GROUP_BUY:
        part, is_new = teams.join(program, activity, wish)
    else:
        part, is_new = _once(program, activity, wish)
    if is_new and activity.kind == Kind.CHECK_IN:
        tell_checked_in(program.id, activity, part)
        _tell_streak(program, activity, part)
    if is_new and activity.pays_at_once:
        grant(program, activity, [wish.member_id])
    return part, is_new


def _tell_streak(program: Program, activity: Activity, part: Part) -> None:
    """A streak that this day completes is told."""
    goals = {one["days"] for one in activity.goal["streaks"]}
    if not goals:
        return
    days = [one.day for one in participations_of(program.id, activity, [part.member_id])[part.member_id]]
    longest = longest_streak(days)
    if longest in goals and longest > longest_streak(day for day in days if day != part.day):
        tell_reached(program.id, [Reached(activity.id, part.happened_at, part.member_id, value=longest)])


def check_fields(activity: Activity, wish: Wish) -> None:
    """Raises: Invalid."""
    allowed = _FIELDS.get(activity.kind)
    if allowed is None:
        raise Invalid.at("", f"Members do not take part in an activity of kind {activity.kind} by a call.")
    foreign = sorted(wish.named - set(allowed))
    if foreign:
        detail = f"Not for an activity of kind {activity.kind}."
        raise Invalid(faults=[Fault(f"/{name}", detail) for name in foreign])
    if activity.kind == Kind.ENGAGEMENT and wish.content_id is None:
        raise Invalid.at("/content_id", "The post is needed.")
    if activity.kind == Kind.TOPIC and wish.content_id is None and wish.text is None:
        raise Invalid.at("/text", "A text or a content_id is needed.")
    if activity.kind == Kind.POLL and wish.option not in {one["id"] for one in activity.goal["options"]}:
        raise Invalid.at("/option", "Not an option of the poll.")


def check_moment(activity: Activity, at: datetime) -> None:
    """Raises: ActivityNotRunning."""
    if activity.status != Status.RUNNING or not activity.starts_at <= at < activity.ends_at:
        raise ActivityNotRunning(status_now=activity.status)


def check_member(program: Program, activity: Activity, member_id: UUID) -> None:
    """Raises: MemberNotEligible."""
    member = members.members_of(program.id, [member_id]).get(member_id)
    if member is None or member.status != "active":
        raise MemberNotEligible("The member is not active.")
    if program.settings.enrolment != "open" and member.enrolment != "enrolled":
        raise MemberNotEligible("The member is not enrolled.")
    if not in_groups(program.id, activity, [member_id]):
        raise MemberNotEligible("The member is in none of the activity's groups.")


def in_groups(program_id: UUID, activity: Activity, member_ids: Collection[UUID]) -> set[UUID]:
    """Those of these members who may take part as far as groups decide."""
    wanted = list(member_ids)
    if not activity.guard["members_only"]:
        return set(wanted)
    return {
        member_id for group_id in activity.group_ids for member_id in groups.members_in(program_id, group_id, wanted)
    }


def _once(program: Program, activity: Activity, wish: Wish) -> tuple[Part, bool]:
    part = _draft(program, activity, wish)
    known = queries.part_of_occasion(program.id, activity.id, wish.member_id, part.occasion)
    if known is not None:
        if known.option != part.option:
            raise AlreadyTookPart("The member has voted already.")
        return known, False
    check_room(program.id, activity, {wish.member_id: part.day})
    if not insert_parts(program.id, [part]):
        raise AlreadyTookPart("The post is another member's.")
    return part, True


def _draft(program: Program, activity: Activity, wish: Wish) -> Part:
    day = day_of(wish.at, program.settings.timezone)
    part = blank_part(activity.id, wish.member_id, _occasion(activity.kind, wish, day), Took.COUNTED, day, wish.at)
    return part._replace(content_id=wish.content_id, option=wish.option, body=wish.text)


def _occasion(kind: str, wish: Wish, day: date) -> str:
    if kind == Kind.CHECK_IN:
        return f"day:{day}"
    if kind == Kind.POLL:
        return "vote"
    if wish.content_id is not None:
        return f"content:{wish.content_id}"
    return "text:" + lookup_hash("activity_text", wish.text or "").hex()[:32]  # keyed: words cannot be guessed from it
