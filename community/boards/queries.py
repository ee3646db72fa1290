"""Reads of the sums. Every one names the program first, and reads sums only, and who is in a group.

A group has as many scopes as names; its sums are added up. The whole program has one, whose boards an index carries.
"""

from collections.abc import Sequence
from datetime import date
from typing import LiteralString, NamedTuple
from uuid import UUID

from community.boards.rules import PROGRAM, Measure
from core.db import fetch_all, fetch_one, scalar


class Standing(NamedTuple):
    """A member's place on a board; of equal values all have the first one's rank."""

    rank: int
    member_id: UUID
    value: int


class Board(NamedTuple):
    """Which board: a measure in a period of the program, or of a group by the names that orders give it."""

    measure: Measure
    period: str
    starts_on: date
    scopes: Sequence[str] = (PROGRAM,)

    @property
    def is_whole(self) -> bool:
        return list(self.scopes) == [PROGRAM]


class _Row(NamedTuple):
    member_id: UUID
    value: int


class Above(NamedTuple):
    """How many have more than a value, and the least that any of them has."""

    members: int
    value: int | None


# the column is a word of ours; the partial index of its measure carries the order
_VALUES: dict[Measure, LiteralString] = {
    Measure.SALES: "SELECT member_id, sales AS value FROM board_sums WHERE sales > 0",
    Measure.ORDERS: "SELECT member_id, orders AS value FROM board_sums WHERE orders > 0",
    Measure.COMMISSION: "SELECT member_id, commission AS value FROM board_sums WHERE commission > 0",
    Measure.INVITES: "SELECT member_id, invites AS value FROM board_sums WHERE invites > 0",
    Measure.POINTS: "SELECT member_id, points AS value FROM board_sums WHERE points > 0",
}
_SUMMED: dict[Measure, LiteralString] = {
    Measure.SALES: "SELECT member_id, sum(sales)::bigint AS value FROM board_sums WHERE true",
    Measure.ORDERS: "SELECT member_id, sum(orders)::bigint AS value FROM board_sums WHERE true",
    Measure.COMMISSION: "SELECT member_id, sum(commission)::bigint AS value FROM board_sums WHERE true",
    Measure.INVITES: "SELECT member_id, sum(invites)::bigint AS value FROM board_sums WHERE true",
    Measure.POINTS: "SELECT member_id, sum(points)::bigint AS value FROM board_sums WHERE true",
}
_IN_ONE: LiteralString = """
  AND program_id = %(program_id)s AND period = %(period)s AND starts_on = %(starts_on)s AND scope = %(scope)s"""
_IN_SOME: LiteralString = """
  AND program_id = %(program_id)s AND period = %(period)s AND starts_on = %(starts_on)s
  AND scope = ANY(%(scopes)s::text[]) GROUP BY member_id"""


def _source(board: Board) -> LiteralString:
    if board.is_whole:
        return _VALUES[board.measure] + _IN_ONE
    return _SUMMED[board.measure] + _IN_SOME


def _given(program_id: UUID, board: Board) -> dict[str, object]:
    return {
        "program_id": program_id, "period": board.period, "starts_on": board.starts_on, "scope": PROGRAM,
        "scopes": list(board.scopes),
    }  # fmt: skip


_MEMBERS: LiteralString = "SELECT member_id, value FROM ("
_ONE: LiteralString = "SELECT value FROM ("
_COUNT: LiteralString = "SELECT count(*), min(value) FROM ("
_POSITIVE: LiteralString = ") AS b WHERE value > 0"
# the first half alone says where in the index to begin
_BEHIND: LiteralString = " AND value <= %(after_value)s AND (value < %(after_value)s OR member_id > %(after_id)s)"
_BEST_FIRST: LiteralString = " ORDER BY value DESC, member_id LIMIT %(most)s"


def best(program_id: UUID, board: Board, after: tuple[int, UUID] | None, most: int) -> list[tuple[UUID, int]]:
    """Members with a value above zero, best first, equal ones by id; behind a value and an id."""
    behind: LiteralString = _BEHIND if after else ""
    value, member_id = after or (0, None)
    rows = fetch_all(
        _Row,
        _MEMBERS + _source(board) + _POSITIVE + behind + _BEST_FIRST,
        **_given(program_id, board), after_value=value, after_id=member_id, most=most,
    )  # fmt: skip
    return [(row.member_id, row.value) for row in rows]


def value_of(program_id: UUID, board: Board, member_id: UUID) -> int:
    found = scalar(
        _ONE + _source(board) + _POSITIVE + " AND member_id = %(member_id)s",
        **_given(program_id, board), member_id=member_id,
    )  # fmt: skip
    return int(found or 0)


