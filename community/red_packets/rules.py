"""How a red packet is split, and when it can be claimed. Pure: chance and time are given."""

from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from random import Random

MOST_SHARES = 10_000
LASTS = timedelta(hours=24)
LASTS_AT_MOST = timedelta(hours=72)
AHEAD_AT_MOST = timedelta(days=30)


class Split(StrEnum):
    EQUAL = "equal"
    RANDOM = "random"


class Status(StrEnum):
    """draft: waits for finance. scheduled: funded, to be opened. finished: all claimed. expired: what was left returned
    to where it came from."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    OPEN = "open"
    FINISHED = "finished"
    EXPIRED = "expired"


class Source(StrEnum):
    """Where a packet's sum comes from, and where the unclaimed rest returns to."""

    CAMPAIGN_EXPENSE = "campaign_expense"
    ACTIVITY_BUDGET = "activity_budget"
    POINTS = "points"  # issued at each claim: nothing is set aside, nothing returns


class Closed(StrEnum):
    """Why nobody can claim now."""

    NOT_OPEN = "not_open"
    EXPIRED = "expired"
    FINISHED = "finished"


def equal_shares(total: int, count: int) -> list[int]:
    """`count` parts that sum to `total` and differ by one unit at most, the larger first."""
    part, rest = divmod(total, count)
    return [part + (place < rest) for place in range(count)]


def random_shares(total: int, count: int, chance: Random, most: int | None = None) -> list[int]:
    """`count` parts of at least one unit that sum to `total`; no place is better than another.

    Without `most` every composition of the sum is equally likely: distinct cut points, whose distances are the parts.
    With it, none exceeds `most`, and each is drawn evenly about the mean of what is left ("double mean", as the chat
    apps do), which favours some places; the parts are shuffled afterwards. Requires count ≤ total ≤ count × most.
    """
    if most is not None:
        return _bounded_shares(total, count, chance, most)
    cuts = [0, *sorted(chance.sample(range(1, total), count - 1)), total]
    return [end - start for start, end in pairwise(cuts)]


def _bounded_shares(total: int, count: int, chance: Random, most: int) -> list[int]:
    parts = []
    left = total
    for after in reversed(range(count)):  # how many are drawn after this one
        low, high = max(1, left - most * after), min(most, left - after)
        middle = left // (after + 1)
        parts.append(chance.randint(low, min(high, 2 * middle - low)) if after else left)
        left -= parts[-1]
    chance.shuffle(parts)
    return parts


def closed_at(status: str, opens_at: datetime, expires_at: datetime, at: datetime) -> Closed | None:
    """Why nobody can claim at an instant; None: one can, while there is something left."""
    if status == Status.FINISHED:
        return Closed.FINISHED
    if status == Status.EXPIRED or at >= expires_at:
        return Closed.EXPIRED
    return Closed.NOT_OPEN if status == Status.DRAFT or at < opens_at else None


def window_of(opens_at: datetime | None, expires_at: datetime | None, at: datetime) -> tuple[datetime, datetime]:
    """From when and until when a packet asked for now can be claimed: from now and for 24 hours unless said."""
    begin = at if opens_at is None else max(opens_at, at)
    return begin, begin + LASTS if expires_at is None else expires_at
