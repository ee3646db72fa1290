"""Reads of traffic: sums by hour and day, never raw clicks. Every one names program and dimension first."""

from datetime import date, datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from core.db import fetch_all
from coupons.traffic.rollups import Sums
from coupons.traffic.spans import Days, Hours


class _At(NamedTuple):
    """The sums of one hour, day or month."""

    at: datetime | date
    clicks: int
    unique_clicks: int
    bot_clicks: int
    orders: int
    sales: int
    commission: int


class KeySums(NamedTuple):
    """The sums of one key over the days asked for."""

    key: str
    clicks: int
    unique_clicks: int
    bot_clicks: int
    orders: int
    sales: int
    commission: int


def sums_by_hour(program_id: UUID, dimension: str, key: str, hours: Hours) -> dict[datetime | date, Sums]:
    """Hours in which something happened."""
    rows = fetch_all(
        _At,
        """SELECT hour, clicks, unique_clicks, bot_clicks, orders, sales, commission FROM traffic_hours
           WHERE program_id = %(program_id)s AND dimension = %(dimension)s AND key = %(key)s
             AND hour >= %(since)s AND hour < %(until)s""",
        program_id=program_id, dimension=dimension, key=key, since=hours.since, until=hours.until,
    )  # fmt: skip
    return {row.at: Sums(*row[1:]) for row in rows}


def sums_by_day(
    program_id: UUID, dimension: str, key: str, days: Days, *, by_month: bool
) -> dict[datetime | date, Sums]:  # fmt: skip
    """Days, or months by their first day, in which something happened."""
    rows = fetch_all(
        _At,
        _BY_MONTH if by_month else _BY_DAY,
        program_id=program_id, dimension=dimension, key=key, first=days.first, last=days.last,
    )  # fmt: skip
    return {row.at: Sums(*row[1:]) for row in rows}


_OF_KEY: LiteralString = """
    FROM traffic_days WHERE program_id = %(program_id)s AND dimension = %(dimension)s AND key = %(key)s
      AND day BETWEEN %(first)s AND %(last)s"""
_BY_DAY: LiteralString = "SELECT day, clicks, unique_clicks, bot_clicks, orders, sales, commission" + _OF_KEY
_BY_MONTH: LiteralString = (
    """SELECT date_trunc('month', day)::date, sum(clicks)::bigint, sum(unique_clicks)::bigint, sum(bot_clicks)::bigint,
              sum(orders)::bigint, sum(sales)::bigint, sum(commission)::bigint"""
    + _OF_KEY
    + " GROUP BY 1"
)

_SORTS: dict[str, LiteralString] = {name: name for name in ("clicks", "orders", "sales", "commission")}
SORTS = tuple(_SORTS)


class Position(NamedTuple):
    """Where a page ends: the value it is sorted by, and the key."""

    value: int
    key: str


def sums_by_key(
    program_id: UUID, dimension: str, days: Days, sort: str, after: Position | None, most: int
) -> list[KeySums]:  # fmt: skip
    """Keys with something in these days, the greatest first, equal ones by key."""
    column = _SORTS[sort]
    beyond: LiteralString = (
        " WHERE (" + column + " < %(value)s OR (" + column + " = %(value)s AND key > %(after)s))" if after else ""
    )
    return fetch_all(
        KeySums,
        _RANKED + beyond + " ORDER BY " + column + " DESC, key LIMIT %(most)s",
        program_id=program_id, dimension=dimension, first=days.first, last=days.last, most=most,
        value=after.value if after else None, after=after.key if after else None,
    )  # fmt: skip


_RANKED: LiteralString = """
    SELECT * FROM (
      SELECT key, sum(clicks)::bigint AS clicks, sum(unique_clicks)::bigint AS unique_clicks,
             sum(bot_clicks)::bigint AS bot_clicks, sum(orders)::bigint AS orders, sum(sales)::bigint AS sales,
             sum(commission)::bigint AS commission
      FROM traffic_days
      WHERE program_id = %(program_id)s AND dimension = %(dimension)s AND day BETWEEN %(first)s AND %(last)s
      GROUP BY key) AS summed"""
