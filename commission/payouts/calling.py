"""Calls rails from several threads at once. The threads touch neither database nor application."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from uuid import UUID

import structlog

from commission.payouts.rails.protocol import Outcome, Unknown

_log = structlog.get_logger(__name__)

THREADS = 8
_GROUP = timedelta(milliseconds=250)  # answers are recorded as they come, so that a killed worker loses few

Call = Callable[[], Outcome]


class Deadline:
    """Until when calls may begin. A worker that was stopped for long must not send what others have taken over."""

    def __init__(self, length: timedelta) -> None:
        self._length = length // timedelta(microseconds=1) * 1000  # nanoseconds
        self.extend()

    def extend(self) -> None:
        self._end = time.monotonic_ns() + self._length

    def is_over(self) -> bool:
        return time.monotonic_ns() >= self._end

    def is_near(self) -> bool:
        """Whether a third of the time has gone and it is worth extending."""
        return time.monotonic_ns() >= self._end - self._length * 2 // 3


def call_all(
    calls: Mapping[UUID, Call], on_outcomes: Callable[[dict[UUID, Outcome]], None], deadline: Deadline | None = None
) -> None:
    """Make all calls and hand their outcomes over in groups as they come; an empty group is a sign of life.

    When `on_outcomes` raises, no further call begins.
    """
    if not calls:
        return
    pool = ThreadPoolExecutor(min(THREADS, len(calls)), thread_name_prefix="rail")
    try:
        pending: set[Future[tuple[UUID, Outcome]]] = {
            pool.submit(_called, key, call, deadline) for key, call in calls.items()
        }
        while pending:
            done, pending = wait(pending, timeout=_GROUP.total_seconds())
            on_outcomes(dict(future.result() for future in done))
    finally:
        pool.shutdown(cancel_futures=True)


def _called(key: UUID, call: Call, deadline: Deadline | None) -> tuple[UUID, Outcome]:
    if deadline is not None and deadline.is_over():
        return key, Unknown("too_late_to_send")
    try:
        return key, call()
    except Exception:  # noqa: BLE001 -- money may have moved before an adapter failed: whatever it was, it is unknown
        _log.exception("a rail raised", payout_id=str(key))
        return key, Unknown("adapter_error")
