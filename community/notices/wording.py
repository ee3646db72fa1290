"""Facts as the words and numbers that a template gets. Pure: names are given, as each member wants his shown."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from community.notices.defaults import NOBODY
from community.notices.rendering import Ours
from community.notices.topics import MOST_ROWS, Kind, Variable, variables_of
from core.programs.settings import ProgramSettings

Facts = Mapping[str, Any]
Names = Mapping[UUID, str | None]
"""What is shown of a member; None, or no entry: nothing."""


def language_of(settings: ProgramSettings) -> str:
    """The language of those who have chosen none."""
    return "zh" if settings.currency == "CNY" else "en"


class Audience(NamedTuple):
    """Whom something is told, as far as the words depend on it."""

    language: str
    timezone: str
    show_amounts: bool
    reader_id: UUID | None = None  # of an inbox


def member_ids_in(topic: str, facts: Facts) -> Iterator[UUID]:
    """The members that a topic's texts may name."""
    yield from _members(variables_of(topic), facts)


def _members(variables: tuple[Variable, ...], facts: Facts) -> Iterator[UUID]:
    for variable in variables:
        if variable.kind is Kind.MEMBER and (found := _id(facts.get(f"{variable.name}_id"))):
            yield found
        elif variable.kind is Kind.LIST:
            for row in (facts.get(variable.name) or ())[:MOST_ROWS]:
                yield from _members(variable.fields, row)


def values_of(
    topic: str, facts: Facts, happened_at: datetime, audience: Audience, names: Names, program: str
) -> dict[str, Any]:  # fmt: skip
    """The variables of a topic. What facts do not say is None; lists have MOST_ROWS rows at most."""
    known = {"program": program, "at": happened_at.isoformat(), **facts}
    values = {one.name: _value(one, known, audience, names) for one in variables_of(topic)}
    return values | {"you": _you(facts, audience.reader_id)}


def _you(facts: Facts, reader_id: UUID | None) -> str:
    if reader_id is None:
        return ""
    return next((role for role in ("member", "inviter", "customer") if _id(facts.get(f"{role}_id")) == reader_id), "")


def _value(variable: Variable, facts: Facts, audience: Audience, names: Names) -> Any:
    fact = facts.get(variable.name)
    if variable.kind is Kind.MEMBER:
        return _name(facts.get(f"{variable.name}_id"), fact, audience, names)
    if variable.kind is Kind.LIST:
        return [_row(variable.fields, row, audience, names) for row in (fact or ())[:MOST_ROWS]]
    if variable.kind is Kind.WORD:
        return fact if fact in variable.words else ""
    if fact is None or (variable.kind is Kind.AMOUNT and not audience.show_amounts):
        return None
    return _FORMS[variable.kind](fact, audience)


def _row(fields: tuple[Variable, ...], facts: Facts, audience: Audience, names: Names) -> dict[str, Any]:
    return {field.name: _value(field, facts, audience, names) for field in fields}


def _name(member_id: Any, given: Any, audience: Audience, names: Names) -> str | None:
    """A name that the caller gives is of somebody who is no member."""
    found = _id(member_id)
    if found is None:
        return None if given is None else str(given)
    return names.get(found) or NOBODY[audience.language]


def _number(fact: Any, _audience: Audience) -> int | None:
    return fact if type(fact) is int else None


def _instant(fact: Any, audience: Audience) -> str:
    instant = datetime.fromisoformat(fact) if isinstance(fact, str) else fact
    return Ours(instant.astimezone(ZoneInfo(audience.timezone)).strftime("%Y-%m-%d %H:%M"))


_FORMS: dict[Kind, Callable[[Any, Audience], Any]] = {
    Kind.AMOUNT: _number,
    Kind.COUNT: _number,
    Kind.TEXT: lambda fact, _audience: str(fact),
    Kind.OURS: lambda fact, _audience: Ours(fact),
    Kind.DAY: lambda fact, _audience: Ours(fact),
    Kind.INSTANT: _instant,
}


def _id(fact: Any) -> UUID | None:
    if fact is None or isinstance(fact, UUID):
        return fact
    try:
        return UUID(str(fact))
    except ValueError:
        return None
