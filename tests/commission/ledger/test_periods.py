"""Closing months: what comes later takes effect in the open one, and nothing slips in beside the closing."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from commission.ledger.periods import close_period
from commission.ledger.service import post
from core.auth.actor import Actor, ActorKind
from core.clock import frozen_at
from core.db import execute, scalar, transaction
from core.errors import DomainError
from core.ids import new_id
from tests.clients import ApiClient, TestProgram, make_program
from tests.commission.ledger.entries import accrued, post_now
from tests.factories import seed_members
from tests.threads import together

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    with frozen_at(NOON):
        yield


@pytest.fixture
def finance(program: TestProgram) -> ApiClient:
    return program.staff("finance")


def effective_on(program: TestProgram, day: date) -> date:
    """The day that an entry of this day takes effect on."""
    (member,) = seed_members(program)
    [transaction_id] = post_now(program, [accrued(member, 5, on=day)])
    with transaction(program.id, read_only=True):
        found: date = scalar(
            "SELECT effective_on FROM ledger_transactions WHERE program_id = %(p)s AND id = %(id)s",
            p=program.id, id=transaction_id,
        )  # fmt: skip
    return found


def test_what_comes_after_a_close_takes_effect_in_the_open_period(program: TestProgram, finance: ApiClient) -> None:
    assert effective_on(program, date(2026, 10, 31)) == date(2026, 10, 31)
    answer = finance.post("/v1/periods/2026-10/close")
    assert (answer.status_code, answer.json["month"], answer.json["status"]) == (200, "2026-10", "closed")
    assert effective_on(program, date(2026, 10, 31)) == date(2026, 11, 1)
    assert effective_on(program, date(2025, 1, 1)) == date(2026, 11, 1)
    assert effective_on(program, date(2026, 11, 1)) == date(2026, 11, 1)
    assert effective_on(program, date(2026, 11, 22)) == date(2026, 11, 22)


def test_each_entry_of_a_batch_is_moved_by_itself(program: TestProgram, finance: ApiClient) -> None:
    finance.post("/v1/periods/2026-10/close")
    (member,) = seed_members(program)
    days = [date(2026, 9, 3), date(2026, 11, 5), date(2026, 12, 1)]
    ids = post_now(program, [accrued(member, 5, on=day) for day in days])
    shown = {one["id"]: one["effective_on"] for one in finance.get("/v1/ledger/transactions").json["data"]}
    assert len(ids) == len(shown)
    assert sorted(shown.values()) == ["2026-11-01", "2026-11-05", "2026-12-01"]


def test_recorded_at_is_always_now(program: TestProgram, finance: ApiClient) -> None:
    finance.post("/v1/periods/2026-10/close")
    effective_on(program, date(2026, 10, 1))
    [shown] = finance.get("/v1/ledger/transactions").json["data"]
    assert shown["recorded_at"] == "2026-11-22T12:00:00Z"


@pytest.mark.parametrize(
    ("month", "code"),
    [
        ("2026-11", "period_not_over"),
        ("2027-01", "period_not_over"),
        ("2026-08", "period_closed"),
        ("2026-07", "period_closed"),
        ("2026-10", "period_out_of_order"),
    ],
)
def test_months_close_one_after_the_other_once_they_ended(
    program: TestProgram, finance: ApiClient, month: str, code: str
) -> None:
    assert finance.post("/v1/periods/2026-08/close").status_code == 200
    answer = finance.post(f"/v1/periods/{month}/close")
    assert (answer.status_code, answer.json["code"]) == (409, code)
    assert finance.post("/v1/periods/2026-09/close").status_code == 200


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "26-10", "2026-10-01", "october"])
def test_what_is_not_a_month_is_not_found(finance: ApiClient, month: str) -> None:
    assert finance.post(f"/v1/periods/{month}/close").status_code == 404


def test_a_month_ends_in_the_programs_time_zone(program: TestProgram) -> None:
    just_before = datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC)  # midnight in Shanghai is 16:00 UTC
    shanghai = make_program(program.app, timezone="Asia/Shanghai").staff("owner")
    with frozen_at(just_before):
        assert shanghai.post("/v1/periods/2026-10/close").json["code"] == "period_not_over"
    with frozen_at(just_before.replace(hour=16)):
        assert shanghai.post("/v1/periods/2026-10/close").status_code == 200


def test_closed_months_are_listed_in_pages(finance: ApiClient) -> None:
    for month in ("2026-07", "2026-08", "2026-09"):
        finance.post(f"/v1/periods/{month}/close")
    first = finance.get("/v1/periods?limit=2").json
    assert [one["month"] for one in first["data"]] == ["2026-09", "2026-08"]
    second = finance.get(f"/v1/periods?limit=2&cursor={first['next_cursor']}").json
    assert [one["month"] for one in second["data"]] == ["2026-07"]
    assert second["next_cursor"] is None
    assert first["data"][0]["closed_by"].startswith("stf_")
    assert finance.get("/v1/periods?cursor=WzFd").status_code == 422


def closer(program: TestProgram) -> Actor:
    return Actor(program.now(), ActorKind.STAFF, new_id())


def test_a_close_waits_for_who_is_posting_into_the_month(program: TestProgram) -> None:
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 1, on=date(2026, 9, 1))])
    actor, ended = closer(program), []

    def post_slowly() -> None:
        with transaction(program.id):
            post(program.id, "GBP", [accrued(member, 5, on=date(2026, 10, 30))])
            time.sleep(0.4)
        ended.append("posted")

    def close() -> None:
        time.sleep(0.1)
        with transaction(program.id):
            close_period(actor, date(2026, 10, 1))
        ended.append("closed")

    with frozen_at(NOON):
        together(program.app, post_slowly, close)
    assert ended == ["posted", "closed"]
    assert effective_on(program, date(2026, 10, 30)) == date(2026, 11, 1)


def test_who_posts_into_a_month_that_is_being_closed_waits_and_comes_later(program: TestProgram) -> None:
    actor = closer(program)

    def close_slowly() -> date:
        with transaction(program.id):
            close_period(actor, date(2026, 10, 1))
            time.sleep(0.4)
        return date.max

    def post_meanwhile() -> date:
        time.sleep(0.15)
        return effective_on(program, date(2026, 10, 30))

    assert together(program.app, close_slowly, post_meanwhile)[1] == date(2026, 11, 1)


def test_two_closers_at_once_close_once(program: TestProgram) -> None:
    actor = closer(program)

    def close() -> str:
        try:
            with transaction(program.id):
                close_period(actor, date(2026, 10, 1))
        except DomainError as error:
            return error.code
        return "closed"

    assert sorted(together(program.app, *[close] * 4)) == ["closed"] + ["period_closed"] * 3


def test_posting_into_the_present_month_takes_no_lock(program: TestProgram) -> None:
    """A close may hold the head as long as it likes: the current month's money does not wait."""
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 1, on=date(2026, 9, 1))])
    with transaction(program.id):
        execute("SELECT 1 FROM ledger_heads WHERE program_id = %(p)s FOR UPDATE", p=program.id)
        [ids] = together(program.app, lambda: post_now(program, [accrued(member, 5, on=date(2026, 11, 22))]))
    assert len(ids) == 1
