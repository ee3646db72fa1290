"""Templates by people, rendered: Jinja2 in its sandbox, behind the wall. Values are texts, numbers and rows of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from jinja2 import StrictUndefined, Template, TemplateError, pass_context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from community.notices.topics import Variable
from community.notices.wall import FILTERS, TESTS, BadTemplate, check_tree
from core.money import CURRENCY_EXPONENTS
from core.prices import price_text

LONGEST_TEMPLATE = 2_000
LONGEST_TEXT = 4_000

Escape = Callable[[str], str]


class Ours(str):
    """Text of our own making, which is printed as it is. Filters make plain text of it again."""

    __slots__ = ()


class Manner(NamedTuple):
    """For whom something is rendered."""

    language: str
    currency: str
    escape: Escape  # takes the power out of people's texts


_manner: ContextVar[Manner] = ContextVar("notice_manner")


def check(text: str, variables: Sequence[Variable]) -> None:
    """Refuse what is no template of these variables.

    Raises:
        BadTemplate: too long, no Jinja, or more of it than is allowed.
    """
    if len(text) > LONGEST_TEMPLATE:
        raise BadTemplate(f"More than {LONGEST_TEMPLATE} characters.")
    with _refusing():
        check_tree(_ENVIRONMENT.parse(text), variables)
    _compiled(text)


def render(text: str, values: Mapping[str, Any], manner: Manner) -> str:
    """A checked template with these values: texts, whole numbers, None, and lists of rows of them.

    Raises:
        BadTemplate: it is longer than LONGEST_TEXT, compares what cannot be compared, or is nested too deeply.
    """
    token = _manner.set(manner)
    try:
        return "".join(_bounded(_compiled(text).generate(values))).strip()
    except (TemplateError, TypeError, ValueError) as error:
        raise error if isinstance(error, BadTemplate) else BadTemplate(f"Cannot be rendered: {error}") from error
    finally:
        _manner.reset(token)


@contextmanager
def _refusing() -> Iterator[None]:
    """What the engine says of a text that it cannot read or compile, as a refusal."""
    try:
        yield
    except TemplateError as error:  # of compiling as well: some rules of the language are asked there only
        raise BadTemplate(f"Not a template: {error}") from error
    # Python's own limits, met by what is nested hundreds of levels deep
    except (RecursionError, SyntaxError, MemoryError) as error:
        raise BadTemplate("Nested too deeply.") from error


def _bounded(pieces: Iterator[str]) -> Iterator[str]:
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > LONGEST_TEXT:
            raise BadTemplate(f"The text comes to more than {LONGEST_TEXT} characters.")
        yield piece


@lru_cache(maxsize=2_000)
def _compiled(text: str) -> Template:
    """Raises: BadTemplate."""
    with _refusing():
        return _ENVIRONMENT.from_string(text)


@pass_context  # so that it is called for each printing, never once while compiling
def _printed(_context: Any, value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, Ours) else _manner.get().escape(str(value))


def _money(value: Any) -> str:
    if type(value) is not int:
        return ""
    manner = _manner.get()
    if manner.currency in CURRENCY_EXPONENTS:
        return Ours(price_text(value, manner.currency, manner.language))
    return f"{value} 积分" if manner.language == "zh" else f"{value} points"


def _date(value: Any) -> str:
    try:
        day = date.fromisoformat(str(value)[:10])
    except ValueError:
        return ""
    return f"{day.month}月{day.day}日" if _manner.get().language == "zh" else f"{day.day} {_MONTHS[day.month - 1]}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _truncate(value: Any, length: int) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= length else text[: length - 1] + "…"


_FILTERS: dict[str, Callable[..., Any]] = {
    "upper": lambda value: "" if value is None else str(value).upper(),
    "lower": lambda value: "" if value is None else str(value).lower(),
    "truncate": _truncate,
    "default": lambda value, other: other if value in (None, "") else value,
    "money": _money,
    "date": _date,
}


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, finalize=_printed, optimized=False, cache_size=0,
    )  # fmt: skip
    environment.globals.clear()
    environment.filters.clear()
    environment.filters.update({name: _FILTERS[name] for name in FILTERS})
    environment.tests = {name: environment.tests[name] for name in TESTS}
    return environment


_ENVIRONMENT = _environment()
