"""How packets are split: exact, fair whatever the place, bounded where a bound is set; and when one can claim."""

from datetime import UTC, datetime, timedelta
from random import Random, SystemRandom

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.red_packets.rules import (
    LASTS,
    MOST_SHARES,
    Closed,
    closed_at,
    equal_shares,
    random_shares,
    window_of,
)
from core.money import MAX_AMOUNT


def chance_of(seed: int) -> Random:
    return Random(seed)  # noqa: S311 -- the same chance every time


NOON = datetime(2026, 2, 17, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@st.composite
def sums(draw: st.DrawFn) -> tuple[int, int]:
    """A total and a count that it is enough for."""
    count = draw(st.integers(1, 300))
    return draw(st.integers(count, count * 1000) | st.integers(count, MAX_AMOUNT)), count


@st.composite
def bounded_sums(draw: st.DrawFn) -> tuple[int, int, int]:
    """A total, a count, and the largest share: between the tightest that can be and one that binds nobody."""
    total, count = draw(sums())
    tightest = -(-total // count)
    return total, count, draw(st.integers(tightest, tightest * 3) | st.just(tightest) | st.just(total))


@given(sums())
def test_an_equal_split_is_exact_and_its_shares_differ_by_one_at_most(given_sum: tuple[int, int]) -> None:
    total, count = given_sum
    shares = equal_shares(total, count)
    assert (len(shares), sum(shares)) == (count, total)
    assert 1 <= shares[-1] <= shares[0] <= shares[-1] + 1
    assert shares == sorted(shares, reverse=True)


@given(sums(), st.integers())
def test_a_random_split_is_exact_and_nobody_gets_nothing(given_sum: tuple[int, int], seed: int) -> None:
    total, count = given_sum
    shares = random_shares(total, count, chance_of(seed))
    assert (len(shares), sum(shares)) == (count, total)
    assert min(shares) >= 1


@given(bounded_sums(), st.integers())
def test_a_bounded_split_is_exact_and_keeps_its_bound(given_sum: tuple[int, int, int], seed: int) -> None:
    total, count, most = given_sum
    shares = random_shares(total, count, chance_of(seed), most)
    assert (len(shares), sum(shares)) == (count, total)
    assert min(shares) >= 1
    assert max(shares) <= most


def test_the_largest_packet_is_split_by_the_systems_chance() -> None:
    shares = random_shares(MAX_AMOUNT, MOST_SHARES, SystemRandom())
    assert (len(shares), sum(shares)) == (MOST_SHARES, MAX_AMOUNT)


@pytest.mark.parametrize("most", [None, 40])
def test_no_place_is_better_than_another(most: int | None) -> None:
    """Exchangeable: each of ten places has the same mean, the same spread, and is the best as often.

    The bounds are five standard errors, of the counts and of what was measured itself.
    """
    chance, rounds, places = chance_of(20260217), 20_000, 10
    best, means, squares = [0] * places, [0] * places, [0] * places
    for _ in range(rounds):
        shares = random_shares(200, places, chance, most)
        best[chance.choice([n for n, share in enumerate(shares) if share == max(shares)])] += 1
        for place, share in enumerate(shares):
            means[place] += share
            squares[place] += share * share
    assert all(abs(count - rounds / places) < 5 * (rounds * 0.1 * 0.9) ** 0.5 for count in best)
    spread = sum(squares) / rounds / places - 20**2
    assert all(abs(total / rounds - 20) < 5 * (spread / rounds) ** 0.5 for total in means)
    assert all(abs(total / rounds - 20**2 - spread) < 0.1 * spread for total in squares)


def test_neighbours_are_no_likelier_to_differ_than_others() -> None:
    """The first share tells of the second no more than of the last."""
    chance, rounds = chance_of(8), 20_000
    with_second = with_last = squares = 0
    for _ in range(rounds):
        shares = random_shares(100, 5, chance)
        with_second += (shares[0] - 20) * (shares[1] - 20)
        with_last += (shares[0] - 20) * (shares[4] - 20)
        squares += (shares[0] - 20) ** 2
    assert abs(with_second - with_last) < 0.1 * squares
    assert with_second < 0  # what one gets, the others lack


def test_every_composition_of_a_small_sum_comes_as_often() -> None:
    chance, rounds = chance_of(3), 12_000
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(rounds):
        shares = tuple(random_shares(5, 3, chance))
        counts[shares] = counts.get(shares, 0) + 1
    assert len(counts) == 6  # compositions of 5 into 3 parts
    assert all(abs(count - 2000) < 5 * (rounds * 5 / 36) ** 0.5 for count in counts.values())


def test_a_bound_of_twice_the_mean_spares_the_group_a_winner_who_takes_it_all() -> None:
    chance = chance_of(1)
    unbounded = max(max(random_shares(1000, 10, chance)) for _ in range(2000))
    bounded = max(max(random_shares(1000, 10, chance, 200)) for _ in range(2000))
    assert bounded <= 200
    assert unbounded > 400


@pytest.mark.parametrize(
    ("status", "at", "said"),
    [
        ("open", NOON, None),
        ("scheduled", NOON, None),  # the job that opens it may be late
        ("scheduled", NOON - HOUR, Closed.NOT_OPEN),
        ("draft", NOON, Closed.NOT_OPEN),
        ("draft", NOON + HOUR, Closed.EXPIRED),
        ("open", NOON + HOUR, Closed.EXPIRED),  # the job that returns the rest may be late
        ("expired", NOON, Closed.EXPIRED),
        ("finished", NOON, Closed.FINISHED),
        ("finished", NOON + HOUR, Closed.FINISHED),
    ],
)
def test_when_a_packet_can_be_claimed(status: str, at: datetime, said: Closed | None) -> None:
    assert closed_at(status, NOON, NOON + HOUR, at) is said


def test_a_packet_is_open_from_now_and_for_a_day_unless_said() -> None:
    assert window_of(None, None, NOON) == (NOON, NOON + LASTS)
    assert window_of(NOON - HOUR, None, NOON) == (NOON, NOON + LASTS)
    assert window_of(NOON + HOUR, None, NOON) == (NOON + HOUR, NOON + HOUR + LASTS)
    assert window_of(NOON + HOUR, NOON + 2 * HOUR, NOON) == (NOON + HOUR, NOON + 2 * HOUR)
