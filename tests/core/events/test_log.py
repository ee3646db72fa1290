"""The log gives each consumer every event once, in order, however often and by how many it is read."""

import threading
from collections.abc import Iterator, Sequence

import pytest
from flask import Flask

from core.auth.actor import Program
from core.clock import now
from core.db import execute, scalar, transaction
from core.events.consumers import CONSUMERS, consumer, readers_of
from core.events.reading import KEPT, NumberedEvent, events_after, number_events, prune_events, take_unread
from core.events.service import Event, announce
from core.jobs import outbox
from core.jobs.registry import JOBS, SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import TestProgram
from tests.jobs import deliver_now, lease_jobs, run_jobs, waiting_jobs


def _tell(program: TestProgram, *places: int, kind: str = "test.happened") -> None:
    with transaction(program.id):
        announce(program.id, [Event(kind, now(), {"place": place}) for place in places])


def _places(events: Sequence[NumberedEvent]) -> list[int]:
    return [event.facts["place"] for event in events]


@pytest.fixture
def seen(app: Flask) -> Iterator[list[int]]:
    """What a consumer of a test's own has consumed."""
    found: list[int] = []

    @consumer("test.consume", "test.happened", most=3)
    def consume(_program: Program, events: Sequence[NumberedEvent]) -> None:
        found.extend(_places(events))
        if 13 in found:
            found.remove(13)
            raise ValueError("indigestible")

    yield found
    del JOBS["test.consume"], SCHEDULES["test.consume"], CONSUMERS["test.consume"]


def test_an_event_is_read_only_once_it_has_a_number(program: TestProgram) -> None:
    _tell(program, 1, 2)
    with transaction(program.id):
        assert take_unread(program.id, "somebody", ["test.happened"]) == []
        assert number_events(program.id) == ["test.happened", "test.happened"]
        found = take_unread(program.id, "somebody", ["test.happened"])
    assert [event.seq for event in found] == [1, 2]
    assert _places(found) == [1, 2]


def test_what_is_rolled_back_was_never_told(program: TestProgram) -> None:
    def fail() -> None:
        with transaction(program.id):
            announce(program.id, [Event("test.happened", now(), {})])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with transaction(program.id):
        assert number_events(program.id) == []


def test_numbers_have_no_gaps_however_many_number_at_once(app: Flask, program: TestProgram) -> None:
    for place in range(20):
        _tell(program, place)

    def number() -> None:
        with app.app_context():
            for _ in range(5):
                with transaction(program.id):
                    number_events(program.id, 2)

    threads = [threading.Thread(target=number) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with transaction(program.id):
        number_events(program.id)
        found = events_after(program.id, 0, None, 100)
    assert [event.seq for event in found] == list(range(1, 21))


def test_a_consumer_has_each_event_once_and_in_order(program: TestProgram, seen: list[int]) -> None:
    _tell(program, *range(8))
    _tell(program, 99, kind="test.other")
    with transaction(program.id):
        number_events(program.id)
    publish_where_due(program.id, [SCHEDULES["test.consume"]])
    (first,) = lease_jobs(program.id, "default")
    deliver_now(first)
    deliver_now(first)  # twice: the fence holds
    run_jobs(program.id)
    assert seen == list(range(8))
    publish_where_due(program.id, [SCHEDULES["test.consume"]])
    assert run_jobs(program.id) == []


def test_whoever_numbers_an_event_calls_its_readers(program: TestProgram, seen: list[int]) -> None:
    _tell(program, 1, 2)
    publish_where_due(program.id, [SCHEDULES["events.number"]])
    assert run_jobs(program.id) == ["events.number", "test.consume"]
    assert seen == [1, 2]
    _tell(program, 3, kind="test.other")
    publish_where_due(program.id, [SCHEDULES["events.number"]])
    assert run_jobs(program.id) == ["events.number"]


def test_a_reader_at_work_is_called_again_and_one_that_waits_is_not(program: TestProgram, seen: list[int]) -> None:
    for place in range(3):
        _tell(program, place)
        with transaction(program.id):
            outbox.publish_again(program.id, readers_of(set(number_events(program.id))))
    (at_work,) = lease_jobs(program.id, "default", most=5)
    with transaction(program.id):
        outbox.publish_again(program.id, ["test.consume"])
    assert waiting_jobs(program.id) == ["test.consume", "test.consume"]
    deliver_now(at_work)
    run_jobs(program.id)
    assert seen == [0, 1, 2]


def test_a_consumer_that_fails_has_consumed_nothing(program: TestProgram, seen: list[int]) -> None:
    _tell(program, 13)
    with transaction(program.id):
        number_events(program.id)
    publish_where_due(program.id, [SCHEDULES["test.consume"]])
    run_jobs(program.id, may_fail=True)
    with transaction(program.id, read_only=True):
        assert scalar("SELECT count(*) FROM event_cursors WHERE program_id = %(p)s", p=program.id) == 0


def test_events_are_forgotten_once_they_are_old_and_read_by_all(program: TestProgram) -> None:
    _tell(program, 1, 2)
    with transaction(program.id):
        number_events(program.id)
        execute(
            "UPDATE events SET created_at = %(at)s WHERE program_id = %(p)s AND seq = 1", p=program.id, at=now() - KEPT
        )
        readers = {"a": {"test.happened"}, "b": {"test.happened"}, "reads_other_things": {"test.other"}}
        assert prune_events(program.id, readers) == 0
        take_unread(program.id, "a", ["test.happened"])
        assert prune_events(program.id, readers) == 0
        take_unread(program.id, "b", ["test.happened"])
        assert prune_events(program.id, readers) == 1
        assert [event.seq for event in events_after(program.id, 0, None, 9)] == [2]
