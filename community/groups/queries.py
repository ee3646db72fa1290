"""Reads of groups. Every one names the program first."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from community.groups.rules import QuietHours
from core.auth.service import program_of
from core.db import fetch_all, fetch_one, scalars
from core.ids import ExternalRef, Ref


class Group(NamedTuple):
    """A group as others see it: all but its address, which `service.targets_of` opens."""

    id: UUID
    external_id: str | None
    name: str
    platform: str
    callback_token: str
    topics: list[str]
    scope: str  # program | group | team
    show_amounts: bool
    quiet_hours: QuietHours | None
    timezone: str  # its own, or the program's
    own_timezone: str | None
    language: str  # zh | en
    owner_member_id: UUID | None
    rules: str | None
    welcome: str | None
    digest_minute: int | None
    status: str  # active | paused | ended
    last_sent_at: datetime | None
    refusals_in_a_row: int
    last_error: str | None
    paused_at: datetime | None
    paused_reason: str | None
    created_at: datetime
    updated_at: datetime


class _Row(NamedTuple):
    id: UUID
    external_id: str | None
    name: str
    platform: str
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
    status: str
    last_sent_at: datetime | None
    refusals_in_a_row: int
    last_error: str | None
    paused_at: datetime | None
    paused_reason: str | None
    created_at: datetime
    updated_at: datetime


class Sealed(NamedTuple):
    """A group's address as it is stored."""

    id: UUID
    target_sealed: str


class Known(NamedTuple):
    """What a POST with the same external id is compared with."""

    id: UUID
    content_hash: bytes


_GROUP: LiteralString = """
  SELECT id, external_id, name, platform, callback_token, topics, scope, show_amounts, quiet_from, quiet_to, timezone,
         language, owner_member_id, rules, welcome, digest_minute, status, last_sent_at, refusals_in_a_row, last_error,
         paused_at, paused_reason, created_at, updated_at
  FROM groups WHERE program_id = %(program_id)s"""
# only the filters that are given: a statement for all of them together would be planned for none
_FILTERS: dict[str, LiteralString] = {
    "ids": " AND id = ANY(%(ids)s::uuid[])",
    "topics": " AND topics && %(topics)s::text[]",
    "status": " AND status = %(status)s",
    "platform": " AND platform = %(platform)s",
    "owner_member_id": " AND owner_member_id = %(owner_member_id)s",
    "external_id": " AND external_id = %(external_id)s",
    "callback_token": " AND callback_token = %(callback_token)s",
    "before": " AND id < %(before)s",
}
_LIVING: LiteralString = " AND status <> 'ended'"


def groups_where(program_id: UUID, given: dict[str, Any], most: int | None = None) -> list[Group]:
    """The groups that meet every given filter, newest first."""
    conditions = "".join([_FILTERS[name] for name in given])
    limit: LiteralString = "" if most is None else " LIMIT %(most)s"
    statement: LiteralString = _GROUP + conditions + " ORDER BY id DESC" + limit
    return _groups(program_id, fetch_all(_Row, statement, program_id=program_id, most=most, **given))


def group(program_id: UUID, ref: Ref, *, lock: bool = False) -> Group | None:
    locked: LiteralString = " FOR NO KEY UPDATE" if lock else ""
    if isinstance(ref, ExternalRef):
        named: LiteralString = " AND external_id = %(ref)s"
        row = fetch_one(_Row, _GROUP + named + locked, program_id=program_id, ref=ref.external_id)
    else:
        row = fetch_one(_Row, _GROUP + " AND id = %(ref)s" + locked, program_id=program_id, ref=ref)
    return _groups(program_id, [row])[0] if row else None


def _groups(program_id: UUID, rows: list[_Row]) -> list[Group]:
    if not rows:
        return []
    timezone = program_of(program_id).settings.timezone
    return [_group(row, timezone) for row in rows]


def _group(row: _Row, timezone: str) -> Group:
    quiet = None if row.quiet_from is None or row.quiet_to is None else QuietHours(row.quiet_from, row.quiet_to)
    given: dict[str, Any] = row._asdict()
    del given["quiet_from"], given["quiet_to"]
    given |= {"quiet_hours": quiet, "timezone": row.timezone or timezone, "own_timezone": row.timezone}
    return Group(**given)


def sealed_targets(program_id: UUID, ids: Collection[UUID]) -> list[Sealed]:
    """The addresses of those that have one."""
    return fetch_all(
        Sealed,
        """SELECT id, target_sealed FROM groups
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) AND target_sealed IS NOT NULL""",
        program_id=program_id, ids=list(ids),
    )  # fmt: skip


def known(program_id: UUID, external_id: str) -> Known | None:
    return fetch_one(
        Known,
        "SELECT id, content_hash FROM groups WHERE program_id = %(program_id)s AND external_id = %(external_id)s",
        program_id=program_id, external_id=external_id,
    )  # fmt: skip


class _Key(NamedTuple):
    external_id: str
    id: UUID


def ids_of_keys(program_id: UUID, ids: Collection[UUID], external_ids: Collection[str]) -> dict[str | UUID, UUID]:
    """The groups that these ids and external ids name, by either."""
    found: dict[str | UUID, UUID] = {
        one: one
        for one in scalars(
            "SELECT id FROM groups WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[])",
            program_id=program_id, ids=list(ids),
        )
    }  # fmt: skip
    rows = fetch_all(
        _Key,
        """SELECT external_id, id FROM groups
           WHERE program_id = %(program_id)s AND external_id = ANY(%(external_ids)s::text[])""",
        program_id=program_id, external_ids=list(external_ids),
    )  # fmt: skip
    return found | dict(rows)


def present_members(program_id: UUID, group_id: UUID, member_ids: Collection[UUID]) -> set[UUID]:
    """Those of these members who are in the group now."""
    return set(
        scalars(
            """SELECT member_id FROM group_members
               WHERE program_id = %(program_id)s AND group_id = %(group_id)s
                 AND member_id = ANY(%(member_ids)s::uuid[]) AND left_at IS NULL""",
            program_id=program_id, group_id=group_id, member_ids=list(member_ids),
        )
    )  # fmt: skip


class _Chat(NamedTuple):
    chat_hash: bytes
    id: UUID


def groups_of_chats(program_id: UUID, chats: Mapping[bytes, str]) -> dict[str, Group]:
    """The groups that are these chats of a platform, by the chat; `chats` by the hash that is stored."""
    if not chats:
        return {}
    rows = fetch_all(
        _Chat,
        """SELECT chat_hash, id FROM groups
           WHERE program_id = %(program_id)s AND chat_hash = ANY(%(hashes)s::bytea[]) AND status <> 'ended'
           ORDER BY id""",
        program_id=program_id, hashes=list(chats),
    )  # fmt: skip
    found = {one.id: one for one in groups_where(program_id, {"ids": [row.id for row in rows]})}
    return {chats[bytes(row.chat_hash)]: found[row.id] for row in rows}
