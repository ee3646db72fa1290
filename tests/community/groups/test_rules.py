"""Quiet hours, due times and keywords: pure, across midnight and across the nights when clocks change."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.groups.rules import QuietHours, Times, instant_of, keyword_in, quiet_until, turn_of

LONDON, NEW_YORK, SHANGHAI = "Europe/London", "America/New_York", "Asia/Shanghai"
INSTANTS = st.integers(0, 15 * 366 * 86_400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
TICK = timedelta(microseconds=1)
NIGHT = QuietHours(22 * 60, 8 * 60)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-01-10T13:59", None),  # 21:59 in Shanghai
        ("2026-01-10T14:00", "2026-01-11T00:00"),
        ("2026-01-10T20:00", "2026-01-11T00:00"),
        ("2026-01-10T23:59", "2026-01-11T00:00"),
        ("2026-01-11T00:00", None),
    ],
)
def test_quiet_hours_span_midnight(at: str, until: str | None) -> None:
    assert quiet_until(NIGHT, SHANGHAI, utc(at)) == (until and utc(until))


def test_quiet_hours_of_one_day() -> None:
    noon = QuietHours(12 * 60, 14 * 60)
    assert quiet_until(noon, "UTC", utc("2026-01-10T13:00")) == utc("2026-01-10T14:00")
    assert quiet_until(noon, "UTC", utc("2026-01-10T14:00")) is None
    assert quiet_until(None, "UTC", utc("2026-01-10T13:00")) is None


def test_a_night_is_an_hour_shorter_or_longer_when_clocks_change() -> None:
    spring, autumn = utc("2026-03-28T23:00"), utc("2026-10-24T23:00")
    assert quiet_until(NIGHT, LONDON, spring) == utc("2026-03-29T07:00")
    assert quiet_until(NIGHT, LONDON, autumn) == utc("2026-10-25T08:00")


def test_a_time_that_clocks_skip_and_one_that_they_pass_twice() -> None:
    assert instant_of(date(2026, 3, 8), 150, NEW_YORK) == utc("2026-03-08T07:30")  # 02:30 is not there: 03:30
    assert instant_of(date(2026, 11, 1), 90, NEW_YORK) == utc("2026-11-01T05:30")  # the first 01:30


def _all(times: Times, since: datetime, until: datetime) -> list[datetime]:
    found = []
    while (due := times.next_after(since)) is not None and due < until:
        found.append(due)
        since = due
    return found


@pytest.mark.parametrize("minute", [0, 90, 150, 179, 180, 720])
@pytest.mark.parametrize("zone", [LONDON, NEW_YORK, SHANGHAI, "Australia/Lord_Howe", "Pacific/Apia"])
def test_every_day_has_one_due_time_all_year(minute: int, zone: str) -> None:
    found = _all(Times(minute, zone), utc("2026-01-01T00:00") - TICK, utc("2027-01-01T00:00") - TICK)
    assert len(found) == 365
    gaps = {later - earlier for earlier, later in pairwise(found)}
    assert all(timedelta(hours=22) < gap < timedelta(hours=26) for gap in gaps)


def test_weekdays_and_a_span_of_days() -> None:
    times = Times(540, SHANGHAI, (1, 5), date(2026, 1, 5), date(2026, 1, 16))
    found = _all(times, utc("2025-12-01T00:00"), utc("2026-03-01T00:00"))
    assert found == [utc(f"2026-01-{day:02}T01:00") for day in (5, 9, 12, 16)]
    assert times.next_after(utc("2026-01-16T01:00")) is None


@given(
    INSTANTS, st.integers(0, 1439),
    st.sampled_from([LONDON, NEW_YORK, SHANGHAI, "Asia/Kathmandu"]),
)  # fmt: skip
def test_the_next_time_is_later_and_none_lies_between(at: datetime, minute: int, zone: str) -> None:
    due = Times(minute, zone).next_after(at)
    assert due is not None
    assert at < due <= at + timedelta(hours=26)
    assert Times(minute, zone).next_after(due - timedelta(microseconds=1)) == due


@given(
    INSTANTS, st.integers(0, 1439), st.integers(0, 1439),
    st.sampled_from([LONDON, NEW_YORK, SHANGHAI]),
)  # fmt: skip
def test_quiet_hours_end_at_their_end(at: datetime, starts: int, ends: int, zone: str) -> None:
    over = quiet_until(QuietHours(starts, ends), zone, at)
    if over is not None:
        assert at < over <= at + timedelta(hours=26)
        assert quiet_until(QuietHours(starts, ends), zone, over) is None


def test_each_day_has_the_next_text() -> None:
    days = [date(2026, 1, 5) + timedelta(days=n) for n in range(5)]
    assert [turn_of(day, days[0], 3) for day in days] == [0, 1, 2, 0, 1]
    assert turn_of(date(2026, 1, 4), days[0], 3) == 2


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("My earnings?", "earnings"), ("我的收益", "earnings"), ("/link", "link"), ("  My   Link ", "link"),
        ("我的链接！", "link"), ("rank", "rank"), ("排名？", "rank"), ("积分", "points"), ("Points.", "points"),
        ("help", "help"), ("帮助", "help"), ("", None), ("who took my link to the shop", None), ("?", None),
    ],
)  # fmt: skip
def test_keywords(text: str, keyword: str | None) -> None:
    assert keyword_in(text) == keyword