def above(program_id: UUID, board: Board, value: int) -> Above:
    found = fetch_one(
        Above,
        _COUNT + _source(board) + _POSITIVE + " AND value > %(value)s",
        **_given(program_id, board), value=value,
    )  # fmt: skip
    return found or Above(0, None)


class DayTotals(NamedTuple):
    """One day of the program or of a group."""

    sales: int
    orders: int
    commission: int
    new_members: int
    new_customers: int


def day_totals(program_id: UUID, day: date, scopes: Sequence[str]) -> DayTotals:
    found = fetch_one(
        DayTotals,
        """SELECT coalesce(sum(sales), 0)::bigint, coalesce(sum(orders), 0)::bigint,
                  coalesce(sum(commission), 0)::bigint, coalesce(sum(new_members), 0)::bigint,
                  coalesce(sum(new_customers), 0)::bigint
           FROM day_sums WHERE program_id = %(program_id)s AND day = %(day)s AND scope = ANY(%(scopes)s::text[])""",
        program_id=program_id, day=day, scopes=list(scopes),
    )  # fmt: skip
    return found or DayTotals(0, 0, 0, 0, 0)


class SoldProduct(NamedTuple):
    """What was sold of a product, less what came back."""

    sku: str
    name: str | None
    quantity: int
    sales: int


def hot_products(program_id: UUID, day: date, scopes: Sequence[str], most: int) -> list[SoldProduct]:
    """Most units first, then most money."""
    return fetch_all(
        SoldProduct,
        """SELECT sku, max(name), sum(quantity)::bigint AS units, sum(sales)::bigint AS money
           FROM product_days
           WHERE program_id = %(program_id)s AND day = %(day)s AND scope = ANY(%(scopes)s::text[])
           GROUP BY sku HAVING sum(quantity) > 0 ORDER BY units DESC, money DESC, sku LIMIT %(most)s""",
        program_id=program_id, day=day, scopes=list(scopes), most=most,
    )  # fmt: skip


class Fan(NamedTuple):
    """A member of a group, by how close he is to it; `score` as `core_fans` says."""

    member_id: UUID
    orders: int
    spent: int
    check_ins: int
    score: int


def fans(
    program_id: UUID, group_id: UUID, scopes: Sequence[str], since: date, until: date, most: int
) -> list[Fan]:  # fmt: skip
    """10 for each order, 10 for each mean order of the group that he spent, 1 for each check-in; whole points, best
    first. The mean is of all who bought, also of those who are not in the group (any more).
    """
    return fetch_all(
        Fan,
        """WITH present AS MATERIALIZED (
             SELECT member_id FROM group_members
             WHERE program_id = %(program_id)s AND group_id = %(group_id)s AND left_at IS NULL),
           bought AS MATERIALIZED (
             SELECT member_id, sum(orders)::bigint AS orders, sum(spent)::bigint AS spent FROM fan_days
             WHERE program_id = %(program_id)s AND scope = ANY(%(scopes)s::text[])
               AND day BETWEEN %(since)s AND %(until)s
             GROUP BY member_id HAVING sum(orders) > 0),
           mean AS (SELECT greatest(sum(spent) / sum(orders), 1)::bigint AS spent FROM bought),
           checked_in AS (
             SELECT p.member_id, sum(c.check_ins)::bigint AS check_ins
             FROM present p JOIN check_in_days c
               ON c.program_id = %(program_id)s AND c.scope = ANY(%(checked_scopes)s::text[])
               AND c.member_id = p.member_id AND c.day BETWEEN %(since)s AND %(until)s
             GROUP BY p.member_id)
           SELECT p.member_id, coalesce(b.orders, 0), coalesce(b.spent, 0) AS spent, coalesce(c.check_ins, 0),
                  coalesce(b.orders * 10 + b.spent * 10 / mean.spent, 0) + coalesce(c.check_ins, 0) AS score
           FROM present p LEFT JOIN bought b ON b.member_id = p.member_id
             LEFT JOIN checked_in c ON c.member_id = p.member_id CROSS JOIN mean
           WHERE b.member_id IS NOT NULL OR c.member_id IS NOT NULL
           ORDER BY score DESC, spent DESC, member_id LIMIT %(most)s""",
        program_id=program_id, group_id=group_id, scopes=list(scopes), checked_scopes=[PROGRAM, str(group_id)],
        since=since, until=until, most=most,
    )  # fmt: skip
