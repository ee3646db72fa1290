"""Misbehaviour on demand: each post draws from the probabilities that concern it."""

import random
import threading
from typing import Any, NamedTuple

import msgspec

BEFORE = ("refuse", "throttle", "error_before")
AFTER = ("error_after", "lose_answer", "garbage")


class Faults(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Probabilities from 0 to 1. `platform` and `target` (its number as text) say whom they concern."""

    slow: float = 0.0
    slow_seconds: float = 1.0
    error_before: float = 0.0
    error_after: float = 0.0
    lose_answer: float = 0.0
    garbage: float = 0.0
    refuse: float = 0.0
    throttle: float = 0.0
    seed: int = 0
    platform: str | None = None
    target: str | None = None


class Drawn(NamedTuple):
    """What happens to a post: seconds of delay, and at most one fault before and one after its effect."""

    delay: float
    before: str | None
    after: str | None


_NOTHING = Drawn(0.0, None, None)


class Misbehaviour:
    """The faults that are set."""

    def __init__(self) -> None:
        self._sets: list[tuple[Faults, random.Random]] = []
        self._lock = threading.Lock()

    def put(self, told: Any) -> None:
        """Set them anew. Raises: msgspec.ValidationError."""
        sets = msgspec.convert(told if isinstance(told, list) else [told], list[Faults])
        with self._lock:
            self._sets = [(one, random.Random(one.seed)) for one in sets]  # noqa: S311 -- repeatable, no secret

    def draw(self, platform: str, target: str) -> Drawn:
        """For one post."""
        if not self._sets:
            return _NOTHING
        with self._lock:
            for one, chance in self._sets:
                if one.platform in {None, platform} and one.target in {None, target}:
                    delay = one.slow_seconds if chance.random() < one.slow else 0.0
                    return Drawn(delay, _one_of(BEFORE, one, chance), _one_of(AFTER, one, chance))
        return _NOTHING


def _one_of(words: tuple[str, ...], faults: Faults, chance: random.Random) -> str | None:
    place = chance.random()
    for word in words:
        place -= getattr(faults, word)
        if place < 0:
            return word
    return None
