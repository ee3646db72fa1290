"""Reads of attribution: the clicks of the people behind orders, and the links that orders name.

An order comes in through here, so the statement is shaped for the planner. Every look-up is LATERAL behind LIMIT, which
can only be planned one by one along its index. One order's time of payment is a parameter, not a column: partitions
outside its window are not even opened. The people's keys pass through an array, of which the planner always expects
the same few: else it hopes for a better plan each time, and planning all partitions takes ten times as long as reading.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Literal, LiteralString, NamedTuple
from uuid import UUID

from core.db import connection, fetch_all
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
    link: Link


_LINK: LiteralString = ", ".join(["l." + column for column in Link._fields])

_ONE: LiteralString = """
  (SELECT %(number)s::int AS number, %(visitor_key)s::bytea AS visitor_key, %(customer_id)s::uuid AS customer_id,
          %(paid_at)s::timestamptz AS paid_at) AS asked"""
_MANY: LiteralString = """
  unnest(%(number)s::int[], %(visitor_key)s::bytea[], %(customer_id)s::uuid[], %(paid_at)s::timestamptz[])
  AS asked (number, visitor_key, customer_id, paid_at)"""


def _clicks_of(asked: LiteralString, direction: LiteralString) -> LiteralString:
    # octet_length says nothing new about the keys, but makes the planner expect one of them
    return f"""
      SELECT asked.number, known.visitor_key, c.id, c.clicked_at, {_LINK}
      FROM {asked}
      CROSS JOIN LATERAL unnest(ARRAY(
        SELECT asked.visitor_key
        UNION
        (SELECT v.visitor_key FROM visitor_members v
         WHERE v.program_id = %(program_id)s AND v.member_id = asked.customer_id
         ORDER BY v.joined_at DESC LIMIT {MOST_VISITORS}))) AS known (visitor_key)
      CROSS JOIN LATERAL (
        (SELECT id, clicked_at, link_id FROM clicks
         WHERE program_id = %(program_id)s AND visitor_key = known.visitor_key AND kind = 'counted'
           AND clicked_at BETWEEN asked.paid_at - %(window)s::interval AND asked.paid_at
         ORDER BY clicked_at {direction} LIMIT {MOST_CLICKS})
        UNION ALL
        (SELECT id, clicked_at, link_id FROM clicks
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
    values = asked[0]._asdict() if one else dict(zip(Asked._fields, map(list, zip(*asked, strict=True)), strict=True))
    rows = connection().execute(_CLICKS[one, model], values | {"program_id": program_id, "window": window})
    return [Found(number, key, click_id, at, Link._make(link)) for number, key, click_id, at, *link in rows]


def named_links(program_id: UUID, ids: Collection[UUID], codes: Collection[str]) -> list[Link]:
    """The links with these ids or codes, ended ones too, in one statement."""
    if not ids and not codes:
        return []
    return fetch_all(
        Link,
        f"""SELECT {_LINK} FROM links l WHERE l.program_id = %(program_id)s AND l.id = ANY(%(ids)s::uuid[])
            UNION ALL
            SELECT {_LINK} FROM links l
            WHERE l.program_id = %(program_id)s AND l.code = ANY(%(codes)s::text[])""",  # noqa: S608 -- columns of Link
        program_id=program_id, ids=list(ids), codes=list(codes),
    )  # fmt: skip
