"""Which hours, days or months a question is about, in the program's time zone. Pure; `at` is passed in."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from core.clock import day_of
from core.errors import Invalid

HOUR, DAY, MONTH = "hour", "day", "month"
INTERVALS = (HOUR, DAY, MONTH)
USUAL_DAYS = 30
MOST_OF_HOURS = timedelta(days=31)
MOST = timedelta(days=3 * 366)
_ONE_HOUR, _ONE_DAY, _INSTANT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)

M = TypeVar("M", date, datetime)
Moment = date | datetime
"""A day of the program or an instant."""


class Asked(NamedTuple):
    """What a client named: `since` ≤ … and, as an instant, … < `until`; as a day it is included."""

    since: Moment | None
    until: Moment | None


class Hours(NamedTuple):
    """Whole hours, the last one excluded."""

    since: datetime
    until: datetime

    def points(self) -> list[datetime]:
        return [self.since + n * _ONE_HOUR for n in range((self.until - self.since) // _ONE_HOUR)]


class Days(NamedTuple):
    """Days, both included."""

    first: date
    last: date

    def points(self) -> list[date]:
        return [self.first + n * _ONE_DAY for n in range((self.last - self.first).days + 1)]

    def months(self) -> list[date]:
        """The first days of the months that these days lie in."""
        first, last = (day.year * 12 + day.month - 1 for day in self)
        return [date(number // 12, number % 12 + 1, 1) for number in range(first, last + 1)]


def hours_asked(asked: Asked, timezone: str, at: datetime) -> Hours:
    """Instants are widened to whole hours.

    Raises:
        Invalid: nothing lies between them, or more than 31 days.
    """
    until = _up(at) if asked.until is None else _up(_end(asked.until, timezone))
    since = until - USUAL_DAYS * _ONE_DAY if asked.since is None else _begin(asked.since, timezone)
    since = since.replace(minute=0, second=0, microsecond=0)
    _check(since, until - _ONE_HOUR, MOST_OF_HOURS)
    return Hours(since, until)


def days_asked(asked: Asked, timezone: str, at: datetime) -> Days:
    """Instants are widened to whole days.

    Raises:
        Invalid: nothing lies between them, or more than three years.
    """
    last = _day(at, timezone) if asked.until is None else _last_day(asked.until, timezone)
    first = last - (USUAL_DAYS - 1) * _ONE_DAY if asked.since is None else _day(asked.since, timezone)
    _check(first, last, MOST)
    return Days(first, last)


def _check(since: M, until: M, most: timedelta) -> None:
    """Raises: Invalid."""
    if since > until:
        raise Invalid.at("/to", "It must not lie before from.")
    if until - since > most:
        raise Invalid.at("/from", f"At most {most.days} days at once with this interval.")


def _begin(moment: Moment, timezone: str) -> datetime:
    return moment if isinstance(moment, datetime) else _midnight(moment, timezone)


def _end(moment: Moment, timezone: str) -> datetime:
    return moment if isinstance(moment, datetime) else _midnight(moment + _ONE_DAY, timezone)


def _midnight(day: date, timezone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(timezone)).astimezone(UTC)


def _up(at: datetime) -> datetime:
    whole = at.replace(minute=0, second=0, microsecond=0)
    return whole if whole == at else whole + _ONE_HOUR


def _day(moment: Moment, timezone: str) -> date:
    return day_of(moment, timezone) if isinstance(moment, datetime) else moment


def _last_day(moment: Moment, timezone: str) -> date:
    return day_of(moment - _INSTANT, timezone) if isinstance(moment, datetime) else moment
