"""Reads of attribution: the clicks of the people behind orders, and the links that orders name.

An order comes in through here, so the statement is shaped for the planner. Every look-up is LATERAL behind LIMIT, which
can only be planned one by one along its index. One order's time of payment is a parameter, not a column: partitions
outside its window are not even opened. The people's keys pass through an array, of which the planner always expects
the same few: else it hopes for a better plan each time, and planning all partitions takes ten times as long as reading.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString, NamedTuple
from uuid import UUID

from core.db import connection
from coupons.clicks.targets import Dimensions
from coupons.links import service as links
from coupons.links.service import Link

MOST_CLICKS = 10  # within the window
MOST_VISITORS = 50  # of one customer, the newest: a shop may name a new visitor with every order


class Asked(NamedTuple):
    """An order whose people may have clicked."""

    number: int
    visitor_key: bytes | None
    customer_id: UUID | None
    paid_at: datetime


class Found(NamedTuple):
    """A counted click of one of an order's people, not after its payment."""

    number: int
    visitor_key: bytes
    click_id: UUID
    clicked_at: datetime
    link: Link  # with what rode on the click, which may have said it otherwise


class NamedClick(NamedTuple):
    """A click as its token says."""

    id: UUID
    link_id: UUID
    clicked_at: datetime


_CLICKED_LINK: LiteralString = ", ".join(
    ("c." if column in Dimensions._fields else "l.") + column for column in Link._fields
)
# not shipped yet: what rides on the link has to do
_NAMED_LINK: LiteralString = ", ".join(
    f"CASE WHEN c.id IS NULL THEN l.{column} ELSE c.{column} END" if column in Dimensions._fields else f"l.{column}"
    for column in Link._fields
)
_LINK: LiteralString = ", ".join(["l." + column for column in Link._fields])
_RIDES: LiteralString = ", ".join(Dimensions._fields)

_ONE: LiteralString = """
  (SELECT %(number)s::int AS number, %(visitor_key)s::bytea AS visitor_key, %(customer_id)s::uuid AS customer_id,
          %(paid_at)s::timestamptz AS paid_at) AS asked"""
_MANY: LiteralString = """
  unnest(%(number)s::int[], %(visitor_key)s::bytea[], %(customer_id)s::uuid[], %(paid_at)s::timestamptz[])
  AS asked (number, visitor_key, customer_id, paid_at)"""


def _clicks_of(asked: LiteralString, direction: LiteralString) -> LiteralString:
    # octet_length says nothing new about the keys, but makes the planner expect one of them
    return f"""
      SELECT asked.number, known.visitor_key, c.id, c.clicked_at, {_CLICKED_LINK}
      FROM {asked}
      CROSS JOIN LATERAL unnest(ARRAY(
        SELECT asked.visitor_key
        UNION
        (SELECT v.visitor_key FROM visitor_members v
         WHERE v.program_id = %(program_id)s AND v.member_id = asked.customer_id
         ORDER BY v.joined_at DESC LIMIT {MOST_VISITORS}))) AS known (visitor_key)
      CROSS JOIN LATERAL (
        (SELECT id, clicked_at, link_id, {_RIDES} FROM clicks
         WHERE program_id = %(program_id)s AND visitor_key = known.visitor_key AND kind = 'counted'
           AND clicked_at BETWEEN asked.paid_at - %(window)s::interval AND asked.paid_at
         ORDER BY clicked_at {direction} LIMIT {MOST_CLICKS})
        UNION ALL
        (SELECT id, clicked_at, link_id, {_RIDES} FROM clicks
         WHERE program_id = %(program_id)s AND visitor_key = known.visitor_key AND kind = 'counted'
           AND clicked_at < asked.paid_at - %(window)s::interval
         ORDER BY clicked_at DESC LIMIT 1)) c
      CROSS JOIN LATERAL (SELECT * FROM links WHERE program_id = %(program_id)s AND id = c.link_id LIMIT 1) l
      WHERE octet_length(known.visitor_key) = 8"""  # noqa: S608 -- all of it stands in this file


_CLICKS: dict[tuple[bool, str], LiteralString] = {
    (one, model): _clicks_of(_ONE if one else _MANY, "DESC" if model == "last" else "ASC")
    for one in (True, False)
    for model in ("last", "first")
}


def clicks_of(
    program_id: UUID, asked: Sequence[Asked], window: timedelta, model: Literal["last", "first"]
) -> list[Found]:
    """For each order and each of its people: the newest (or first) clicks within the window before payment, at most
    MOST_CLICKS, and the newest one before it. One statement, in no order.
    """
    if not asked:
        return []
    one = len(asked) == 1
    values = _values(asked, one=one) | {"program_id": program_id, "window": window}
    rows = connection().execute(_CLICKS[one, model], values)
    return [Found(number, key, click_id, at, Link._make(link)) for number, key, click_id, at, *link in rows]


_ONE_CLICK: LiteralString = """
  (SELECT %(id)s::uuid AS id, %(link_id)s::uuid AS link_id, %(clicked_at)s::timestamptz AS clicked_at) AS named"""
_MANY_CLICKS: LiteralString = """
  unnest(%(id)s::uuid[], %(link_id)s::uuid[], %(clicked_at)s::timestamptz[]) AS named (id, link_id, clicked_at)"""


def _links_named_by(clicks: LiteralString) -> LiteralString:
    return f"""
      SELECT named.id, {_NAMED_LINK}
      FROM {clicks}
      CROSS JOIN LATERAL (SELECT * FROM links WHERE program_id = %(program_id)s AND id = named.link_id LIMIT 1) l
      LEFT JOIN LATERAL (
        SELECT id, {_RIDES} FROM clicks
        WHERE program_id = %(program_id)s AND id = named.id AND clicked_at = named.clicked_at LIMIT 1) c ON true
      UNION ALL
      SELECT NULL, {_LINK} FROM links l
      WHERE l.program_id = %(program_id)s AND l.code = ANY(%(codes)s::text[])"""  # noqa: S608 -- as above


_NAMED: dict[bool, LiteralString] = {True: _links_named_by(_ONE_CLICK), False: _links_named_by(_MANY_CLICKS)}


def named_links(
    program_id: UUID, clicks: Collection[NamedClick], codes: Collection[str]
) -> tuple[dict[UUID, Link], dict[str, Link]]:
    """The links behind these clicks, by click and with what rode on it, and those with these codes. Ended ones too; one
    statement for all, none for nothing.
    """
    if not clicks:
        return {}, links.links_by_code(program_id, codes)
    one = len(clicks) == 1
    values = _values(list(clicks), one=one) | {"program_id": program_id, "codes": list(codes)}
    rows = [(click_id, Link._make(link)) for click_id, *link in connection().execute(_NAMED[one], values)]
    by_click = {click_id: link for click_id, link in rows if click_id is not None}
    return by_click, {link.code: link for click_id, link in rows if click_id is None}


def _values(rows: Sequence[NamedTuple], *, one: bool) -> dict[str, Any]:
    """The fields of the one row, or a list for each field of many."""
    if one:
        return rows[0]._asdict()
    return dict(zip(rows[0]._fields, map(list, zip(*rows, strict=True)), strict=True))
