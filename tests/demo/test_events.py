"""The streams: what depends on what stays in order, everything else may be mixed."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from commission.orders.new_order import NewOrder
from demo import events
from demo.events import Completion, Event
from demo.retail import RetailFolder, RetailRefund

SETTLED = datetime(2011, 2, 1, tzinfo=UTC)


def name_of(event: Event) -> tuple[str, str]:
    return type(event).__name__, event.order_no if isinstance(event, Completion) else event.external_id


def order_of(event: Event) -> str:
    return event.external_id if isinstance(event, NewOrder) else event.order_no


def stream(folder: RetailFolder, seed: int | None) -> list[Event]:
    return list(events.before_settlement(folder, SETTLED, seed))


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_nothing_comes_before_its_order(retail_slice: RetailFolder, seed: int | None) -> None:
    placed: set[str] = set()
    for event in stream(retail_slice, seed):
        assert isinstance(event, NewOrder) or order_of(event) in placed
        placed.add(order_of(event))


def test_a_mixed_stream_has_the_same_events_in_another_order(
    retail_slice: RetailFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "WINDOW", 40)
    in_order, mixed = stream(retail_slice, None), stream(retail_slice, 1)
    assert Counter(map(name_of, in_order)) == Counter(map(name_of, mixed))
    assert list(map(name_of, in_order)) != list(map(name_of, mixed))
    assert list(map(name_of, mixed)) == list(map(name_of, stream(retail_slice, 1)))
    assert _kinds_alternate(mixed)


def _kinds_alternate(found: Sequence[Event]) -> bool:
    changes = sum(type(a) is not type(b) for a, b in pairwise(found))
    return changes > len(found) / 10


@pytest.mark.parametrize("seed", [None, 1])
def test_inviters_come_before_those_they_invited(retail_slice: RetailFolder, seed: int | None) -> None:
    seen: set[str | None] = {None}
    for member in events.members(retail_slice, seed):
        assert member.inviter in seen
        seen.add(member.external_id)
    assert len(seen) - 1 == retail_slice.extent().members


def test_refunds_are_either_before_or_after_the_settlement(retail_slice: RetailFolder) -> None:
    early = [one for one in stream(retail_slice, None) if isinstance(one, RetailRefund)]
    late = list(events.after_settlement(retail_slice, SETTLED))
    assert early
    assert late
    assert max(one.refunded_at for one in early) < SETTLED <= min(one.refunded_at for one in late)
    assert Counter(map(name_of, early + late)) == Counter(map(name_of, retail_slice.refunds()))


def test_an_order_is_completed_some_days_after_it_was_paid_and_always_the_same() -> None:
    paid_at = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    found = {events.completion_of(str(number), paid_at).completed_at - paid_at for number in range(100)}
    assert found == {timedelta(days=days) for days in (3, 4, 5, 6, 7)}
    assert events.completion_of("536365", paid_at) == events.completion_of("536365", paid_at)


@pytest.mark.parametrize(
    ("last_paid_at", "settled"),
    [
        (datetime(2010, 12, 23, 17, 41, tzinfo=UTC), datetime(2011, 2, 1, tzinfo=UTC)),
        (datetime(2011, 6, 30, 20, 8, tzinfo=UTC), datetime(2011, 7, 31, 23, tzinfo=UTC)),  # summer time
        (datetime(2011, 5, 31, 23, 30, tzinfo=UTC), datetime(2011, 7, 31, 23, tzinfo=UTC)),  # June already in London
    ],
)
def test_the_shop_settles_at_the_start_of_the_second_month_after(last_paid_at: Any, settled: Any) -> None:
    assert events.settled_at(last_paid_at, "Europe/London") == settled


def test_batches_hold_at_most_so_many() -> None:
    assert list(events.in_batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
