"""What groups and members hear of activities, from what the event log has of them. Callers hold the transaction."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from community.activities import queries
from community.activities.queries import Activity
from community.groups import service as groups
from community.notices.service import Notice, tell
from core.auth.actor import Program
from core.events.reading import NumberedEvent

TOLD = ("activity.started", "activity.reached", "activity.settled")
_TOPIC = "activity"


def tell_news(program: Program, events: Sequence[NumberedEvent]) -> None:
    """An activity's groups, or all that hear the topic, are told of it; who reached a goal hears of it himself."""
    ids = {UUID(event.facts["activity_id"]) for event in events}
    known = queries.activities_by_id(program.id, ids)
    everybody = [group.id for group in groups.groups_of(program.id, topics=[_TOPIC])]
    notices = []
    for event in events:
        activity = known.get(UUID(event.facts["activity_id"]))
        if activity is not None:
            notices.append(_notice(event, activity, activity.group_ids or everybody))
    tell(program, notices)


def _notice(event: NumberedEvent, activity: Activity, group_ids: Sequence[UUID]) -> Notice:
    change = event.kind.partition(".")[2]
    facts = {"change": change, "activity": activity.name} | _MORE[change](event.facts, activity)
    member_id = event.facts.get("member_id")
    member_ids = [UUID(member_id)] if member_id else []
    return Notice(_TOPIC, f"activity:{event.id}", facts, event.happened_at, group_ids, member_ids)


def _started(_facts: dict[str, Any], activity: Activity) -> dict[str, Any]:
    return {"ends_at": activity.ends_at.isoformat()}


def _reached(facts: dict[str, Any], _activity: Activity) -> dict[str, Any]:
    return {"member_id": facts["member_id"], "count": facts["value"]}


def _settled(facts: dict[str, Any], _activity: Activity) -> dict[str, Any]:
    return {"count": facts["members"]}


_MORE: dict[str, Callable[[dict[str, Any], Activity], dict[str, Any]]] = {
    "started": _started, "reached": _reached, "settled": _settled,
}  # fmt: skip
