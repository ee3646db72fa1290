"""Texts of topics: a program's own versions over the defaults. Callers hold the transaction; nothing here commits."""

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

from community.notices.defaults import TEXTS
from community.notices.errors import TopicNotFound
from community.notices.rendering import Manner, check, render
from community.notices.topics import LANGUAGES, TOPICS, Kind, variables_of
from community.notices.wall import BadTemplate
from community.notices.wording import Audience, values_of
from community.platforms import service as platforms
from core.auth.actor import Program
from core.clock import now
from core.db import Collision, execute, fetch_all
from core.errors import Invalid
from core.programs.settings import ProgramSettings

IN_APP = "webhook"
"""Whose rules hold for texts that an application shows by itself."""

_SAMPLE_ID = UUID(int=1)
_TRIES = 20


class Version(NamedTuple):
    """One version of a text; `text` None: the default again."""

    topic: str
    language: str
    version: int
    text: str | None
    markdown: str | None
    created_by: UUID | None
    created_at: datetime


class Text(NamedTuple):
    """What is in force. `version` None: nobody has written one yet."""

    topic: str
    language: str
    text: str
    markdown: str | None
    is_default: bool
    version: int | None
    created_by: UUID | None
    created_at: datetime | None


def known_topic(topic: str, language: str | None = None) -> str:
    """Raises: TopicNotFound: there is no such topic or language."""
    if topic not in TOPICS or (language is not None and language not in LANGUAGES):
        raise TopicNotFound()
    return topic


def texts_of(program_id: UUID, topics: Collection[str] = tuple(TOPICS)) -> dict[tuple[str, str], Text]:
    """What is in force, by topic and language; one statement."""
    rows = fetch_all(
        Version,
        """SELECT DISTINCT ON (topic, language) topic, language, version, text, markdown, created_by, created_at
           FROM notice_templates WHERE program_id = %(program_id)s AND topic = ANY(%(topics)s::text[])
           ORDER BY topic, language, version DESC""",
        program_id=program_id, topics=list(topics),
    )  # fmt: skip
    written = {(row.topic, row.language): row for row in rows}
    return {
        (topic, language): _in_force(topic, language, written.get((topic, language)))
        for topic, language in product(topics, LANGUAGES)
    }


def _in_force(topic: str, language: str, row: Version | None) -> Text:
    by, at, version = (row.created_by, row.created_at, row.version) if row else (None, None, None)
    text, markdown = (row.text, row.markdown) if row else (None, None)
    return Text(
        topic, language, TEXTS[topic, language] if text is None else text, markdown, is_default=text is None,
        version=version, created_by=by, created_at=at,
    )  # fmt: skip


def versions_of(program_id: UUID, topic: str, language: str, before: int | None, most: int) -> list[Version]:
    """Newest first."""
    return fetch_all(
        Version,
        """SELECT topic, language, version, text, markdown, created_by, created_at FROM notice_templates
           WHERE program_id = %(program_id)s AND topic = %(topic)s AND language = %(language)s
             AND (%(before)s::int IS NULL OR version < %(before)s)
           ORDER BY version DESC LIMIT %(most)s""",
        program_id=program_id, topic=topic, language=language, before=before, most=most,
    )  # fmt: skip


def write_text(
    program: Program, staff_id: UUID, topic: str, language: str, text: str | None, markdown: str | None
) -> Text:
    """Put a new version in force; None: the default. What is in force already stays as it is.

    Raises:
        Invalid: not a template of this topic, with the reason.
        Collision: others keep writing at this moment.
    """
    current = texts_of(program.id, [topic])[topic, language]
    if current.is_default if text is None else (current.text, current.markdown) == (text, markdown):
        return current
    for name, written in (("text", text), ("markdown", markdown)):
        if written is not None:
            refuse_bad(program, topic, language, name, written)
    for _ in range(_TRIES):
        row = Version(topic, language, (current.version or 0) + 1, text, markdown, staff_id, now())
        if _insert(program.id, row):
            return _in_force(topic, language, row)
        current = texts_of(program.id, [topic])[topic, language]  # somebody was quicker: behind his
    raise Collision("others keep writing versions")


def _insert(program_id: UUID, row: Version) -> bool:
    written = execute(
        """INSERT INTO notice_templates (program_id, topic, language, version, text, markdown, created_by, created_at)
           VALUES (%(program_id)s, %(topic)s, %(language)s, %(version)s, %(text)s, %(markdown)s, %(created_by)s,
                   %(created_at)s)
           ON CONFLICT DO NOTHING""",
        program_id=program_id, **row._asdict(),
    )  # fmt: skip
    return bool(written)


def refuse_bad(program: Program, topic: str, language: str, field: str, text: str) -> None:
    """Check a template, and render it in every case that may come: each word, with amounts and without, in full and
    with nothing known. Raises: Invalid."""
    try:
        check(text, variables_of(topic))
        for facts, audience in _cases(topic, language, program.settings):
            rendered_sample(program, topic, language, text, facts, audience, markdown=field == "markdown")
    except BadTemplate as error:
        raise Invalid.at(f"/{field}", str(error)) from error


def _cases(topic: str, language: str, settings: ProgramSettings) -> Iterator[tuple[dict[str, Any], Audience]]:
    full = sample_facts(topic)
    for facts, amounts in product([*_worded(topic, full), {}], (True, False)):
        for reader, named in ((None, {}), (_SAMPLE_ID, {"member_id": _SAMPLE_ID})):
            yield facts | named, Audience(language, settings.timezone, amounts, reader)


def _worded(topic: str, full: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The sample with every word that one of its variables may be, one by one."""
    yield full
    for variable in TOPICS[topic].variables:
        if variable.kind is Kind.WORD:
            yield from (full | {variable.name: word} for word in variable.words)


def sample_facts(topic: str) -> dict[str, Any]:
    """What previews are made with."""
    facts: dict[str, Any] = {one.name: one.sample for one in variables_of(topic) if one.kind is not Kind.MEMBER}
    for one in TOPICS[topic].variables:
        if one.kind is Kind.MEMBER:
            facts |= {one.name: one.sample}
    return facts


def rendered_sample(
    program: Program, topic: str, language: str, text: str, facts: dict[str, Any], audience: Audience, *,
    markdown: bool = False,
) -> str:  # fmt: skip
    """A checked template with the sample. Raises: BadTemplate."""
    values = values_of(topic, facts, now(), audience, {}, program.name)
    manner = Manner(language, program.currency, lambda word: platforms.escape(IN_APP, word, markdown=markdown))
    return render(text, values, manner)


def preview(program: Program, topic: str, language: str, text: str, *, markdown: bool, show_amounts: bool) -> str:
    """A template with the sample. Raises: Invalid."""
    try:
        check(text, variables_of(topic))
        audience = Audience(language, program.settings.timezone, show_amounts)
        return rendered_sample(program, topic, language, text, sample_facts(topic), audience, markdown=markdown)
    except BadTemplate as error:
        raise Invalid.at("/text", str(error)) from error
