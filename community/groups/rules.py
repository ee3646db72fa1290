"""What groups are about, when they are left in peace, and when something is due in them. Pure; `at` is passed in."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

TOPICS = (
    "member", "order", "commission", "matured", "reversed", "payout", "milestone", "coupon", "activity", "board",
    "digest", "red_packet", "operations",
)  # fmt: skip
LANGUAGES = ("zh", "en")
PAUSED_AFTER = 5  # refusals in a row
NOON = 12 * 60
_DAYS_AHEAD = 400  # a weekday comes round within a week; what begins later than this is looked at again then


class Status(StrEnum):
    """A paused group gets nothing until somebody resumes it; an ended one nothing ever again."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class Scope(StrEnum):
    """Whose news a group hears."""

    PROGRAM = "program"  # all
    GROUP = "group"  # what rides with the group's own id
    TEAM = "team"  # what its owner's team does


class QuietHours(NamedTuple):
    """Minutes after midnight in the group's time zone; from late to early they span midnight."""

    starts: int
    ends: int


def quiet_until(quiet: QuietHours | None, timezone: str, at: datetime) -> datetime | None:
    """When the quiet hours that `at` lies in are over; None where it lies in none."""
    if quiet is None or quiet.starts == quiet.ends:
        return None
    today = at.astimezone(ZoneInfo(timezone)).date()
    for day in (today - timedelta(days=1), today):
        begins = instant_of(day, quiet.starts, timezone)
        over = instant_of(day + timedelta(days=quiet.ends < quiet.starts), quiet.ends, timezone)
        if begins <= at < over:
            return over
    return None


def instant_of(day: date, minute: int, timezone: str) -> datetime:
    """A local time as an instant. What a clock passes twice is the first; what it skips is as long after midnight."""
    local = datetime.combine(day, time(minute // 60, minute % 60), ZoneInfo(timezone))
    return local.astimezone(UTC)


class Times(NamedTuple):
    """When something that comes round is due, in a time zone: at a minute of certain days."""

    minute: int
    timezone: str
    weekdays: Collection[int] | None = None  # 1 Monday … 7 Sunday; None: all
    starts_on: date | None = None
    ends_on: date | None = None

    def next_after(self, at: datetime) -> datetime | None:
        """The first due instant later than `at`; None when there is none any more."""
        first = max(at.astimezone(ZoneInfo(self.timezone)).date() - timedelta(days=1), self.starts_on or date.min)
        for ahead in range(_DAYS_AHEAD):
            day = first + timedelta(days=ahead)
            if self.ends_on is not None and day > self.ends_on:
                return None
            if self.weekdays is None or day.isoweekday() in self.weekdays:
                due = instant_of(day, self.minute, self.timezone)
                if due > at:
                    return due
        return None


def turn_of(day: date, first: date, count: int) -> int:
    """Which of `count` contents is the day's: each day the next one, also past days that had none."""
    return (day - first).days % count


def keyword_in(text: str) -> str | None:
    """What a message asks for; None: it is no question of ours."""
    return _WORDS.get(" ".join(text.strip().lstrip("/").strip("!?！？。.").lower().split()))


_WORDS = {
    word: keyword
    for keyword, words in {
        "earnings": ("my earnings", "earnings", "我的收益", "收益"),
        "link": ("my link", "link", "我的链接", "链接"),
        "rank": ("rank", "my rank", "排名", "我的排名"),
        "points": ("points", "my points", "积分", "我的积分"),
        "help": ("help", "start", "帮助"),
    }.items()
    for word in words
}
