"""Who is in a group: members join and leave, one or a thousand alike. Callers hold the transaction."""

from collections.abc import Sequence, Set
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from community.groups.errors import GroupInOtherState
from community.groups.metrics import JOINS
from community.groups.models import GroupMemberRow
from community.groups.queries import Group
from community.groups.rules import Status
from community.groups.welcome import welcome
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all
from core.errors import DomainError, Invalid
from core.events.service import Event, announce
from core.ids import ExternalRef, Ref, new_id
from referral.members import service as members
from referral.members.errors import IdentityTaken

SHOP, PLATFORM = "shop", "platform"
Taken = Set[tuple[UUID, str]]


class Joining(NamedTuple):
    """Who is to join, and what the platform calls him."""

    member: Ref
    chat_user: str | None = None


class Unreadable(NamedTuple):
    """An item of a batch that could not be read."""

    external_id: str | None
    error: DomainError


class Stay(NamedTuple):
    """One stay of a member in a group."""

    id: UUID
    member_id: UUID
    told_by: str
    joined_at: datetime
    left_at: datetime | None


class Joined(NamedTuple):
    """What became of one item. `created`: he was not in the group before."""

    external_id: str | None
    stay: Stay | None
    created: bool
    error: DomainError | None


def join(
    program: Program, group: Group, items: Sequence[Joining | Unreadable], told_by: str = SHOP
) -> list[Joined]:  # fmt: skip
    """Let members join; a refused one leaves the others alone, one who is in the group already changes nothing.

    Joining tells `group.joined` and brings the rules and the welcome into the group. Locks the members against erasure.

    Raises:
        GroupInOtherState: the group has ended.
    """
    if group.status == Status.ENDED:
        raise GroupInOtherState(status_now=group.status)
    found = _living(program.id, [one.member for one in items if isinstance(one, Joining)])
    given = [(found[one.member], one.chat_user) for one in items if isinstance(one, Joining) and one.member in found]
    named = [(member_id, chat_user) for member_id, chat_user in given if chat_user is not None]
    taken = members.add_identities(program.id, group.platform, named) if named else frozenset()
    admitted = sorted({member_id for member_id, chat_user in given if (member_id, chat_user) not in taken})
    new = _insert(program.id, group.id, admitted, told_by)
    stays = {stay.member_id: stay for stay in open_stays(program.id, group.id, admitted)}
    _tell(program, group, [stays[member_id] for member_id in admitted if member_id in new and member_id in stays])
    return _outcomes(items, found, taken, stays, new)


class _Person(NamedTuple):
    id: UUID
    external_id: str | None


def _living(program_id: UUID, refs: Sequence[Ref]) -> dict[Ref, UUID]:
    """Those who were not erased, and will not be until the transaction ends. Rows are locked in id order."""
    people = fetch_all(
        _Person,
        """SELECT id, external_id FROM members
           WHERE program_id = %(program_id)s AND status <> 'erased'
             AND (id = ANY(%(ids)s::uuid[]) OR external_id = ANY(%(external_ids)s::text[]))
           ORDER BY id FOR KEY SHARE""",
        program_id=program_id, ids=[one for one in refs if isinstance(one, UUID)],
        external_ids=[one.external_id for one in refs if isinstance(one, ExternalRef)],
    )  # fmt: skip
    by_name: dict[Ref, UUID] = {ExternalRef(one.external_id): one.id for one in people if one.external_id is not None}
    return by_name | {one.id: one.id for one in people}


class _Row(NamedTuple):
    id: UUID
    group_id: UUID
    member_id: UUID
    told_by: str
    joined_at: datetime
    left_at: datetime | None


def _insert(program_id: UUID, group_id: UUID, member_ids: Sequence[UUID], told_by: str) -> set[UUID]:
    """Open stays of those who have none; whose they are. Sorted, so that two batches cannot deadlock."""
    at = now()
    rows = [_Row(new_id(), group_id, member_id, told_by, at, None) for member_id in member_ids]
    made = insert_rows(
        GroupMemberRow, rows, program_id=program_id, returning="member_id",
        on_conflict="(program_id, group_id, member_id) WHERE left_at IS NULL DO NOTHING",
    )  # fmt: skip
    if made:
        JOINS.labels(told_by).inc(len(made))
    return {member_id for (member_id,) in made}


def _tell(program: Program, group: Group, stays: Sequence[Stay]) -> None:
    if not stays:
        return
    facts = [{"group_id": str(group.id), "member_id": str(stay.member_id)} for stay in stays]
    announce(program.id, [Event("group.joined", stays[0].joined_at, one) for one in facts])
    welcome(program.id, group, stays[0].member_id, None, len(stays), stays[0].joined_at)


