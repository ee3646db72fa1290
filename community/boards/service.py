"""Boards, places on them, days and segments, for the features beside. Callers hold the transaction; reads sums only.

A group is named by all the texts that orders may name it by (`groups.group_keys`). What happened is in the sums within
a few seconds.
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from community.boards import queries
from community.boards.privacy import Names, ShownMember, choose_names, names_of, shown_members
from community.boards.queries import Board, DayTotals, Fan, SoldProduct, Standing
from community.boards.rules import PROGRAM, Measure, Period, Ranked, end_of, ranked, start_of
from community.boards.segments import SavedSegment, Segment, members_in_segment, segment_of, size_of
from community.groups import service as groups
from core.auth.actor import Program
from core.auth.service import program_of
from core.ids import Ref
from coupons.vouchers import service as vouchers
from coupons.vouchers.service import MadeCoupon

FAN_DAYS = 30


def board_of(
    program_id: UUID, measure: str, period: str, day: date, group_id: Ref | None = None
) -> Board:  # fmt: skip
    """Which board is meant: the one of the period that the day lies in. Raises: GroupNotFound."""
    scopes = scopes_of(program_id, group_id)
    return Board(Measure(measure), Period(period).value, start_of(period, day), scopes)


def scopes_of(program_id: UUID, group_id: Ref | None) -> Sequence[str]:
    """Raises: GroupNotFound."""
    return (PROGRAM,) if group_id is None else sorted(groups.group_keys(groups.find_group(program_id, group_id)))


def board(
    program: Program, measure: str, period: str, day: date, group_id: Ref | None, most: int
) -> list[Standing]:  # fmt: skip
    """The best of a measure in the day's period, best first; only who has more than nothing. Raises: GroupNotFound."""
    return standings(program.id, board_of(program.id, measure, period, day, group_id), None, 0, most)


def standings(program_id: UUID, board: Board, before: Standing | None, count_before: int, most: int) -> list[Standing]:
    """A page of a board behind `before`, which is the last of `count_before`."""
    after = (before.value, before.member_id) if before else None
    rows = queries.best(program_id, board, after, most)
    last = Ranked(before.rank, before.member_id, before.value) if before else None
    return [Standing(*one) for one in ranked(rows, last, count_before)]


def rank_of(
    program: Program, member_id: UUID, measure: str, period: str, day: date, group_id: Ref | None = None
) -> int | None:  # fmt: skip
    """The member's rank; None while he has nothing of the measure. Raises: GroupNotFound."""
    return place_of(program, member_id, measure, period, day, group_id).rank


class OwnPlace(NamedTuple):
    """Where one member stands. `rank` is None without a value; `next_value` is the least above his, None at the top."""

    rank: int | None
    value: int
    next_value: int | None

    @property
    def distance(self) -> int | None:
        """What he lacks to have as much as the next above."""
        return None if self.next_value is None else self.next_value - self.value


def place_of(
    program: Program, member_id: UUID, measure: str, period: str, day: date, group_id: Ref | None = None
) -> OwnPlace:  # fmt: skip
    """The member's own place and how far the next one is. Raises: GroupNotFound."""
    which = board_of(program.id, measure, period, day, group_id)
    value = max(0, queries.value_of(program.id, which, member_id))
    count, next_value = queries.above(program.id, which, value)
    return OwnPlace(count + 1 if value else None, value, next_value)


def core_fans(program: Program, group_id: Ref, until: date, most: int) -> list[Fan]:
    """Members of the group who buy and check in there most, over FAN_DAYS days up to `until`. Raises: GroupNotFound.

    The score: 10 for each order of theirs in the group, 10 for each mean order of the group that they spent, and 1 for
    each check-in in an activity of the group or of the whole program.
    """
    group = groups.find_group(program.id, group_id)
    scopes = sorted(groups.group_keys(group))
    return queries.fans(program.id, group.id, scopes, until - timedelta(days=FAN_DAYS - 1), until, most)


class DaySums(NamedTuple):
    """What a digest tells of one day. Amounts in minor units, less refunds; coupons are the whole program's."""

    day: date
    totals: DayTotals
    top_sellers: list[Standing]
    hot_products: list[SoldProduct]
    new_coupons: list[MadeCoupon]


def day_sums(program_id: UUID, day: date, group_keys: Collection[str] | str | None = None, most: int = 5) -> DaySums:
    """One day of the program, or of a group by the name or names that orders may give it. Four statements."""
    names = [group_keys] if isinstance(group_keys, str) else group_keys
    scopes = (PROGRAM,) if names is None else sorted(names)
    sellers = Board(Measure.SALES, Period.DAY.value, day, scopes)
    return DaySums(
        day=day,
        totals=queries.day_totals(program_id, day, scopes),
        top_sellers=standings(program_id, sellers, None, 0, most),
        hot_products=queries.hot_products(program_id, day, scopes, most),
        new_coupons=vouchers.coupons_made_on(program_of(program_id), day, most),
    )


__all__ = [
    "Board", "DaySums", "DayTotals", "Fan", "Measure", "Names", "OwnPlace", "Period", "SavedSegment", "Segment",
    "ShownMember", "SoldProduct", "Standing", "board", "board_of", "choose_names", "core_fans", "day_sums", "end_of",
    "members_in_segment", "names_of", "place_of", "rank_of", "scopes_of", "segment_of", "shown_members", "size_of",
    "standings",
]  # fmt: skip
