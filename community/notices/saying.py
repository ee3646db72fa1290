"""A notice in words: a program's text, or the default where that one fails. Pure but for a counter."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import structlog

from community.notices.defaults import TEXTS
from community.notices.health import FALLBACKS
from community.notices.rendering import Manner, render
from community.notices.templates import IN_APP, Text
from community.notices.wall import BadTemplate
from community.notices.wording import Audience, Names, values_of
from community.platforms import service as platforms
from core.auth.actor import Program

_log = structlog.get_logger(__name__)


class Words(NamedTuple):
    """`text` empty: the template has nothing to say of it."""

    text: str
    markdown: str | None


def say(
    program: Program, given: Text, facts: Mapping[str, Any], happened_at: datetime, audience: Audience, names: Names
) -> Words:  # fmt: skip
    """What happened, told to this audience. Nothing is lost for a text that somebody wrote."""
    values = values_of(given.topic, facts, happened_at, audience, names, program.name)
    currency = str(facts.get("currency") or program.currency)

    def said(template: str, *, markdown: bool) -> str:
        # the same letters are dangerous on all platforms
        manner = Manner(audience.language, currency, lambda word: platforms.escape(IN_APP, word, markdown=markdown))
        return render(template, values, manner)

    try:
        markdown = None if given.markdown is None else said(given.markdown, markdown=True)
        return Words(said(given.text, markdown=False), markdown or None)
    except BadTemplate as error:
        _log.warning("notice template failed", topic=given.topic, language=given.language, error=str(error))
        FALLBACKS.labels(given.topic).inc()
        return Words(said(TEXTS[given.topic, given.language], markdown=False), None)
