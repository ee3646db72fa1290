"""What happened in the shop, as streams. Pure: same folder and seed, same stream.

A member comes after his inviter, a refund and a completion after their order; all else is independent of each other.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import NamedTuple, TypeVar
from zlib import crc32
from zoneinfo import ZoneInfo

from commission.orders.new_order import NewOrder
from demo.retail import RetailFolder, RetailMember, RetailRefund

FEWEST_DAYS, MOST_DAYS = 3, 7  # between payment and completion
WINDOW = 2000  # events that wait for their turn while a stream is mixed: bounds the memory

T = TypeVar("T")


class Completion(NamedTuple):
    """An order that is final."""

    order_no: str
    completed_at: datetime


Event = NewOrder | RetailRefund | Completion


def settled_at(last_paid_at: datetime, timezone: str) -> datetime:
    """When the shop settles: at the start of the second month after the last payment, in the program's time zone."""
    day = last_paid_at.astimezone(ZoneInfo(timezone))
    months = day.year * 12 + day.month - 1 + 2
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=ZoneInfo(timezone))


def members(folder: RetailFolder, seed: int | None) -> Iterator[RetailMember]:
    """Everybody, inviters first; mixed where there is a seed."""
    return folder.members() if seed is None else _mixed_members(folder, Random(seed))  # noqa: S311 -- no secret


def before_settlement(folder: RetailFolder, settled: datetime, seed: int | None) -> Iterator[Event]:
    """Orders, their refunds until the settlement, their completions: one kind after the other, or mixed by the seed."""
    early = (refund for refund in folder.refunds() if refund.refunded_at < settled)
    if seed is not None:
        return _mixed(folder, early, Random(seed))  # noqa: S311 -- no secret
    return _in_file_order(folder, early)


def after_settlement(folder: RetailFolder, settled: datetime) -> Iterator[RetailRefund]:
    """Refunds that come when the commission may have been paid out already."""
    return (refund for refund in folder.refunds() if refund.refunded_at >= settled)


def in_batches(stream: Iterable[T], most: int) -> Iterator[list[T]]:
    """Lists of at most `most`."""
    rest = iter(stream)
    while batch := list(islice(rest, most)):
        yield batch


def completion_of(order_no: str, paid_at: datetime) -> Completion:
    """The same days for the same order, whenever it is asked."""
    days = FEWEST_DAYS + crc32(order_no.encode()) % (MOST_DAYS - FEWEST_DAYS + 1)
    return Completion(order_no, paid_at + timedelta(days=days))


def _in_file_order(folder: RetailFolder, refunds: Iterable[RetailRefund]) -> Iterator[Event]:
    yield from folder.orders()
    yield from refunds
    for order_no, paid_at in folder.payments():
        yield completion_of(order_no, paid_at)


def _mixed(folder: RetailFolder, refunds: Iterable[RetailRefund], chance: Random) -> Iterator[Event]:
    """Draws by chance from a window of orders and of what the drawn orders let follow. Holds the refunds in memory."""
    following: dict[str, list[Event]] = {}
    for refund in refunds:
        following.setdefault(refund.order_no, []).append(refund)
    window: list[Event] = []
    for order in folder.orders():
        window.append(order)
        while len(window) > WINDOW:
            yield _draw(window, following, chance)
    while window:
        yield _draw(window, following, chance)
    for left in following.values():  # of orders that are not there: refused when applied, as in the file's order
        yield from left


def _draw(window: list[Event], following: dict[str, list[Event]], chance: Random) -> Event:
    drawn = _take(window, chance)
    if isinstance(drawn, NewOrder) and drawn.paid_at is not None:
        window.append(completion_of(drawn.external_id, drawn.paid_at))
        window.extend(following.pop(drawn.external_id, []))
    return drawn


def _mixed_members(folder: RetailFolder, chance: Random) -> Iterator[RetailMember]:
    invited: dict[str | None, list[RetailMember]] = {}
    for member in folder.members():
        invited.setdefault(member.inviter, []).append(member)
    ready = invited.pop(None, [])
    while ready:
        member = _take(ready, chance)
        ready.extend(invited.pop(member.external_id, []))
        yield member
    for left in invited.values():  # of inviters that are not there: refused when applied
        yield from left


def _take(pool: list[T], chance: Random) -> T:
    place = chance.randrange(len(pool))
    pool[place], pool[-1] = pool[-1], pool[place]
    return pool.pop()
