"""Activities: made, changed, canceled, approved. What they promise never changes. Callers hold the transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import orjson

from community.activities import queries
from community.activities.budgets import POINTS, approve_budget, ask_for_budget, budgets_of, close_budget
from community.activities.errors import ActivityInOtherState, ActivityNotFound
from community.activities.goals import whole_goal
from community.activities.models import ActivityCounterRow, ActivityRow
from community.activities.queries import Activity
from community.activities.rules import CANCELABLE, Kind, Status
from community.activities.schemas import WHOLE_HOURS, is_whole_hour
from community.activities.seats import end_teams_by
from community.groups import service as groups
from core.auth.actor import Actor, Program
from core.bulk import insert_rows
from core.clock import now
from core.db import Collision, execute, json
from core.errors import AlreadyExists, Invalid
from core.ids import ExternalRef, Ref, new_id
from coupons.vouchers import service as vouchers
from coupons.vouchers.errors import CouponNotFound

NOT_COMPUTED = False  # the rewards of its members


class _Counter(NamedTuple):
    activity_id: UUID
    admitted: int


def activity_of(program_id: UUID, ref: Ref, *, lock: str | None = None) -> Activity:
    """Raises: ActivityNotFound."""
    found = queries.activity(program_id, ref, lock=lock)
    if found is None:
        raise ActivityNotFound()
    return found


def create_activity(actor: Actor, body: dict[str, Any]) -> tuple[Activity, bool]:
    """An activity from a checked body, and whether it is new: the same external id with the same content is the same.

    Raises:
        AlreadyExists: the external id has other content.
        Invalid: a group or the coupon is not the program's, the budget is in another currency, or it is over already.
    """
    # with its defaults: whoever spells them out asks for the same
    body = body | {"goal": whole_goal(body["kind"], body["goal"])}
    content = hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).digest()
    external_id = body["external_id"]
    known = external_id and queries.activity(actor.program_id, ExternalRef(external_id))
    if known:
        if known.request_hash != content:
            raise AlreadyExists()
        return known, False
    _check(actor.program, body)
    activity = _draft(actor, body, content)
    if not insert_rows(
        ActivityRow, [activity], program_id=actor.program_id, on_conflict="DO NOTHING", returning="id"
    ):  # fmt: skip
        raise Collision("the same activity was made at this moment")
    _open_accounts(actor, activity, body["budget"])
    schedule_if_ready(actor.program_id, activity.id)
    return activity_of(actor.program_id, activity.id), True


def _check(program: Program, body: Mapping[str, Any]) -> None:
    check_groups(program.id, body["group_ids"])
    if body["ends_at"] <= now():
        raise Invalid.at("/ends_at", "It is over already.")
    budget, reward = body["budget"], body["reward"]
    if budget and budget["currency"] not in {program.currency, POINTS}:
        raise Invalid.at("/budget/currency", f"Neither {program.currency} nor {POINTS}.")
    if reward and reward["coupon_id"]:
        _check_coupon(program.id, reward["coupon_id"])
    if body["guard"]["members_only"] and not body["group_ids"]:
        raise Invalid.at("/guard/members_only", "It needs groups.")


def _check_coupon(program_id: UUID, coupon_id: UUID) -> None:
    try:
        vouchers.coupon_of(program_id, coupon_id)
    except CouponNotFound as error:
        raise Invalid.at("/reward/coupon_id", "There is no such coupon.") from error


def check_groups(program_id: UUID, group_ids: Sequence[UUID]) -> None:
    """Raises: Invalid: one of them is not a group of the program."""
    known = {group.id for group in groups.groups_of(program_id, group_ids)} if group_ids else set()
    for place, group_id in enumerate(group_ids):
        if group_id not in known:
            raise Invalid.at(f"/group_ids/{place}", "There is no such group.")


def _draft(actor: Actor, body: Mapping[str, Any], content: bytes) -> Activity:
    at = now()
    reward = body["reward"]
    stored = reward and {**reward, "coupon_id": reward["coupon_id"] and str(reward["coupon_id"])}
    return Activity(
        new_id(), body["external_id"], content, body["kind"], body["name"], list(dict.fromkeys(body["group_ids"])),
        body["starts_at"], body["ends_at"], body["settle_after_seconds"], body["published"],
        body["goal"], body["limits"], stored, body["guard"], body["texts"], Status.DRAFT,
        None, NOT_COMPUTED, actor.id, None, None, None, None, at, at,
    )  # fmt: skip


def _open_accounts(actor: Actor, activity: Activity, budget: Mapping[str, Any] | None) -> None:
    if budget:
        ask_for_budget(actor.program_id, activity.id, budget["currency"], budget["amount"], actor.id)
    if activity.limits["total"] is not None:
        row = _Counter(activity.id, 0)
        insert_rows(ActivityCounterRow, [row], program_id=actor.program_id)


def schedule_if_ready(program_id: UUID, activity_id: UUID) -> None:
    """A draft is scheduled once it is published and its budget, if it has one, is approved."""
    execute(
        """UPDATE activities a SET status = 'scheduled', updated_at = %(at)s
           WHERE a.program_id = %(program_id)s AND a.id = %(id)s AND a.status = 'draft' AND a.published
             AND NOT EXISTS (SELECT FROM activity_budgets b WHERE b.program_id = a.program_id
                             AND b.activity_id = a.id AND b.status <> 'approved')""",
        program_id=program_id, id=activity_id, at=now(),
    )  # fmt: skip


_CHANGE: LiteralString = "UPDATE activities SET updated_at = %(at)s"
_SET: dict[str, LiteralString] = {
    "name": ", name = %(name)s",
    "group_ids": ", group_ids = %(group_ids)s::uuid[]",
    "starts_at": ", starts_at = %(starts_at)s",
    "ends_at": ", ends_at = %(ends_at)s",
    "settle_after_seconds": ", settle_after_seconds = %(settle_after_seconds)s",
    "published": ", published = %(published)s",
    "limits": ", limits = %(limits)s",
    "texts": ", texts = %(texts)s",
}


def change_activity(actor: Actor, ref: Ref, changes: dict[str, Any]) -> Activity:
    """Change words, groups, limits and window of an activity that has not ended; it is locked meanwhile.

    Raises:
        ActivityNotFound: no such activity in the program.
        ActivityInOtherState: it has ended or was canceled; or it has begun, and its start or being a draft is named.
        Invalid: a group is not the program's; it would end before it begins, or now; a total limit would come or go.
    """
    before = activity_of(actor.program_id, ref, lock="update")
    if before.status not in CANCELABLE:
        raise ActivityInOtherState(f"The activity is {before.status}.", status_now=before.status)
    wanted = {name: value for name, value in changes.items() if getattr(before, name) != value}
    if before.status == Status.RUNNING and {"starts_at", "published"} & wanted.keys():
        raise ActivityInOtherState("The activity has begun.", status_now=before.status)
    _check_change(actor.program_id, before, wanted)
    if wanted:
        values = {name: json(value) if name in {"limits", "texts"} else value for name, value in wanted.items()}
        statement = _CHANGE + "".join([_SET[name] for name in wanted])
        statement += " WHERE program_id = %(program_id)s AND id = %(id)s"
        execute(statement, program_id=actor.program_id, id=before.id, at=now(), **values)
        _follow_publication(actor.program_id, before.id, wanted.get("published"))
        if "ends_at" in wanted:
            end_teams_by(actor.program_id, before.id, wanted["ends_at"])
    return activity_of(actor.program_id, before.id)


def _check_change(program_id: UUID, before: Activity, wanted: Mapping[str, Any]) -> None:
    check_groups(program_id, wanted.get("group_ids", ()))
    starts_at, ends_at = (wanted.get(name, getattr(before, name)) for name in ("starts_at", "ends_at"))
    if ends_at <= starts_at:
        raise Invalid.at("/ends_at", "Not after starts_at.")
    if "ends_at" in wanted and ends_at <= now():
        raise Invalid.at("/ends_at", "It is over already.")
    if before.kind == Kind.SHARE:
        for name in {"starts_at", "ends_at"} & wanted.keys():
            if not is_whole_hour(wanted[name]):
                raise Invalid.at(f"/{name}", WHOLE_HOURS)
    total = wanted.get("limits", before.limits)["total"]
    if (total is None) != (before.limits["total"] is None):
        raise Invalid.at("/limits/total", "A total limit is there from the beginning to the end, or never.")


def _follow_publication(program_id: UUID, activity_id: UUID, published: bool | None) -> None:
    if published:
        schedule_if_ready(program_id, activity_id)
    elif published is False:
        execute(
            """UPDATE activities SET status = 'draft'
               WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'scheduled'""",
            program_id=program_id, id=activity_id,
        )  # fmt: skip


def approve(actor: Actor, ref: Ref) -> Activity:
    """Another person than the maker approves the budget: the money is set aside, and the activity is scheduled.

    Raises:
        ActivityNotFound, NoBudget, BudgetBySamePerson: as they say.
        ActivityInOtherState: the budget is decided, or the activity was canceled or is over.
    """
    activity = activity_of(actor.program_id, ref, lock="update")
    if activity.status not in CANCELABLE or activity.ends_at <= now():
        raise ActivityInOtherState("The activity is over.", status_now=activity.status)
    approve_budget(actor, activity.id)
    schedule_if_ready(actor.program_id, activity.id)
    return activity_of(actor.program_id, activity.id)


def cancel(actor: Actor, ref: Ref, reason: str | None) -> Activity:
    """End an activity before it is settled. What was earned at once stays earned; the rest of the budget goes back.

    Raises:
        ActivityNotFound: no such activity in the program.
        ActivityInOtherState: it is being settled, or has ended.
    """
    activity = activity_of(actor.program_id, ref, lock="update")
    canceled = execute(
        """UPDATE activities SET status = 'canceled', canceled_at = %(at)s, cancel_reason = %(reason)s,
                  updated_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = ANY(%(from)s)""",
        program_id=actor.program_id, id=activity.id, at=now(), reason=reason, **{"from": list(CANCELABLE)},
    )  # fmt: skip
    if not canceled:
        raise ActivityInOtherState(f"The activity is {activity.status}.", status_now=activity.status)
    if not queries.any_open_reward(actor.program_id, activity.id):
        close_budget(actor.program, activity.id)
    return activity_of(actor.program_id, activity.id)


__all__ = [
    "activity_of", "approve", "budgets_of", "cancel", "change_activity", "check_groups", "create_activity",
    "schedule_if_ready",
]  # fmt: skip
