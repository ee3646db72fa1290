"""Who looks at orders before they earn: the guard, which stands above them and registers here. Reads in sets."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from core.auth.actor import Program


class Seller(NamedTuple):
    """An order about to be attributed, as far as suspicion depends on it."""

    order_id: UUID
    member_id: UUID
    customer_id: UUID | None
    paid_at: datetime
    clicked_at: datetime | None  # of the click it is attributed by, if it is
    coupon_code: str | None  # the code it is attributed by, if it is


class Judgement(NamedTuple):
    """refused: the member is passed over; held: commissions wait for a decision. `signals` are the inspector's own."""

    status: Literal["clear", "flagged", "held", "refused"]
    signals: Sequence[Any] = ()


class Inspector(NamedTuple):
    """`judge` reads only, for a set at once; `record` keeps the signals of orders that were really written.

    `look_later` has a job look at an order whose id is older than its payment: a sweep by ids would not meet it.
    """

    judge: Callable[[Program, Sequence[Seller]], list[Judgement]]
    record: Callable[[UUID, Sequence[Any]], None]
    look_later: Callable[[UUID, UUID], None]


_inspectors: list[Inspector] = []


def register_inspector(inspector: Inspector) -> None:
    """At most one: two opinions of one order would need a third."""
    if inspector not in _inspectors:
        _inspectors[:] = [inspector]


def judge(program: Program, sellers: Sequence[Seller]) -> list[Judgement]:
    """What is thought of each; all clear where nobody inspects or the program's policies ask for nothing now."""
    if not _inspectors or not sellers:
        return [Judgement("clear") for _ in sellers]
    return _inspectors[0].judge(program, sellers)


def record(program_id: UUID, signals: Sequence[Any]) -> None:
    """Keep signals of orders that are written by now."""
    if _inspectors and signals:
        _inspectors[0].record(program_id, signals)


def look_later(program_id: UUID, order_id: UUID) -> None:
    """Have an order looked at that was placed before and is paid now."""
    if _inspectors:
        _inspectors[0].look_later(program_id, order_id)
