"""The job edge of the event log."""

from datetime import timedelta
from uuid import UUID

from core.events.consumers import CONSUMERS, readers_of
from core.events.reading import MOST_NUMBERED, MOST_PRUNED, any_unnumbered, number_events, prune_events
from core.jobs.outbox import publish, publish_again
from core.jobs.registry import job, schedule


@job("events.number")
def number(program_id: UUID) -> None:
    """Number one turn's events and call their readers; where more wait, the next turn is published as well."""
    kinds = number_events(program_id)
    if kinds:
        publish_again(program_id, readers_of(set(kinds)))
    if len(kinds) == MOST_NUMBERED:
        publish(program_id, "events.number", {})


@job("events.prune")
def prune(program_id: UUID) -> None:
    """Forget one turn's events that everybody has read and nobody may ask for any more."""
    if prune_events(program_id, CONSUMERS) == MOST_PRUNED:
        publish(program_id, "events.prune", {})


schedule("events.number", every=timedelta(seconds=1), has_work=any_unnumbered)
schedule("events.prune", every=timedelta(hours=6))
