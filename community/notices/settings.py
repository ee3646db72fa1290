"""What members want to hear, by which way, in which language. Callers hold the transaction; nothing here commits."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from core.clock import now
from core.db import execute, fetch_all


class Wishes(NamedTuple):
    """Of one member. `language` None: the program's."""

    language: str | None
    inbox_off: frozenset[str]  # topics
    mini_program_off: frozenset[str]


EVERYTHING = Wishes(None, frozenset(), frozenset())


class _Row(NamedTuple):
    member_id: UUID
    language: str | None
    inbox_off: list[str]
    mini_program_off: list[str]


def settings_of(program_id: UUID, member_ids: Collection[UUID]) -> Mapping[UUID, Wishes]:
    """The wishes of any members, in one statement; who has none wants everything."""
    rows = fetch_all(
        _Row,
        """SELECT member_id, language, inbox_off, mini_program_off FROM notice_settings
           WHERE program_id = %(program_id)s AND member_id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=list(member_ids),
    )  # fmt: skip
    found = {row.member_id: Wishes(row.language, frozenset(row[2]), frozenset(row[3])) for row in rows}
    return defaultdict(lambda: EVERYTHING, found)


def set_wishes(
    program_id: UUID, member_id: UUID, *, language: str | None, inbox_off: Sequence[str],
    mini_program_off: Sequence[str],
) -> Wishes:  # fmt: skip
    """Replace a member's wishes."""
    execute(
        """INSERT INTO notice_settings (program_id, member_id, language, inbox_off, mini_program_off, updated_at)
           VALUES (%(program_id)s, %(member_id)s, %(language)s, %(inbox_off)s::text[], %(mini_program_off)s::text[],
                   %(at)s)
           ON CONFLICT (program_id, member_id) DO UPDATE SET language = excluded.language,
             inbox_off = excluded.inbox_off, mini_program_off = excluded.mini_program_off,
             updated_at = excluded.updated_at""",
        program_id=program_id, member_id=member_id, language=language, at=now(),
        inbox_off=sorted(set(inbox_off)), mini_program_off=sorted(set(mini_program_off)),
    )  # fmt: skip
    return Wishes(language, frozenset(inbox_off), frozenset(mini_program_off))
