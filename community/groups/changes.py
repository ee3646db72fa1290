"""Groups: made, changed, paused, resumed, ended. Callers hold the transaction; nothing here commits."""

import secrets
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import orjson

from community.groups import queries
from community.groups.errors import GroupExists, GroupInOtherState, GroupNotFound
from community.groups.metrics import count_paused
from community.groups.models import GroupRow
from community.groups.queries import Group
from community.groups.rules import Scope, Status, Times
from community.groups.service import find_group
from community.platforms.service import Target, chat_of, target_from, target_json
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import now
from core.db import Collision, execute, scalar
from core.encryption import encrypt, lookup_hash
from core.errors import Invalid
from core.events.service import Event, announce
from core.ids import Ref, new_id
from referral.members import service as members


class _Row(NamedTuple):
    id: UUID
    external_id: str | None
    content_hash: bytes
    name: str
    platform: str
    target_sealed: str
    chat_hash: bytes | None
    callback_token: str
    topics: list[str]
    scope: str
    show_amounts: bool
    quiet_from: int | None
    quiet_to: int | None
    timezone: str | None
    language: str
    owner_member_id: UUID | None
    rules: str | None
    welcome: str | None
    digest_minute: int | None
    next_digest_at: datetime | None
    status: str
    refusals_in_a_row: int
    created_at: datetime
    updated_at: datetime


def create_group(program: Program, body: dict[str, Any]) -> tuple[Group, bool]:
    """A group from a checked body, and whether it is new: `external_id` is a natural key.

    Raises:
        GroupExists: the external id is taken by a group with other content.
        Invalid: a target that its platform cannot use, an owner who is not there, a team without owner.
        Collision: a rival made it between our look and our insert; the next try sees his.
    """
    target = target_from(body["platform"], body["target"])
    digest = lookup_hash("group", orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode())
    standing = queries.known(program.id, body["external_id"]) if body["external_id"] is not None else None
    if standing is not None:
        if standing.content_hash != digest:
            raise GroupExists()
        return find_group(program.id, standing.id), False
    _check_owner(program.id, body["owner_member_id"], body["scope"])
    row = _row(program, body, target, digest)
    if not insert_rows(GroupRow, [row], program_id=program.id, on_conflict="DO NOTHING", returning="id"):
        raise Collision("the same group was made at this moment")
    return find_group(program.id, row.id), True


def _row(program: Program, body: dict[str, Any], target: Target, digest: bytes) -> _Row:
    group_id, at, quiet = new_id(), now(), body["quiet_hours"] or {}
    minute, timezone = body["digest_at"], body["timezone"] or program.settings.timezone
    return _Row(
        group_id, body["external_id"], digest, body["name"], body["platform"], sealed(target, group_id),
        chat_hash(target), new_callback_token(program.id), sorted(set(body["topics"])), body["scope"],
        body["show_amounts"], quiet.get("from_"), quiet.get("to"), body["timezone"],
        body["language"] or usual_language(program),
        body["owner_member_id"], body["rules"], body["welcome"], minute, next_digest(minute, timezone, at),
        Status.ACTIVE.value, 0, at, at,
    )  # fmt: skip


def sealed(target: Target, group_id: UUID) -> str:
    """An address as it is stored: encrypted for the group's row."""
    return encrypt(orjson.dumps(target_json(target)).decode(), group_id)


def usual_language(program: Program) -> str:
    """What a program's groups speak where nobody says."""
    return "zh" if program.currency == "CNY" else "en"


def chat_hash(target: Target) -> bytes | None:
    """What a chat is found by; None: its address does not say which chat it is."""
    chat = chat_of(target)
    return None if chat is None else lookup_hash(f"chat:{target.platform}", chat)


def next_digest(minute: int | None, timezone: str, at: datetime) -> datetime | None:
    """When the next digest is due."""
    return None if minute is None else Times(minute, timezone).next_after(at)


def _check_owner(program_id: UUID, owner_id: UUID | None, scope: str) -> None:
    if owner_id is None:
        if scope == Scope.TEAM:
            raise Invalid.at("/owner_member_id", "A group that hears of a team needs the team's owner.")
    elif members.find_living(program_id, owner_id) is None:
        raise Invalid.at("/owner_member_id", "There is no such member.")


_CHANGE: LiteralString = "UPDATE groups SET updated_at = %(at)s"
_SET: dict[str, LiteralString] = {
    "name": ", name = %(name)s",
    "target": ", target_sealed = %(target_sealed)s, chat_hash = %(chat_hash)s, refusals_in_a_row = 0",
    "topics": ", topics = %(topics)s::text[]",
    "scope": ", scope = %(scope)s",
    "show_amounts": ", show_amounts = %(show_amounts)s",
    "quiet_hours": ", quiet_from = %(quiet_from)s, quiet_to = %(quiet_to)s",
    "timezone": ", timezone = %(timezone)s",
    "language": ", language = %(language)s",
    "owner_member_id": ", owner_member_id = %(owner_member_id)s",
    "rules": ", rules = %(rules)s",
    "welcome": ", welcome = %(welcome)s",
    "digest_at": ", digest_minute = %(digest_at)s",
}
_ONE: LiteralString = " WHERE program_id = %(program_id)s AND id = %(id)s"
_IF_LIVING: LiteralString = _ONE + " AND status <> 'ended'"


