"""Threads whose asks are carried out together: each has its own answer, nobody waits for ever, nobody goes twice."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import monotonic, sleep
from types import FrameType

import pytest

from core.errors import Unavailable
from core.gathering import Gathering

PATIENCE = 10


class Doubling:
    """Carries out asks by doubling them; the first set waits until it is let go."""

    def __init__(self, most: int = 200) -> None:
        self.sets: list[list[int]] = []
        self.begun, self.may_go = Event(), Event()
        self.fails: Callable[[Sequence[int]], None] = lambda asks: None
        self.gathering: Gathering[str, int, int] = Gathering(self._carry_out, most)

    def _carry_out(self, key: str, asks: Sequence[int]) -> list[int]:
        self.sets.append(list(asks))
        if len(self.sets) == 1:
            self.begun.set()
            assert self.may_go.wait(PATIENCE)
        self.fails(asks)
        return [2 * ask for ask in asks]

    @contextmanager
    def with_waiting(self, count: int) -> Iterator[list[Future[int]]]:
        """Somebody leads with 0, and 1, 2, 3 … wait in that order; they are let go at the end."""
        with ThreadPoolExecutor(count + 1) as pool:
            asks = [pool.submit(self.gathering.join, "a", 0)]
            assert self.begun.wait(PATIENCE)
            for number in range(1, count + 1):
                asks.append(pool.submit(self.gathering.join, "a", number))
                self.wait_for_row(number)
            yield asks
            self.may_go.set()

    def wait_for_row(self, length: int) -> None:
        end = monotonic() + PATIENCE
        while len(self.gathering._waiting["a"]) < length:
            assert monotonic() < end
            sleep(0.001)

    def assert_idle(self) -> None:
        """Nothing is left over, and the next one is served."""
        assert self.gathering._waiting == {}
        assert self.gathering.join("a", 21) == 42


def test_who_comes_alone_is_served_at_once() -> None:
    doubling = Doubling()
    doubling.may_go.set()
    assert [doubling.gathering.join("a", ask) for ask in (1, 2)] == [2, 4]
    assert doubling.sets == [[1], [2]]


def test_those_who_come_meanwhile_are_carried_out_together_in_their_order() -> None:
    doubling = Doubling()
    with doubling.with_waiting(20) as asks:
        assert not any(ask.done() for ask in asks)
    assert [ask.result(PATIENCE) for ask in asks] == [2 * number for number in range(21)]
    assert doubling.sets == [[0], list(range(1, 21))]
    doubling.assert_idle()


def test_a_set_has_a_limit_and_the_lead_goes_on() -> None:
    doubling = Doubling(most=3)
    with doubling.with_waiting(7) as asks:
        pass
    assert [ask.result(PATIENCE) for ask in asks] == [2 * number for number in range(8)]
    assert doubling.sets == [[0], [1, 2, 3], [4, 5, 6], [7]]
    doubling.assert_idle()


def test_another_key_does_not_wait() -> None:
    doubling = Doubling()
    with doubling.with_waiting(1):
        assert doubling.gathering.join("b", 4) == 8
    assert [0] in doubling.sets


def test_an_error_is_everybodys_of_the_set_and_nobodys_of_the_next() -> None:
    doubling = Doubling(most=2)
    error = ZeroDivisionError("broken")

    def fails(asks: Sequence[int]) -> None:
        if 1 in asks:
            raise error

    doubling.fails = fails
    with doubling.with_waiting(4) as asks:
        pass
    assert [ask.exception(PATIENCE) for ask in asks] == [None, error, error, None, None]
    doubling.assert_idle()


def test_a_leader_that_is_stopped_leaves_nobody_waiting() -> None:
    doubling = Doubling()

    def fails(asks: Sequence[int]) -> None:
        if 1 in asks:
            raise SystemExit

    doubling.fails = fails
    with doubling.with_waiting(2) as asks:
        pass
    assert isinstance(asks[1].exception(PATIENCE), SystemExit)
    assert isinstance(asks[2].exception(PATIENCE), Unavailable)
    doubling.assert_idle()


def test_too_few_answers_are_an_error_and_nobody_waits() -> None:
    gathering: Gathering[str, int, int] = Gathering(lambda key, asks: [], 200)
    for _ in range(2):
        with pytest.raises(AssertionError):
            gathering.join("a", 1)


class _AlarmError(Exception):
    pass


def _alarm(number: int, frame: FrameType | None) -> None:
    raise _AlarmError


def test_a_waiting_thread_that_is_interrupted_keeps_nobody_from_being_served() -> None:
    """Only the main thread gets signals: here it waits between others, and goes before its turn."""
    doubling = Doubling(most=1)
    before = signal.signal(signal.SIGALRM, _alarm)
    try:
        with doubling.with_waiting(1) as asks:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(_AlarmError):
                doubling.gathering.join("a", 99)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert [ask.result(PATIENCE) for ask in asks] == [0, 2]
    assert doubling.sets == [[0], [1]]
    doubling.assert_idle()


def test_whoever_asks_again_at_once_is_in_the_next_set_with_all_the_others() -> None:
    # 160 asks: 20 sets of eight; otherwise sets of seven and of one take turns. A busy machine may delay some
    assert min(_sets_of_eight_clients() for _ in range(3)) < 32


def _sets_of_eight_clients() -> int:
    """How many sets it takes to answer eight clients, each 20 times in a row."""
    sets: list[int] = []

    def carry_out(key: str, asks: Sequence[int]) -> list[int]:
        sets.append(len(asks))
        sleep(0.01)
        return list(asks)

    gathering: Gathering[str, int, int] = Gathering(carry_out, 200)

    def client(number: int) -> list[int]:
        answers = []
        for turn in range(20):
            answers.append(gathering.join("a", number * 100 + turn))
            sleep(0.0002)  # an answer is written, and the next request read
        return answers

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(client, range(8)))
    assert answers == [[number * 100 + turn for turn in range(20)] for number in range(8)]
    return len(sets)
