"""Tells features above, in the registration's transaction, how new members came here."""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID


class Arrival(NamedTuple):
    """A member who was registered or completed at this moment, and what his request said of the way he came."""

    member_id: UUID
    click_id: str | None
    visitor_id: str | None


ArrivalStep = Callable[[UUID, Sequence[Arrival]], None]

_steps: list[ArrivalStep] = []


def register_arrival_step(step: ArrivalStep) -> None:
    """`step(program_id, arrivals)` runs once for all members of a request, and only if some say how they came."""
    if step not in _steps:
        _steps.append(step)


def tell_arrivals(program_id: UUID, arrivals: Sequence[Arrival]) -> None:
    told = [arrival for arrival in arrivals if arrival.click_id or arrival.visitor_id]
    if told:
        for step in _steps:
            step(program_id, told)
