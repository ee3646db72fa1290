"""When a lane may send again. Pure: whole milliseconds since 1970, and the instants at which earlier calls arrived.

A call is counted from the latest moment at which the platform can have seen it: the end of its lease while it is under
way, the end of the call afterwards. So no window of the platform's own clock ever holds more than its limit.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from community.delivery.rules import MONEY

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
KEPT_FOR_MONEY = 10  # one of so many calls of a window


class Window(NamedTuple):
    """At most `most` calls in any span of so many milliseconds."""

    most: int
    span: int


def milliseconds(at: datetime) -> int:
    """An instant, rounded up: never earlier than it was."""
    return -((_EPOCH - at) // _MILLISECOND)


def instant(at: int) -> datetime:
    return _EPOCH + at * _MILLISECOND


def windows_of(per_minute: int, per_second: int | None, minute_ms: int) -> tuple[Window, ...]:
    """The windows of a platform whose minute takes so long (60,000 but in tests)."""
    minute = Window(per_minute, minute_ms)
    return (minute,) if per_second is None else (minute, Window(per_second, minute_ms // 60))


def free_from(windows: Sequence[Window], recent: Sequence[int], calls: int, priority: int) -> int:
    """From when on `calls` more may be made; 0: at once. What is not money leaves some room of each larger window.

    More calls than a window ever takes are let through once it is empty.
    """
    return max((_free_in(window, recent, calls, priority) for window in windows), default=0)


def _free_in(window: Window, recent: Sequence[int], calls: int, priority: int) -> int:
    kept = 0 if priority == MONEY else window.most // KEPT_FOR_MONEY
    others = max(0, window.most - kept - calls)  # calls of the past that may still be in the window
    if len(recent) <= others:
        return 0
    return sorted(recent)[len(recent) - others - 1] + window.span


def still_counted(windows: Sequence[Window], recent: Sequence[int], at: int) -> list[int]:
    """Without the calls that no window holds any more."""
    longest = max((window.span for window in windows), default=0)
    return [one for one in recent if one > at - longest]
