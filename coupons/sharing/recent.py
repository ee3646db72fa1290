"""A small memory of one process: bounded in number, in weight and in time. What it forgets can be had again."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Kept(NamedTuple, Generic[V]):
    value: V
    weight: int
    until: int  # nanoseconds of the monotonic clock


class Recent(Generic[K, V]):
    """The most recently used things, at most `most` and at most `weight` together. Thread-safe."""

    def __init__(self, *, most: int, weight: int) -> None:
        self._most, self._weight_limit, self._weight = most, weight, 0
        self._kept: OrderedDict[K, _Kept[V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """What is kept under the key and not too old."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            if found.until <= time.monotonic_ns():
                self._drop(key)
                return None
            self._kept.move_to_end(key)
            return found.value

    def put(self, key: K, value: V, *, weight: int, seconds: int) -> None:
        """Keep a value for so long; others make room, those not used for longest first."""
        with self._lock:
            self._drop(key)
            if weight > self._weight_limit:
                return
            self._kept[key] = _Kept(value, weight, time.monotonic_ns() + seconds * 10**9)
            self._weight += weight
            while len(self._kept) > self._most or self._weight > self._weight_limit:
                self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._weight = 0

    def _drop(self, key: K) -> None:
        gone = self._kept.pop(key, None)
        self._weight -= gone.weight if gone else 0
