"""Which hours, days and months a question is about."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core.errors import Invalid
from coupons.traffic.spans import Asked, Days, Moment, days_asked, hours_asked

NOW = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # in Shanghai it is the 23rd


def test_without_a_span_it_is_the_last_thirty_days() -> None:
    days = days_asked(Asked(None, None), "Asia/Shanghai", NOW)
    assert days == Days(date(2026, 10, 25), date(2026, 11, 23))
    assert len(days.points()) == 30
    hours = hours_asked(Asked(None, None), "UTC", NOW)
    assert (hours.since, hours.until) == (
        NOW.replace(minute=0) - timedelta(days=30, hours=-1),
        NOW.replace(hour=17, minute=0),
    )


def test_days_are_cut_in_the_programs_time_zone() -> None:
    hours = hours_asked(Asked(date(2026, 11, 1), date(2026, 11, 1)), "Asia/Shanghai", NOW)
    assert hours.points()[0] == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert len(hours.points()) == 24


def test_a_day_on_which_clocks_are_put_back_has_25_hours() -> None:
    assert len(hours_asked(Asked(date(2026, 10, 25), date(2026, 10, 25)), "Europe/London", NOW).points()) == 25
    assert len(hours_asked(Asked(date(2026, 10, 1), date(2026, 10, 31)), "Europe/London", NOW).points()) == 31 * 24 + 1


def test_instants_are_widened_and_the_last_is_excluded() -> None:
    since, until = datetime(2026, 11, 1, 8, 59, tzinfo=UTC), datetime(2026, 11, 1, 11, tzinfo=UTC)
    assert [at.hour for at in hours_asked(Asked(since, until), "UTC", NOW).points()] == [8, 9, 10]
    assert days_asked(Asked(since, datetime(2026, 11, 3, tzinfo=UTC)), "UTC", NOW).last == date(2026, 11, 2)
    assert days_asked(Asked(since, datetime(2026, 11, 3, tzinfo=UTC)), "Asia/Shanghai", NOW).last == date(2026, 11, 3)


def test_months_are_named_by_their_first_day() -> None:
    months = Days(date(2025, 11, 30), date(2026, 2, 1)).months()
    assert months == [date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]


@pytest.mark.parametrize(
    ("since", "until", "pointer"),
    [
        (date(2026, 11, 2), date(2026, 11, 1), "/to"),
        (date(2026, 11, 23), None, "/to"),
        (date(2020, 1, 1), date(2026, 1, 1), "/from"),
    ],
)
def test_what_ends_before_it_begins_or_is_too_long_is_refused(
    since: Moment, until: Moment | None, pointer: str
) -> None:
    for ask in (days_asked, hours_asked):
        with pytest.raises(Invalid) as refused:
            ask(Asked(since, until), "UTC", NOW)  # type: ignore[operator]
        assert [fault.pointer for fault in refused.value.faults] == [pointer]


def test_hours_reach_31_days_and_days_three_years() -> None:
    hours_asked(Asked(date(2026, 10, 1), date(2026, 10, 31)), "UTC", NOW)
    with pytest.raises(Invalid):
        hours_asked(Asked(date(2026, 10, 1), date(2026, 11, 1)), "UTC", NOW)
    days_asked(Asked(date(2024, 1, 1), date(2026, 12, 31)), "UTC", NOW)
    with pytest.raises(Invalid):
        days_asked(Asked(date(2023, 11, 1), date(2026, 12, 31)), "UTC", NOW)
