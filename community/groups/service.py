"""Groups for the features beside: found, reached, told how sending went. Callers hold the transaction."""

from collections.abc import Collection, Sequence
from uuid import UUID

import orjson

from community.groups import queries
from community.groups.errors import GroupNotFound
from community.groups.outcomes import note_outcomes
from community.groups.queries import Group
from community.groups.rules import QuietHours, quiet_until
from community.platforms.service import Target, target_of_json
from core.encryption import decrypt
from core.ids import Ref, parse_public_id, public_id

PREFIX = "grp"


def find_group(program_id: UUID, ref: Ref) -> Group:
    """The group of an id or external id, ended or not. Raises: GroupNotFound."""
    found = queries.group(program_id, ref)
    if found is None:
        raise GroupNotFound()
    return found


def groups_of(
    program_id: UUID, ids: Collection[UUID] | None = None, topics: Collection[str] | None = None
) -> list[Group]:  # fmt: skip
    """These groups in any state; without ids all that are active. With topics only those that hear one of them."""
    given: dict[str, object] = {"status": "active"} if ids is None else {"ids": list(ids)}
    if topics is not None:
        given["topics"] = list(topics)
    return queries.groups_where(program_id, given)


def targets_of(program_id: UUID, group_ids: Collection[UUID]) -> dict[UUID, Target]:
    """The addresses of groups, opened: for sending, never for a log or an answer. Ended groups have none."""
    return {
        one.id: target_of_json(orjson.loads(decrypt(one.target_sealed, one.id)))
        for one in queries.sealed_targets(program_id, group_ids)
    }


def group_keys(group: Group) -> set[str]:
    """What the `group_id` of an order or a link may be where it means this group."""
    return {public_id(PREFIX, group.id)} | ({group.external_id} if group.external_id is not None else set())


def groups_by_key(program_id: UUID, keys: Collection[str]) -> dict[str, UUID]:
    """Which of these `group_id` texts mean a group, in two statements; the others are left out."""
    if not keys:
        return {}
    ids = {key: parse_public_id(PREFIX, key) for key in keys}
    found = queries.ids_of_keys(program_id, [one for one in ids.values() if one], list(keys))
    named = {key: found.get(ids[key] or key) or found.get(key) for key in keys}
    return {key: group_id for key, group_id in named.items() if group_id is not None}


def members_in(program_id: UUID, group_id: UUID, member_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these members who are in the group now."""
    return queries.present_members(program_id, group_id, member_ids) if member_ids else set()


__all__ = [
    "PREFIX", "Group", "QuietHours", "find_group", "group_keys", "groups_by_key", "groups_of", "members_in",
    "note_outcomes", "quiet_until", "targets_of",
]  # fmt: skip
