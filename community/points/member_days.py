"""Days on which purchases earn more, beside those of the rules: who keeps such days stands above and registers here."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from core.money import BPS

Multipliers = Callable[[UUID, Sequence[datetime]], list[int]]

_sources: list[Multipliers] = []


def register_multipliers(source: Multipliers) -> None:
    """`source(program_id, instants)` says in basis points how many times a payment at each of them earns; 10000 where
    it is an instant like any other. It reads in the open transaction.
    """
    if source not in _sources:
        _sources.append(source)


def multipliers_at(program_id: UUID, instants: Sequence[datetime]) -> list[int]:
    """The highest that anybody says for each instant, 10000 at least."""
    found = [BPS] * len(instants)
    for source in _sources:
        found = [max(pair) for pair in zip(found, source(program_id, instants), strict=True)]
    return found