def _outcomes(
    items: Sequence[Joining | Unreadable], found: dict[Ref, UUID], taken: Taken, stays: dict[UUID, Stay],
    new: set[UUID],
) -> list[Joined]:  # fmt: skip
    outcomes, told = [], set[UUID]()
    for item in items:
        external_id = _external_id(item)
        error = _refusal(item, found, taken)
        if error is not None or not isinstance(item, Joining):
            outcomes.append(Joined(external_id, None, created=False, error=error))
            continue
        member_id = found[item.member]
        outcomes.append(Joined(external_id, stays.get(member_id), member_id in new - told, None))
        told.add(member_id)
    return outcomes


def _external_id(item: Joining | Unreadable) -> str | None:
    if isinstance(item, Unreadable):
        return item.external_id
    return item.member.external_id if isinstance(item.member, ExternalRef) else None


def _refusal(item: Joining | Unreadable, found: dict[Ref, UUID], taken: Taken) -> DomainError | None:
    if isinstance(item, Unreadable):
        return item.error
    if item.member not in found:
        field = "member_external_id" if isinstance(item.member, ExternalRef) else "member_id"
        return Invalid.at(f"/{field}", "There is no such member.")
    return IdentityTaken() if (found[item.member], item.chat_user) in taken else None


def leave(program_id: UUID, group_id: UUID, member_ids: Sequence[UUID]) -> int:
    """End the stays of members; how many were there. Who is not in the group changes nothing."""
    return execute(
        """UPDATE group_members SET left_at = %(at)s
           WHERE program_id = %(program_id)s AND group_id = %(group_id)s AND member_id = ANY(%(ids)s::uuid[])
             AND left_at IS NULL""",
        program_id=program_id, group_id=group_id, ids=list(member_ids), at=now(),
    )  # fmt: skip


_STAY: LiteralString = """
  SELECT id, member_id, told_by, joined_at, left_at FROM group_members
  WHERE program_id = %(program_id)s AND group_id = %(group_id)s"""


def open_stays(program_id: UUID, group_id: UUID, member_ids: Sequence[UUID]) -> list[Stay]:
    """The present stays of these members."""
    return fetch_all(
        Stay, _STAY + " AND member_id = ANY(%(ids)s::uuid[]) AND left_at IS NULL",
        program_id=program_id, group_id=group_id, ids=list(member_ids),
    )  # fmt: skip


def stays(
    program_id: UUID, group_id: UUID, before: UUID | None, most: int, *, left_too: bool
) -> list[Stay]:  # fmt: skip
    """Who is in the group, the newest first; with `left_too` every stay there was."""
    present: LiteralString = "" if left_too else " AND left_at IS NULL"
    behind: LiteralString = "" if before is None else " AND id < %(before)s"
    return fetch_all(
        Stay, _STAY + present + behind + " ORDER BY id DESC LIMIT %(most)s",
        program_id=program_id, group_id=group_id, before=before, most=most,
    )  # fmt: skip


_MY_STAY: LiteralString = """
  SELECT id, group_id, joined_at FROM group_members
  WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND left_at IS NULL"""


class MyStay(NamedTuple):
    """A group that a member is in."""

    id: UUID
    group_id: UUID
    joined_at: datetime


def stays_of(program_id: UUID, member_id: UUID, before: UUID | None, most: int) -> list[MyStay]:
    """Where a member is now, the newest first."""
    behind: LiteralString = "" if before is None else " AND id < %(before)s"
    return fetch_all(
        MyStay, _MY_STAY + behind + " ORDER BY id DESC LIMIT %(most)s",
        program_id=program_id, member_id=member_id, before=before, most=most,
    )  # fmt: skip


def _forget_person(program_id: UUID, member_id: UUID) -> None:
    """He is in no group any more, and nobody answers what he asked; what the groups brought stays."""
    execute(
        """UPDATE group_members SET left_at = %(at)s
           WHERE program_id = %(program_id)s AND member_id = %(id)s AND left_at IS NULL""",
        program_id=program_id, id=member_id, at=now(),
    )  # fmt: skip
    execute(
        """UPDATE chat_questions SET member_id = NULL, chat_user_sealed = NULL, chat_user_hash = NULL,
                  status = CASE WHEN status = 'waiting' THEN 'refused' ELSE status END,
                  reason = CASE WHEN status = 'waiting' THEN 'member_erased' ELSE reason END
           WHERE program_id = %(program_id)s AND member_id = %(id)s""",
        program_id=program_id, id=member_id,
    )  # fmt: skip


members.register_erasure_step(_forget_person)
