"""Who reads the log: `@consumer` makes a job of a function that takes the next events of some kinds."""

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from core.auth.actor import Program
from core.auth.service import program_of
from core.events.reading import MOST_READ, NumberedEvent, any_unread, take_unread
from core.jobs.outbox import publish
from core.jobs.registry import job, schedule

Consume = Callable[[Program, Sequence[NumberedEvent]], None]

CONSUMERS: dict[str, frozenset[str]] = {}
"""The kinds that each consumer reads."""

_EVERY = timedelta(seconds=30)  # whoever numbers an event calls its readers; this only finds what was missed


def readers_of(kinds: Collection[str]) -> list[str]:
    """The consumers that read any of these kinds."""
    return sorted(name for name, read in CONSUMERS.items() if not read.isdisjoint(kinds))


def consumer(name: str, *kinds: str, queue: str = "default", most: int = MOST_READ) -> Callable[[Consume], Consume]:
    """Register `consume(program, events)` as the job `name` (feature.verb).

    It runs in one transaction with the move of its cursor: each event is consumed exactly once, in the log's order,
    however often the job is delivered. An event it cannot digest stops only this consumer, and shows in `flask jobs`.
    """

    def register(consume: Consume) -> Consume:
        CONSUMERS[name] = frozenset(kinds)

        def handle(program_id: UUID) -> None:
            events = take_unread(program_id, name, kinds, most)
            if events:
                consume(program_of(program_id), events)
            if len(events) == most:
                publish(program_id, name, {})

        job(name, queue=queue)(handle)
        schedule(name, every=_EVERY, has_work=partial(any_unread, consumer=name, kinds=kinds))
        return consume

    return register
