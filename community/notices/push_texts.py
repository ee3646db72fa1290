"""Subscribe messages in words, for whom they are. Callers hold the transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from community.notices.mini_program import MiniProgramNotice
from community.notices.names import shown_members
from community.notices.push_fields import fitted
from community.notices.rendering import Manner, render
from community.notices.settings import settings_of
from community.notices.templates import IN_APP
from community.notices.wall import BadTemplate
from community.notices.wording import Audience, Names, language_of, member_ids_in, values_of
from community.platforms import service as platforms
from core.auth.actor import Program
from coupons.sharing.messages import SubscribeMessage


class Waiting(NamedTuple):
    """A push to be sent."""

    id: UUID
    member_id: UUID
    topic: str
    facts: dict[str, Any]
    happened_at: datetime
    attempts: int


class Claimed(NamedTuple):
    """A push whose sending has begun; `attempt` is the fence. `message` None: its text cannot be made."""

    id: UUID
    member_id: UUID
    template_id: str
    attempt: int
    message: SubscribeMessage | None


def in_words(
    program: Program, begun: Sequence[Waiting], by: Mapping[str, MiniProgramNotice], people: Mapping[UUID, str]
) -> list[Claimed]:
    """The claimed pushes with what is sent; `by`: topics' messages, `people`: members' open ids."""
    named = {one for push in begun for one in member_ids_in(push.topic, push.facts)}
    names = shown_members(program.id, named).names
    wishes = settings_of(program.id, {one.member_id for one in begun})
    claimed = []
    for one in begun:
        language = wishes[one.member_id].language or language_of(program.settings)
        message = _message(program, one, by[one.topic], people[one.member_id], language, names)
        claimed.append(Claimed(one.id, one.member_id, by[one.topic].template_id, one.attempts + 1, message))
    return claimed


def _message(
    program: Program, push: Waiting, given: MiniProgramNotice, open_id: str, language: str, names: Names
) -> SubscribeMessage | None:
    audience = Audience(language, program.settings.timezone, show_amounts=True, reader_id=push.member_id)
    values = values_of(push.topic, push.facts, push.happened_at, audience, names, program.name)
    currency = str(push.facts.get("currency") or program.currency)
    manner = Manner(language, currency, lambda word: platforms.escape(IN_APP, word, markdown=False))
    try:
        fields = {name: fitted(name, render(text, values, manner)) for name, text in given.fields.items()}
    except BadTemplate:
        return None
    return SubscribeMessage(open_id, given.template_id, given.page, language, fields)
