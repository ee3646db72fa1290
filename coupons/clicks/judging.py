"""What a click is: counted, bot, prefetch or repeat, and whether it is its visitor's first of the day. Pure.

Times are whole milliseconds since 1970, as the clicks' ids carry them. Clicks lie in columns, oldest first, and a click
is its place in them: an object for each costs more than all that is found out about it.
"""

from bisect import bisect
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from core.packed import day_bytes
from coupons.clicks.bots import agent_of
from coupons.clicks.records import BY_API, Frame, Static, static_of
from coupons.clicks.records import PREFETCH as ASKED_BY_NOBODY

COUNTED, BOT, PREFETCH, REPEAT = range(4)
KINDS = ("counted", "bot", "prefetch", "repeat")
HOUR = 3_600_000
DAY = 24 * HOUR
QUARTER = 900_000  # no time zone changes its offset between two quarters of an hour
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = EPOCH.date().toordinal()

Pair = bytes
"""A link and a visitor, 24 bytes."""

Counted = dict[Pair, list[int]]
"""When clicks of each pair were counted, oldest first."""


class Clicks(NamedTuple):
    """Clicks of one program as they arrived, with what follows from each alone. One value a click but for `statics`."""

    ids: Sequence[bytes]
    at: Sequence[int]
    pairs: Sequence[Pair]
    address_hashes: Sequence[bytes]
    agent_hashes: Sequence[bytes]
    by_api: Sequence[int]  # BY_API or 0
    kinds: list[int]  # COUNTED until its visitor's other clicks are looked at
    numbers: Sequence[int]  # which of the statics
    statics: Sequence[Static]


def clicks_of(frames: Iterable[Frame]) -> Clicks:
    """Each click once, oldest first."""
    ordered = sorted({frame.id: frame for frame in frames}.values())  # ids come first, and times in ids
    ids, visitors, addresses, flags, agents, parts = zip(*ordered, strict=True)
    places = {part: place for place, part in enumerate(dict.fromkeys(parts))}
    hashes, kinds = zip(*map(_agent, agents, flags), strict=True)
    return Clicks(
        ids=ids,
        at=[int.from_bytes(one[:6], "big") for one in ids],
        pairs=[part[16:32] + visitor for part, visitor in zip(parts, visitors, strict=True)],
        address_hashes=addresses,
        agent_hashes=hashes,
        by_api=[one & BY_API for one in flags],
        kinds=list(kinds),
        numbers=[places[part] for part in parts],
        statics=list(map(static_of, places)),
    )


@lru_cache(maxsize=20_000)
def _agent(agent: bytes, flags: int) -> tuple[bytes, int]:
    """The agent's hash, and what the click is as far as that goes."""
    hashed, is_bot = agent_of(agent.decode("utf-8", "replace"), "api" if flags & BY_API else "redirect")
    return hashed, BOT if is_bot else PREFETCH if flags & ASKED_BY_NOBODY else COUNTED


@lru_cache(maxsize=10_000)
def day_at(quarter: int, timezone: str) -> date:
    """The day of a quarter of an hour, counted since 1970, in that time zone."""
    return (EPOCH + timedelta(milliseconds=quarter * QUARTER)).astimezone(ZoneInfo(timezone)).date()


@lru_cache(maxsize=10_000)
def _day_bytes(quarter: int, timezone: str) -> bytes:
    return day_bytes(day_at(quarter, timezone).toordinal() - _EPOCH_DAY)


def instant_of(at: int) -> datetime:
    return EPOCH + timedelta(milliseconds=at)


def first_of_days(clicks: Clicks, timezone: str) -> dict[bytes, int]:
    """The place of the first click of each pair on each day among those that may count, by pair and day (28 bytes)."""
    found: dict[bytes, int] = {}
    for place, (pair, at, kind) in enumerate(zip(clicks.pairs, clicks.at, clicks.kinds, strict=True)):
        if kind == COUNTED:
            found.setdefault(pair + _day_bytes(at // QUARTER, timezone), place)
    return found


def mark_repeats(clicks: Clicks, counted: Counted, dedupe_seconds: int) -> None:
    """Mark those that are nearer to a counted one than the dedupe window.

    `counted` holds the counted clicks around them and is brought up to date. A click that arrives late is measured
    from the counted ones on both sides of it; how those were judged stays.
    """
    window = 1000 * dedupe_seconds
    for place, (pair, at) in enumerate(zip(clicks.pairs, clicks.at, strict=True)):
        if clicks.kinds[place] != COUNTED:
            continue
        others = counted.setdefault(pair, [])
        following = bisect(others, at)
        if any(abs(at - other) < window for other in others[max(0, following - 1) : following + 1]):
            clicks.kinds[place] = REPEAT
        else:
            others.insert(following, at)
