"""Consents of members, each to one message, counted as WeChat counts them. Callers hold the transaction."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from core.clock import now
from core.db import execute, fetch_all

MOST = 1_000


class Grant(NamedTuple):
    """How many messages of a template a member still takes."""

    member_id: UUID
    template_id: str
    left_count: int


def add_grants(program_id: UUID, member_id: UUID, template_id: str, count: int) -> int:
    """The member agreed to so many more; how many are left now. More than MOST are not counted."""
    rows = fetch_all(
        Grant,
        """INSERT INTO notice_grants AS g (program_id, member_id, template_id, left_count, updated_at)
           VALUES (%(program_id)s, %(member_id)s, %(template_id)s, %(count)s, %(at)s)
           ON CONFLICT (program_id, member_id, template_id)
             DO UPDATE SET left_count = least(g.left_count + excluded.left_count, %(most)s),
                           updated_at = excluded.updated_at
           RETURNING member_id, template_id, left_count""",
        program_id=program_id, member_id=member_id, template_id=template_id, count=count, most=MOST, at=now(),
    )  # fmt: skip
    return rows[0].left_count


def grants_of(program_id: UUID, member_ids: Collection[UUID]) -> list[Grant]:
    """What is left of the members' grants."""
    return fetch_all(
        Grant,
        """SELECT member_id, template_id, left_count FROM notice_grants
           WHERE program_id = %(program_id)s AND member_id = ANY(%(ids)s::uuid[]) AND left_count > 0
           ORDER BY member_id, template_id""",
        program_id=program_id, ids=list(member_ids),
    )  # fmt: skip


def take_grants(program_id: UUID, wanted: Sequence[tuple[UUID, str]]) -> Counter[tuple[UUID, str]]:
    """Use up one for each, where there is one; how many were taken of which. Locks them in order."""
    counts = Counter(wanted)
    rows = fetch_all(
        Grant,
        """WITH held AS MATERIALIZED (
             SELECT g.member_id, g.template_id, least(g.left_count, wanted.n)::smallint AS taken
             FROM notice_grants g
             JOIN unnest(%(members)s::uuid[], %(templates)s::text[], %(counts)s::int[])
               AS wanted (member_id, template_id, n)
               ON g.member_id = wanted.member_id AND g.template_id = wanted.template_id
             WHERE g.program_id = %(program_id)s AND g.left_count > 0
             ORDER BY g.member_id, g.template_id FOR UPDATE OF g)
           UPDATE notice_grants g SET left_count = g.left_count - held.taken, updated_at = %(at)s FROM held
           WHERE g.program_id = %(program_id)s AND g.member_id = held.member_id AND g.template_id = held.template_id
           RETURNING g.member_id, g.template_id, held.taken""",
        program_id=program_id, at=now(), members=[one[0] for one in counts], templates=[one[1] for one in counts],
        counts=list(counts.values()),
    )  # fmt: skip
    return Counter({(row.member_id, row.template_id): row.left_count for row in rows})


def give_back_grants(program_id: UUID, unused: Sequence[tuple[UUID, str]]) -> None:
    """Of messages that were not sent."""
    _change(program_id, Counter(unused))


def forget_grants(program_id: UUID, refused: Sequence[tuple[UUID, str]]) -> None:
    """WeChat says that these members take none: whatever we counted is not so."""
    _change(program_id, Counter(dict.fromkeys(refused, -MOST)))


def _change(program_id: UUID, changes: Counter[tuple[UUID, str]]) -> None:
    if not changes:
        return
    execute(
        """WITH held AS MATERIALIZED (
             SELECT g.member_id, g.template_id, given.n FROM notice_grants g
             JOIN unnest(%(members)s::uuid[], %(templates)s::text[], %(counts)s::int[])
               AS given (member_id, template_id, n)
               ON g.member_id = given.member_id AND g.template_id = given.template_id
             WHERE g.program_id = %(program_id)s ORDER BY g.member_id, g.template_id FOR UPDATE OF g)
           UPDATE notice_grants g SET left_count = least(greatest(g.left_count + held.n, 0), %(most)s),
             updated_at = %(at)s
           FROM held
           WHERE g.program_id = %(program_id)s AND g.member_id = held.member_id AND g.template_id = held.template_id""",
        program_id=program_id, at=now(), most=MOST, members=[one[0] for one in changes],
        templates=[one[1] for one in changes], counts=list(changes.values()),
    )  # fmt: skip
