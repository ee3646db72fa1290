"""What the event log is told of activities. Facts are ids and words of the shop's, never personal data."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from community.activities import queries
from community.activities.queries import Activity, Part
from core.clock import now
from core.events.service import Event, announce


class Reached(NamedTuple):
    """A goal that somebody reached: a full team, a post with enough reactions, a streak."""

    activity_id: UUID
    at: datetime
    member_id: UUID
    team_id: UUID | None = None
    content_id: str | None = None
    value: int | None = None


def facts_of(activity: Activity) -> dict[str, Any]:
    """What each event says of its activity."""
    return {
        "activity_id": str(activity.id),
        "kind": activity.kind,
        "name": activity.name,
        "group_ids": [str(one) for one in activity.group_ids],
    }


def tell(program_id: UUID, kind: str, activities: Sequence[Activity], **more: Any) -> None:
    """The same event of several activities."""
    at = now()
    announce(program_id, [Event(kind, at, facts_of(one) | more) for one in activities])


def tell_checked_in(program_id: UUID, activity: Activity, part: Part) -> None:
    """`activity.checked_in`: a member's day that counts, as the activity cut it."""
    facts = {"participation_id": str(part.id), "member_id": str(part.member_id), "day": part.day.isoformat()}
    announce(program_id, [Event("activity.checked_in", part.happened_at, facts_of(activity) | facts)])


def tell_reached(program_id: UUID, reached: Sequence[Reached]) -> None:
    """`activity.reached`, each with the member and what was reached."""
    if not reached:
        return
    known = queries.activities_by_id(program_id, {one.activity_id for one in reached})
    events = [
        Event(
            "activity.reached", one.at,
            facts_of(known[one.activity_id])
            | {
                "member_id": str(one.member_id), "team_id": one.team_id and str(one.team_id),
                "content_id": one.content_id, "value": one.value,
            },
        )
        for one in reached
    ]  # fmt: skip
    announce(program_id, events)


def tell_released(program_id: UUID, released: Sequence[tuple[UUID, UUID, str, Sequence[str]]]) -> None:
    """`activity.released`: of (activity, team, reason, orders by the shop's ids) what the shop has to refund."""
    if not released:
        return
    known = queries.activities_by_id(program_id, {activity_id for activity_id, *_ in released})
    at = now()
    events = [
        Event(
            "activity.released", at,
            facts_of(known[activity_id])
            | {"team_id": str(team_id), "reason": reason, "order_external_ids": list(orders)},
        )
        for activity_id, team_id, reason, orders in released
    ]  # fmt: skip
    announce(program_id, events)
