"""Limits are never exceeded, whatever the traffic; money finds room; a lane is not slower than it must be."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from community.delivery.pacing import Window, free_from, instant, milliseconds, still_counted, windows_of
from community.delivery.rules import MONEY, NEWS

MINUTE = Window(20, 60_000)


def test_an_instant_is_rounded_up_to_milliseconds() -> None:
    at = datetime(2026, 11, 30, 23, 59, 59, 999_001, tzinfo=UTC)
    assert instant(milliseconds(at)) == datetime(2026, 12, 1, tzinfo=UTC)
    exact = datetime(2026, 11, 30, 1, 2, 3, 4000, tzinfo=UTC)
    assert instant(milliseconds(exact)) == exact


def test_an_empty_lane_is_free_at_once() -> None:
    assert free_from((MINUTE,), [], 1, NEWS) == 0


def test_news_leave_two_of_twenty_calls_for_money() -> None:
    recent = list(range(1000, 1018))
    assert free_from((MINUTE,), recent, 1, NEWS) == 1000 + 60_000
    assert free_from((MINUTE,), recent, 1, MONEY) == 0
    assert free_from((MINUTE,), [*recent, 1018, 1019], 1, MONEY) == 1000 + 60_000


def test_a_small_window_keeps_nothing_back() -> None:
    """One a second would be none a second."""
    assert free_from((Window(1, 1000),), [], 1, NEWS) == 0
    assert free_from((Window(1, 1000),), [500], 1, NEWS) == 1500


def test_more_calls_than_a_window_takes_go_when_it_is_empty() -> None:
    assert free_from((Window(2, 1000),), [100, 700], 5, MONEY) == 1700
    assert free_from((Window(2, 1000),), [], 5, MONEY) == 0


def test_the_windows_of_a_scaled_minute_are_scaled_alike() -> None:
    assert windows_of(100, 5, 6000) == (Window(100, 6000), Window(5, 100))
    assert windows_of(20, None, 60_000) == (MINUTE,)


def test_calls_that_no_window_holds_are_forgotten() -> None:
    assert still_counted((MINUTE, Window(1, 1000)), [1, 2, 60_002, 60_003], 60_002) == [60_002, 60_003]
    assert still_counted((), [1], 2) == []


@given(
    st.lists(st.tuples(st.integers(1, 2), st.integers(0, 400), st.sampled_from([MONEY, NEWS])), max_size=60),
    st.integers(2, 6),
    st.integers(1, 3),
)
def test_no_window_ever_holds_more_than_its_limit(
    asked: list[tuple[int, int, int]], per_minute: int, per_second: int
) -> None:
    """Each call is asked for some time after the one before, is made as soon as it may be, and arrives late."""
    windows = (Window(per_minute, 1000), Window(per_second, 200))
    at, recent, arrived = 0, [], []
    for calls, later, priority in asked:
        at = max(at + later, free_from(windows, recent, calls, priority))
        arrived += [at + later // 4] * calls
        at += later // 2  # the call ends
        recent = [*still_counted(windows, recent, at), *[at] * calls]
    for window in windows:
        for begin in arrived:
            inside = [one for one in arrived if begin <= one < begin + window.span]
            # one message of more calls than the window is the exception that is documented
            assert len(inside) <= max(window.most, 2)


def test_a_steady_stream_uses_all_that_news_may() -> None:
    at, recent = 0, []
    for _ in range(54):
        at = max(at, free_from((MINUTE,), recent, 1, NEWS))
        recent = [*still_counted((MINUTE,), recent, at), at]
    assert at == 120_000  # 18 a minute


def test_milliseconds_and_instants_meet() -> None:
    at = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert instant(milliseconds(at) + 1) - at == timedelta(milliseconds=1)
