"""What people decide: whether invites that look wrong count, and who wins a topic. Callers hold the transaction."""

from collections.abc import Sequence
from typing import LiteralString, NamedTuple
from uuid import UUID

from community.activities import queries
from community.activities.definitions import activity_of
from community.activities.errors import ActivityInOtherState, NothingToDecide, ParticipationNotFound
from community.activities.limits import count_out
from community.activities.queries import Activity, Part
from community.activities.rewarding import grant
from community.activities.rules import Kind, Status, Took
from community.activities.suspicions import ORDER_HELD, SHARED_DEVICE
from core.auth.actor import Program
from core.db import execute, fetch_all, scalar, scalars
from core.errors import Fault, Invalid
from core.ids import Ref

_OPEN = (Status.RUNNING, Status.SETTLING)


def decide(program: Program, ref: Ref, part_id: UUID, action: str) -> Part:
    """Let a held participation count ("release"), or not ("reject").

    Raises:
        ActivityNotFound, ParticipationNotFound: as they say.
        NothingToDecide: it is not held, or waits for what the guard decides of its order.
        ActivityInOtherState: the activity has ended.
    """
    activity = _open_activity(program.id, ref)
    part = queries.part(program.id, activity.id, part_id, lock=True)
    if part is None:
        raise ParticipationNotFound()
    if part.status != Took.HELD or part.reason != SHARED_DEVICE:
        raise NothingToDecide(status_now=part.status)
    _settle_held(program, activity, [part_id] if action == "release" else [], [part_id] if action == "reject" else [])
    return queries.part(program.id, activity.id, part_id) or part


def _open_activity(program_id: UUID, ref: Ref) -> Activity:
    activity = activity_of(program_id, ref, lock="update")
    if activity.status not in _OPEN:
        raise ActivityInOtherState(f"The activity is {activity.status}.", status_now=activity.status)
    return activity


def _settle_held(program: Program, activity: Activity, released: Sequence[UUID], rejected: Sequence[UUID]) -> None:
    """What is released is rewarded where the activity pays at once, or its settlement may have passed the member."""
    members = scalars(
        """UPDATE activity_participations SET status = 'counted', reason = NULL
           WHERE program_id = %(p)s AND id = ANY(%(ids)s::uuid[]) AND status = 'held' RETURNING member_id""",
        p=program.id, ids=list(released),
    )  # fmt: skip
    refused = execute(
        """UPDATE activity_participations SET status = 'refused'
           WHERE program_id = %(p)s AND id = ANY(%(ids)s::uuid[]) AND status = 'held'""",
        p=program.id, ids=list(rejected),
    )  # fmt: skip
    count_out(program.id, [activity.id] * refused)
    if activity.pays_at_once or activity.status == Status.SETTLING:
        grant(program, activity, set(members))


class _Held(NamedTuple):
    id: UUID
    activity_id: UUID
    guard_status: str


_DECIDED: LiteralString = """
    SELECT p.id, p.activity_id, o.guard_status FROM activity_participations p
    JOIN orders o ON o.program_id = p.program_id AND o.id = p.order_id AND o.guard_status <> 'held'
    JOIN activities a ON a.program_id = p.program_id AND a.id = p.activity_id AND a.status IN ('running', 'settling')
    WHERE p.program_id = %(p)s AND p.status = 'held' AND p.reason = %(reason)s"""


def any_decided(program_id: UUID) -> bool:
    """Whether the guard has decided of an order with which an invite is held."""
    return bool(scalar("SELECT EXISTS (" + _DECIDED + ")", p=program_id, reason=ORDER_HELD))


def follow_guard(program: Program) -> None:
    """Invites that were held with their orders, once the guard has decided of those."""
    decided = fetch_all(_Held, _DECIDED + " ORDER BY p.id", p=program.id, reason=ORDER_HELD)
    locked = queries.activities_by_id(program.id, {one.activity_id for one in decided}, lock="update")
    for activity in locked.values():
        ours = [one for one in decided if one.activity_id == activity.id]
        if activity.status in _OPEN:
            rejected = [one.id for one in ours if one.guard_status == "rejected"]
            _settle_held(program, activity, [one.id for one in ours if one.id not in set(rejected)], rejected)


def pick_winners(program: Program, ref: Ref, part_ids: Sequence[UUID]) -> list[Part]:
    """These and no other participations of a topic are its winners, until it is settled.

    Raises:
        ActivityNotFound: no such activity in the program.
        ActivityInOtherState: it has not begun, is being settled, or has ended.
        Invalid: it is no topic, has fewer winners, or one is not a participation of it.
    """
    activity = activity_of(program.id, ref, lock="update")
    if activity.kind != Kind.TOPIC:
        raise Invalid.at("", "Only topics have winners.")
    if activity.status != Status.RUNNING:
        raise ActivityInOtherState(f"The activity is {activity.status}.", status_now=activity.status)
    most = activity.goal["winners"]
    if most is not None and len(set(part_ids)) > most:
        raise Invalid.at("/participation_ids", f"At most {most} win.")
    known = {part.id: part for part in queries.parts_by_id(program.id, part_ids, lock=True)}
    faults = [
        Fault(f"/participation_ids/{place}", "There is no such participation in this topic.")
        for place, part_id in enumerate(part_ids)
        if part_id not in known or known[part_id].activity_id != activity.id
    ]
    if faults:
        raise Invalid(faults=faults)
    execute(
        """UPDATE activity_participations
           SET status = CASE WHEN id = ANY(%(ids)s::uuid[]) THEN 'winner' ELSE 'counted' END
           WHERE program_id = %(p)s AND activity_id = %(activity_id)s
             AND (status = 'winner' OR id = ANY(%(ids)s::uuid[])) AND status IN ('counted', 'winner')""",
        p=program.id, activity_id=activity.id, ids=list(part_ids),
    )  # fmt: skip
    return queries.parts_by_id(program.id, part_ids)