def change_group(program: Program, ref: Ref, changes: dict[str, Any]) -> Group:
    """Change what `changes` names, as `GroupChange` gives it; a new target is another address of the same platform.

    Raises:
        GroupNotFound: no such group in the program.
        GroupInOtherState: it has ended.
        Invalid: as `create_group`.
    """
    group = _lock(program.id, ref)
    if group.status == Status.ENDED:
        raise GroupInOtherState(status_now=group.status)
    if not changes:
        return group
    if {"owner_member_id", "scope"} & changes.keys():
        owner_id = changes.get("owner_member_id", group.owner_member_id)
        _check_owner(program.id, owner_id, changes.get("scope", group.scope))
    at = now()
    statement = _CHANGE + "".join([_SET[name] for name in changes])
    values = _values(group, changes)
    if {"digest_at", "timezone"} & changes.keys():
        statement += ", next_digest_at = %(next_digest_at)s"
        timezone = changes.get("timezone", group.own_timezone) or program.settings.timezone
        values["next_digest_at"] = next_digest(changes.get("digest_at", group.digest_minute), timezone, at)
    execute(statement + _IF_LIVING, program_id=program.id, id=group.id, at=at, **values)
    return find_group(program.id, group.id)


def _values(group: Group, changes: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in changes.items() if name not in {"target", "quiet_hours"}}
    if "topics" in changes:
        values["topics"] = sorted(set(changes["topics"]))
    if "quiet_hours" in changes:
        quiet = changes["quiet_hours"] or {}
        values |= {"quiet_from": quiet.get("from_"), "quiet_to": quiet.get("to")}
    if "target" in changes:
        target = target_from(group.platform, changes["target"])
        values |= {"target_sealed": sealed(target, group.id), "chat_hash": chat_hash(target)}
    return values


def pause_group(program_id: UUID, ref: Ref, reason: str | None) -> Group:
    """Send nothing to a group until somebody resumes it. Again changes nothing.

    Raises:
        GroupNotFound: no such group in the program.
        GroupInOtherState: it has ended.
    """
    group = _lock(program_id, ref)
    if group.status == Status.ENDED:
        raise GroupInOtherState(status_now=group.status)
    at = now()
    paused = execute(
        """UPDATE groups SET status = 'paused', paused_at = %(at)s, paused_reason = %(reason)s, updated_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'active'""",
        program_id=program_id, id=group.id, at=at, reason=reason or "staff",
    )  # fmt: skip
    if paused:
        announce(program_id, [Event("group.paused", at, {"group_id": str(group.id), "reason": "staff"})])
        count_paused("staff", 1)
    return find_group(program_id, group.id)


def resume_group(program_id: UUID, ref: Ref) -> Group:
    """Send to a paused group again; the count of refusals begins anew. An active one stays as it is.

    Raises:
        GroupNotFound: no such group in the program.
        GroupInOtherState: it has ended.
    """
    group = _lock(program_id, ref)
    if group.status == Status.ENDED:
        raise GroupInOtherState(status_now=group.status)
    execute(
        """UPDATE groups SET status = 'active', paused_at = NULL, paused_reason = NULL, refusals_in_a_row = 0,
                  updated_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'paused'""",
        program_id=program_id, id=group.id, at=now(),
    )  # fmt: skip
    return find_group(program_id, group.id)


def end_group(program_id: UUID, ref: Ref) -> Group:
    """End a group for good: its address is forgotten, nobody is in it any more, nothing is due in it. Again changes
    nothing.

    Raises:
        GroupNotFound: no such group in the program.
    """
    group = _lock(program_id, ref)
    at = now()
    ended = execute(
        """UPDATE groups SET status = 'ended', target_sealed = NULL, chat_hash = NULL, next_digest_at = NULL,
                  updated_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status <> 'ended'""",
        program_id=program_id, id=group.id, at=at,
    )  # fmt: skip
    if ended:
        for statement in _EMPTY:
            execute(statement, program_id=program_id, id=group.id, at=at)
    return find_group(program_id, group.id)


_EMPTY = (
    """UPDATE group_members SET left_at = %(at)s
       WHERE program_id = %(program_id)s AND group_id = %(id)s AND left_at IS NULL""",
    """UPDATE post_targets SET next_due_at = NULL
       WHERE program_id = %(program_id)s AND group_id = %(id)s AND next_due_at IS NOT NULL""",
    """UPDATE chat_questions SET chat_user_sealed = NULL, status = 'refused', reason = 'group_ended'
       WHERE program_id = %(program_id)s AND group_id = %(id)s AND status = 'waiting'""",
)


def _lock(program_id: UUID, ref: Ref) -> Group:
    group = queries.group(program_id, ref, lock=True)
    if group is None:
        raise GroupNotFound()
    return group


def new_callback_token(program_id: UUID) -> str:
    """A name for the group in a public address: the program's short number, and what nobody guesses."""
    number = scalar("SELECT number FROM programs WHERE id = %(program_id)s", program_id=program_id)
    return f"{number}-{secrets.token_hex(16)}"
