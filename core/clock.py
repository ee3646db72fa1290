"""The one clock. Everything that needs the time asks here, so that a test can set it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

_frozen: datetime | None = None


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return _frozen or datetime.now(UTC)


def day_of(instant: datetime, timezone: str) -> date:
    """The calendar day of an instant in a program's time zone."""
    return instant.astimezone(ZoneInfo(timezone)).date()


def midnight(day: date, timezone: str) -> datetime:
    """When a calendar day begins in a program's time zone, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)


@contextmanager
def frozen_at(instant: datetime) -> Iterator[None]:
    """Stop the clock of this process at `instant` for the length of the block."""
    global _frozen  # noqa: PLW0603 -- one clock per process is the point
    before, _frozen = _frozen, instant
    try:
        yield
    finally:
        _frozen = before
