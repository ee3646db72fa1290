"""Which subscribe message of WeChat tells which topic. Callers hold the transaction; nothing here commits."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from community.notices.errors import MessageNotFound
from community.notices.templates import refuse_bad
from community.notices.topics import LANGUAGES
from core.auth.actor import Program
from core.clock import now
from core.db import execute, fetch_all, json


class MiniProgramNotice(NamedTuple):
    """A topic's subscribe message. `fields`: WeChat's keyword and our template of what stands there."""

    topic: str
    template_id: str
    page: str | None
    fields: dict[str, str]
    updated_by: UUID | None
    updated_at: datetime


def messages_of(program_id: UUID, topics: Collection[str] | None = None) -> dict[str, MiniProgramNotice]:
    """By topic; of these topics, or of all."""
    rows = fetch_all(
        MiniProgramNotice,
        """SELECT topic, template_id, page, fields, updated_by, updated_at FROM mini_program_notices
           WHERE program_id = %(program_id)s AND (%(topics)s::text[] IS NULL OR topic = ANY(%(topics)s))
           ORDER BY topic""",
        program_id=program_id, topics=None if topics is None else list(topics),
    )  # fmt: skip
    return {row.topic: row for row in rows}


def message_of(program_id: UUID, topic: str) -> MiniProgramNotice:
    """Raises: MessageNotFound."""
    found = messages_of(program_id, [topic]).get(topic)
    if found is None:
        raise MessageNotFound()
    return found


def set_message(
    program: Program, staff_id: UUID, topic: str, *, template_id: str, page: str | None, fields: Mapping[str, str]
) -> MiniProgramNotice:
    """Set a topic's message in the place of what there was. Raises: Invalid: a field is no template of the topic."""
    for name, text in fields.items():
        for language in LANGUAGES:
            refuse_bad(program, topic, language, f"fields/{name}", text)
    row = MiniProgramNotice(topic, template_id, page, dict(fields), staff_id, now())
    execute(
        """INSERT INTO mini_program_notices (program_id, topic, template_id, page, fields, updated_by, updated_at)
           VALUES (%(program_id)s, %(topic)s, %(template_id)s, %(page)s, %(fields)s, %(updated_by)s, %(updated_at)s)
           ON CONFLICT (program_id, topic) DO UPDATE SET template_id = excluded.template_id, page = excluded.page,
             fields = excluded.fields, updated_by = excluded.updated_by, updated_at = excluded.updated_at""",
        program_id=program.id, **(row._asdict() | {"fields": json(row.fields)}),
    )  # fmt: skip
    return row


def remove_message(program_id: UUID, topic: str) -> None:
    """Tell the topic by no message any more; what waits is not sent."""
    execute(
        "DELETE FROM mini_program_notices WHERE program_id = %(program_id)s AND topic = %(topic)s",
        program_id=program_id, topic=topic,
    )  # fmt: skip


def topics_by_template(program_id: UUID) -> dict[str, list[str]]:
    """The topics that each of WeChat's templates tells."""
    found: dict[str, list[str]] = {}
    for message in messages_of(program_id).values():
        found.setdefault(message.template_id, []).append(message.topic)
    return found
