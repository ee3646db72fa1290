"""Members and trees for these tests: through the API where that is the point, in one statement where size is."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from core.auth.actor import Actor, ActorKind
from core.db import execute, fetch_all, transaction
from core.ids import new_id, parse_public_id
from referral.tree import service as tree
from referral.tree.counters import fold_deltas
from tests.clients import ApiClient, TestProgram


class Standing(NamedTuple):
    """A member and his inviter, as they stand in the database."""

    id: UUID
    inviter_id: UUID | None


def join(client: ApiClient, external_id: str, inviter: str | None = None, **fields: Any) -> dict[str, Any]:
    """Register a member; `inviter` is an external id."""
    answer = client.post("/v1/members", {"external_id": external_id, "inviter_external_id": inviter} | fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def join_all(client: ApiClient, inviters: Mapping[str, str | None]) -> dict[str, UUID]:
    """Register members whose inviters stand before them; ids by external id."""
    members = [{"external_id": member, "inviter_external_id": inviter} for member, inviter in inviters.items()]
    ids: dict[str, UUID] = {}
    for start in range(0, len(members), 1000):
        answer = client.post("/v1/members/batch", {"members": members[start : start + 1000]})
        for result in answer.json["results"]:
            assert result["status"] == "created", result
            ids[result["external_id"]] = id_in(result)
    return ids


def id_in(shown: Mapping[str, Any]) -> UUID:
    """The id behind the `id` of an answer."""
    found = parse_public_id("mem", shown["id"])
    assert found is not None
    return found


def grow(program: TestProgram, inviters: Sequence[int | None]) -> list[UUID]:
    """Members in one statement: the n-th is invited by the one whose number is given."""
    ids = [new_id() for _ in inviters]
    with transaction(program.id):
        execute(
            """INSERT INTO members (program_id, id, external_id, attributes, grade, status, enrolment, invite_code,
                                    inviter_id, binding_source, bound_at, joined_at, created_at, updated_at)
               SELECT %(program_id)s, id, 'g-' || number, '{}', 'standard', 'active', 'none', 'G' || number,
                      inviter_id, CASE WHEN inviter_id IS NOT NULL THEN 'registration' END,
                      CASE WHEN inviter_id IS NOT NULL THEN now() END, now(), now(), now()
               FROM unnest(%(ids)s::uuid[], %(inviter_ids)s::uuid[]) WITH ORDINALITY
                    AS given (id, inviter_id, number)""",
            program_id=program.id, ids=ids, inviter_ids=[None if one is None else ids[one] for one in inviters],
        )  # fmt: skip
        tree.mark_moved(program.id, ids)
    return ids


def chain_of(program: TestProgram, length: int) -> list[UUID]:
    """Each invited by the one before."""
    return grow(program, [None, *range(length - 1)])


def standings(program: TestProgram) -> dict[UUID, UUID | None]:
    """Everybody's inviter."""
    with transaction(program.id, read_only=True):
        return dict(fetch_all(Standing, "SELECT id, inviter_id FROM members WHERE program_id = %(p)s", p=program.id))


def assert_forest(inviter_of: Mapping[UUID, UUID | None]) -> None:
    """Everybody reaches a root."""
    rooted: set[UUID] = set()
    for start in inviter_of:
        path: list[UUID] = []
        one: UUID | None = start
        while one is not None and one not in rooted:
            assert one not in path, f"a ring through {one}"
            path.append(one)
            one = inviter_of[one]
        rooted.update(path)


def fold(program: TestProgram) -> int:
    with transaction(program.id):
        return fold_deltas(program.id)


def operator_of(program: TestProgram) -> Actor:
    """Somebody who may bind against the mode."""
    return Actor(program.now(), ActorKind.STAFF, new_id())
