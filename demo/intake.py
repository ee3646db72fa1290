"""Brings members and events in, batch by batch, one transaction each; keeps count and time.

Everything goes by its natural key: what is there already is found as such, so that a broken load simply starts again.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg.errors

from commission.orders.new_order import NewOrder
from core.auth.actor import Actor
from core.db import Collision, transaction
from demo import calls
from demo.calls import Fate
from demo.events import Completion, Event, in_batches
from demo.progress import Show
from demo.retail import Extent, RetailMember, RetailRefund

_TRIES = 3
_COLLISIONS = (Collision, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)

Item = TypeVar("Item")


class IntakeError(Exception):
    """The product refused something of the data; says what and why."""


@dataclass
class Tally:
    """What became of one kind of thing, and how long the product took for it."""

    created: int = 0
    exists: int = 0
    lines: int = 0  # of orders
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return self.created + self.exists

    def __str__(self) -> str:
        created = f"{self.created:,} created" if self.created or not self.exists else ""
        existed = f"{self.exists:,} existed" if self.exists else ""
        lines = f"{self.lines:,} lines" if self.lines else ""
        return ", ".join(filter(None, (created, existed, lines)))


@dataclass
class Intake:
    """The shop's server sending its data. `batch`: how many items one call carries."""

    shop: Actor
    show: Show
    batch: int
    members: Tally = field(default_factory=Tally)
    methods: Tally = field(default_factory=Tally)
    orders: Tally = field(default_factory=Tally)
    refunds: Tally = field(default_factory=Tally)
    completions: Tally = field(default_factory=Tally)
    late_refunds: Tally = field(default_factory=Tally)

    @property
    def tallies(self) -> dict[str, Tally]:
        """By the name of the kind."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tally)}

    def take_members(self, stream: Iterable[RetailMember], total: int) -> None:
        """Members and, in a transaction of their own, where they are paid."""
        with self.show.steps(("members 会员", total), ("payout methods 收款方式", total)) as (members, methods):
            members.note, methods.note = self.members, self.methods
            for batch in in_batches(stream, self.batch):
                registered = self._send(calls.register_members, batch, self.members)
                members.advance(len(batch))
                self._send(calls.add_methods, registered, self.methods)
                methods.advance(len(batch))

    def take_events(self, stream: Iterable[Event], extent: Extent) -> None:
        """Orders, refunds and completions, in whatever order they come: of one batch the orders first."""
        titles = ("orders 订单", extent.orders), ("refunds 退款", extent.refunds), ("completions 完成", extent.orders)
        with self.show.steps(*titles) as (orders, refunds, completions):
            orders.note, refunds.note, completions.note = self.orders, self.refunds, self.completions
            for batch in in_batches(stream, self.batch):
                placing = [one for one in batch if isinstance(one, NewOrder)]
                self.orders.lines += sum(len(order.items) for order in placing)
                orders.advance(len(self._send(calls.place, placing, self.orders)))
                refunding = [one for one in batch if isinstance(one, RetailRefund)]
                refunds.advance(len(self._send(calls.refund, refunding, self.refunds)))
                completing = [one for one in batch if isinstance(one, Completion)]
                completions.advance(len(self._send(calls.complete, completing, self.completions)))

    def take_late_refunds(self, stream: Iterable[RetailRefund]) -> None:
        """Refunds after the settlement: of what was paid out already a debt is left."""
        with self.show.step("refunds after the payout 打款后的退款") as step:
            step.note = self.late_refunds
            for batch in in_batches(stream, self.batch):
                step.advance(len(self._send(calls.refund, batch, self.late_refunds)))

    def _send(
        self, call: Callable[[Actor, Sequence[Item]], list[Fate]], batch: Sequence[Item], tally: Tally
    ) -> list[Fate]:
        """One call in one transaction; what it met with is counted once it is committed.

        Raises:
            IntakeError: an item was refused.
        """
        if not batch:
            return []
        started = time.perf_counter()
        fates = _committed(self.shop, call, batch)
        tally.seconds += time.perf_counter() - started
        for fate in fates:
            if fate.error is not None:
                raise IntakeError(f"{call.__name__} {fate.external_id}: {fate.error.code}, {fate.error.detail}")
        created = sum(fate.created for fate in fates)
        tally.created += created
        tally.exists += len(fates) - created
        return fates


def _committed(shop: Actor, call: Callable[[Actor, Sequence[Item]], list[Fate]], batch: Sequence[Item]) -> list[Fate]:
    """A collision with the workers had no effect and is tried again, as at the API's edge."""
    for left in reversed(range(_TRIES)):
        try:
            with transaction(shop.program_id):
                return call(shop, batch)
        except _COLLISIONS:
            if not left:
                raise
    raise AssertionError("unreachable")
