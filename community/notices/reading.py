"""Inboxes as they are read: in the reader's language, with everybody's name as he wants it shown today."""

from collections.abc import Sequence
from typing import NamedTuple

from community.notices.inbox import InboxNotice
from community.notices.names import shown_members
from community.notices.saying import say
from community.notices.settings import settings_of
from community.notices.templates import texts_of
from community.notices.wording import Audience, language_of, member_ids_in
from core.auth.actor import Program


class ReadNotice(NamedTuple):
    """A notice in words."""

    notice: InboxNotice
    text: str


def in_words(program: Program, rows: Sequence[InboxNotice]) -> list[ReadNotice]:
    """Notices of any members as each of them reads them. Three statements for any number; amounts are shown."""
    if not rows:
        return []
    names = shown_members(program.id, {one for row in rows for one in member_ids_in(row.topic, row.facts)}).names
    texts = texts_of(program.id, {row.topic for row in rows})
    wishes = settings_of(program.id, {row.member_id for row in rows})
    usual = language_of(program.settings)

    def words(row: InboxNotice) -> str:
        language = wishes[row.member_id].language or usual
        audience = Audience(language, program.settings.timezone, show_amounts=True, reader_id=row.member_id)
        return say(program, texts[row.topic, language], row.facts, row.happened_at, audience, names).text

    return [ReadNotice(row, words(row)) for row in rows]
