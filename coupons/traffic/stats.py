"""Answers about traffic: the sums of a span and its series, gaps filled with zeroes. Reads sums only."""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from core.auth.actor import Program
from core.clock import now
from core.errors import Invalid
from core.ids import ExternalRef, Ref, parse_public_id, public_id
from coupons.links.errors import NoSuchLink
from coupons.links.service import Link, links_by_code, links_by_id
from coupons.traffic import queries
from coupons.traffic.queries import KeySums, Position
from coupons.traffic.rollups import WHOLE_PROGRAM, Sums
from coupons.traffic.spans import HOUR, MONTH, Asked, days_asked, hours_asked

_PREFIXES = {"link": "lnk", "member": "mem"}
_NOTHING = Sums()


class Point(NamedTuple):
    """The sums of one hour, day or month, by its beginning."""

    at: datetime | date
    sums: Sums


class Stats(NamedTuple):
    """Everything in the span, cut into points without a gap."""

    interval: str
    totals: Sums
    series: list[Point]


def stats_of(program: Program, dimension: str, key: str, interval: str, asked: Asked) -> Stats:
    """The traffic of one key of a dimension.

    Raises:
        Invalid: the span is too long for its interval, or ends before it begins.
    """
    timezone = program.settings.timezone
    points: list[datetime | date]
    if interval == HOUR:
        hours = hours_asked(asked, timezone, now())
        found, points = queries.sums_by_hour(program.id, dimension, key, hours), [*hours.points()]
    else:
        days = days_asked(asked, timezone, now())
        found = queries.sums_by_day(program.id, dimension, key, days, by_month=interval == MONTH)
        points = [*(days.months() if interval == MONTH else days.points())]
    totals = Sums(*map(sum, zip(*found.values(), strict=True))) if found else _NOTHING
    return Stats(interval, totals, [Point(at, found.get(at, _NOTHING)) for at in points])


def link_named(program_id: UUID, ref: Ref, owner_id: UUID | None = None) -> Link:
    """The link of an id or code, ended or not; of this owner only where one is given.

    Raises:
        NoSuchLink: there is none.
    """
    found = (
        links_by_code(program_id, [ref.external_id]).get(ref.external_id)
        if isinstance(ref, ExternalRef)
        else links_by_id(program_id, [ref]).get(ref)
    )
    if found is None or owner_id not in (None, found.member_id):
        raise NoSuchLink()
    return found


def key_named(dimension: str, text: str | None) -> str:
    """The stored key that a client names: an id for links and members, nothing for the program, else the word itself.

    Raises:
        Invalid: it is no key of this dimension.
    """
    if dimension == WHOLE_PROGRAM:
        if text is not None:
            raise Invalid.at("/key", "The whole program has no key.")
        return ""
    if text is None:
        raise Invalid.at("/key", "Say which one.")
    if dimension not in _PREFIXES:
        return text
    parsed = parse_public_id(_PREFIXES[dimension], text)
    if parsed is None:
        raise Invalid.at("/key", f"Not an id such as {_PREFIXES[dimension]}_….")
    return str(parsed)


def shown_key(dimension: str, key: str) -> str:
    """The key as clients know it."""
    return public_id(_PREFIXES[dimension], UUID(key)) if dimension in _PREFIXES else key


def ranking(
    program: Program, dimension: str, sort: str, asked: Asked, after: Position | None, most: int
) -> list[KeySums]:
    """The keys of a dimension with their sums, the greatest first.

    Raises:
        Invalid: more than three years are asked for, or the span ends before it begins.
    """
    days = days_asked(asked, program.settings.timezone, now())
    return queries.sums_by_key(program.id, dimension, days, sort, after, most)


def codes_of(program_id: UUID, dimension: str, rows: list[KeySums]) -> dict[str, str]:
    """The codes of the links among the keys."""
    if dimension != "link":
        return {}
    links = links_by_id(program_id, [UUID(row.key) for row in rows])
    return {str(link_id): link.code for link_id, link in links.items()}
