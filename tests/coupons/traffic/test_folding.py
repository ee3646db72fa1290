"""Sales are added to the sums exactly once, in bounded turns, whoever folds at the same time."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from core.db import scalar, transaction
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from coupons.clicks.shipping import ship
from coupons.traffic.folding import fold_deltas
from coupons.traffic.service import SaleDelta, count_sales
from tests.clients import TestProgram, make_program
from tests.coupons.clicks.making import LINK, MEMBER, Sums, click, days_of, hours_of
from tests.jobs import deliver_now, lease_jobs, run_jobs
from tests.threads import together

PAID_AT = datetime(2026, 11, 10, 16, 20, tzinfo=UTC)


def delta(at: datetime = PAID_AT, **other: object) -> SaleDelta:
    plain = SaleDelta(at, LINK, MEMBER, "c", None, None, None, None, 1, 1000, 100)
    return plain._replace(**other)  # type: ignore[arg-type]


def sell(program: TestProgram, *deltas: SaleDelta) -> None:
    with transaction(program.id):
        count_sales(program.id, deltas)


def due(program: TestProgram) -> None:
    publish_where_due(program.id, [SCHEDULES["traffic.fold"]])


def waiting(program: TestProgram) -> int:
    with transaction(program.id):
        return int(scalar("SELECT count(*) FROM traffic_deltas WHERE program_id = %(p)s", p=program.id))


def test_a_sale_shows_in_its_hour_and_day_in_every_dimension(app: object) -> None:
    program = make_program(app, timezone="Asia/Shanghai")  # type: ignore[arg-type]
    with program.app.app_context():
        sell(program, delta(), delta(channel="tv", link_id=None), delta(orders=-1, sales=-1000, commission=-100))
        due(program)
        assert run_jobs(program.id) == ["traffic.fold"]
        assert waiting(program) == 0
        day, hour = date(2026, 11, 11), PAID_AT.replace(minute=0)
        once = Sums(0, 0, 0, 1, 1000, 100)
        expected = {
            ("program", ""): once,
            ("member", str(MEMBER)): once,
            ("campaign", "c"): once,
            ("channel", "tv"): once,
        }
        assert days_of(program.id) == {(*place, day): sums for place, sums in expected.items()}
        assert hours_of(program.id) == {(*place, hour): sums for place, sums in expected.items()}


def test_nothing_to_fold_publishes_nothing(program: TestProgram) -> None:
    due(program)
    assert run_jobs(program.id) == []


def test_sales_and_clicks_stand_in_the_same_sums(program: TestProgram) -> None:
    ship([click(program.id, PAID_AT - timedelta(minutes=5))])
    sell(program, delta())
    due(program)
    run_jobs(program.id)
    assert days_of(program.id)["link", str(LINK), PAID_AT.date()] == Sums(1, 1, 0, 1, 1000, 100)


def test_a_fold_delivered_twice_adds_once(program: TestProgram) -> None:
    sell(program, delta())
    due(program)
    (one,) = lease_jobs(program.id, "default")
    deliver_now(one)
    deliver_now(one)
    assert days_of(program.id)["program", "", PAID_AT.date()].orders == 1


def test_a_turn_that_dies_adds_nothing_and_the_next_adds_all(program: TestProgram) -> None:
    sell(program, delta(), delta())
    present = program.now()

    def fold_and_die() -> None:
        with transaction(program.id):
            assert fold_deltas(present) == 2
            raise RuntimeError("died")

    with pytest.raises(RuntimeError, match="died"):
        fold_and_die()
    assert days_of(program.id) == {}
    assert waiting(program) == 2
    due(program)
    run_jobs(program.id)
    assert days_of(program.id)["program", "", PAID_AT.date()].orders == 2


def test_a_turn_is_bounded_and_goes_on_where_it_ended(program: TestProgram) -> None:
    present = program.now()
    sell(program, *(delta(PAID_AT + timedelta(days=n)) for n in range(7)))
    for expected in (3, 3, 1, 0):
        with transaction(program.id):
            assert fold_deltas(present, 3) == expected
    assert sum(sums.orders for (of, _, _), sums in days_of(program.id).items() if of == "program") == 7


def test_folds_and_shippers_at_once_lose_and_double_nothing(program: TestProgram) -> None:
    present = program.now()
    sell(program, *(delta(PAID_AT + timedelta(hours=n % 9), link_id=UUID(int=n % 5)) for n in range(200)))

    def fold() -> None:
        taken = 1
        while taken:
            with transaction(program.id):
                taken = fold_deltas(present, 7)

    def ship_some() -> None:
        for n in range(30):
            ship([click(program.id, PAID_AT + timedelta(hours=n % 9), n, link_id=UUID(int=n % 5))])

    together(program.app, fold, fold, fold, ship_some)
    for found in (days_of(program.id), hours_of(program.id)):
        for dimension in ("program", "link"):
            parts = [sums for (of, _, _), sums in found.items() if of == dimension]
            assert tuple(map(sum, zip(*parts, strict=True))) == (30, 30, 0, 200, 200_000, 20_000), dimension
