"""A member's balance and statement, over HTTP and as his own twin."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commission.ledger.rules import Account
from core.ids import new_id, public_id
from tests.clients import ApiClient, TestProgram
from tests.commission.ledger.entries import CASH, accrued, moved, post_now
from tests.factories import member_ref, seed_members

PENDING, AVAILABLE, IN_PAYOUT = Account.MEMBER_PENDING, Account.MEMBER_AVAILABLE, Account.MEMBER_IN_PAYOUT
ORDER, PAYOUT = new_id(), new_id()
NOTHING = {"pending": 0, "available": 0, "in_payout": 0, "paid": 0}


def buckets(pending: int, available: int, in_payout: int, paid: int) -> dict[str, int]:
    return {"pending": pending, "available": available, "in_payout": in_payout, "paid": paid}


@pytest.fixture
def member(program: TestProgram) -> UUID:
    """A member with a life of five transactions in May 2026, not posted in the order of their days."""
    made, other = seed_members(program, 2)
    first = date(2026, 5, 2)
    post_now(program, [accrued(made, 500, on=first, order_id=ORDER), accrued(other, 9, on=first)])
    post_now(program, [moved("commission.matured", PENDING, AVAILABLE, made, 500, on=date(2026, 5, 9))])
    post_now(
        program, [moved("payout.reserved", AVAILABLE, IN_PAYOUT, made, 300, on=date(2026, 5, 20), payout_id=PAYOUT)]
    )
    post_now(program, [moved("payout.paid", IN_PAYOUT, CASH, made, 300, on=date(2026, 5, 21), payout_id=PAYOUT)])
    post_now(
        program, [moved("commission.reversed", AVAILABLE, Account.COMMISSION_EXPENSE, made, 250, on=date(2026, 5, 10))]
    )
    return made


def lines(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line["date"], line["kind"]) for line in answer["data"]]


LIFE = [
    ("2026-05-02", "commission.accrued"),
    ("2026-05-09", "commission.matured"),
    ("2026-05-10", "commission.reversed"),
    ("2026-05-20", "payout.reserved"),
    ("2026-05-21", "payout.paid"),
]


def test_a_balance_shows_every_bucket_and_the_debt(client: ApiClient, member: UUID) -> None:
    answer = client.get(f"/v1/members/{member_ref(member)}/balance")
    assert answer.json == {"currency": "GBP"} | buckets(0, -50, 0, 300) | {"debt": 50}


def test_a_member_without_money_has_zeros(program: TestProgram, client: ApiClient) -> None:
    seed_members(program, prefix="poor")
    answer = client.get("/v1/members/ext:poor-0/balance")
    assert answer.json == {"currency": "GBP", "debt": 0} | NOTHING
    statement = client.get("/v1/members/ext:poor-0/statement").json
    assert (statement["opening"], statement["closing"], statement["data"]) == (NOTHING, NOTHING, [])


def test_a_statement_runs_from_nothing_to_the_balance(client: ApiClient, member: UUID) -> None:
    answer = client.get(f"/v1/members/{member_ref(member)}/statement").json
    assert lines(answer) == LIFE
    assert answer["opening"] == NOTHING
    assert answer["closing"] == answer["data"][-1]["balance"] == buckets(0, -50, 0, 300)
    first, *_, reserved, paid = answer["data"]
    assert first["order_id"] == public_id("ord", ORDER)
    assert (reserved["payout_id"], paid["payout_id"]) == (public_id("pay", PAYOUT),) * 2
    assert {name: reserved[name] for name in NOTHING} == buckets(0, -300, 300, 0)
    assert {name: paid[name] for name in NOTHING} == buckets(0, 0, -300, 300)
    assert [line["balance"]["available"] for line in answer["data"]] == [0, 500, 250, -50, -50]


@pytest.mark.parametrize(
    ("since", "until", "kept"),
    [
        ("2026-05-09", "2026-05-20", slice(1, 4)),
        ("2026-05-10", None, slice(2, 5)),
        (None, "2026-05-09", slice(0, 2)),
        ("2026-05-11", "2026-05-19", slice(0, 0)),
        ("2026-05-09", "2026-05-09", slice(1, 2)),
    ],
)
def test_both_days_are_included_and_the_rest_is_in_the_opening(
    client: ApiClient, member: UUID, since: str | None, until: str | None, kept: slice
) -> None:
    path = f"/v1/members/{member_ref(member)}/statement"
    whole = client.get(path).json["data"]
    query = "&".join(f"{name}={day}" for name, day in (("from", since), ("to", until)) if day)
    answer = client.get(f"{path}?{query}").json
    assert answer["data"] == whole[kept]
    before = [line["balance"] for line in whole if since and line["date"] < since]
    upto = [line["balance"] for line in whole if not until or line["date"] <= until]
    assert answer["opening"] == ([NOTHING, *before])[-1]
    assert answer["closing"] == ([NOTHING, *upto])[-1]


def test_pages_go_on_where_the_last_ended(client: ApiClient, member: UUID) -> None:
    path, cursor, seen = f"/v1/members/{member_ref(member)}/statement?limit=2&to=2026-05-20", "", []
    for _ in range(2):
        answer = client.get(path + cursor).json
        seen += answer["data"]
        cursor = f"&cursor={answer['next_cursor']}"
        assert answer["closing"] == buckets(0, -50, 300, 0)
    assert (lines({"data": seen}), answer["next_cursor"]) == (LIFE[:4], None)
    assert [line["balance"]["available"] for line in seen] == [0, 500, 250, -50]


def test_several_postings_of_one_transaction_are_one_line(program: TestProgram, client: ApiClient) -> None:
    (member,) = seed_members(program)
    entry = accrued(member, 5)
    twice = entry._replace(postings=entry.postings * 2)
    post_now(program, [twice])
    [line] = client.get(f"/v1/members/{member_ref(member)}/statement").json["data"]
    assert line["pending"] == 10


def test_the_member_sees_his_own(program: TestProgram, client: ApiClient, member: UUID) -> None:
    ref = member_ref(member)
    mine = program.member(ref)
    assert mine.get("/v1/me/balance").json == client.get(f"/v1/members/{ref}/balance").json
    for query in ("", "?from=2026-05-09&to=2026-05-20&limit=2"):
        assert mine.get(f"/v1/me/statement{query}").json == client.get(f"/v1/members/{ref}/statement{query}").json
    other = program.member("ext:m-1")
    assert other.get("/v1/me/balance").json["pending"] == 9


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("from=2026-05-10&to=2026-05-09", "/from"),
        ("from=2026-5-1", "/from"),
        ("to=2026-02-30", "/to"),
        ("cursor=WzEsMl0", "/cursor"),
        ("limit=0", "/limit"),
        ("since=2026-05-01", "/since"),
    ],
)
def test_what_cannot_be_asked_is_refused(client: ApiClient, member: UUID, query: str, pointer: str) -> None:
    answer = client.get(f"/v1/members/{member_ref(member)}/statement?{query}")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_the_widest_range_is_no_trouble(client: ApiClient, member: UUID) -> None:
    answer = client.get(f"/v1/members/{member_ref(member)}/statement?from=1970-01-01&to=9000-12-31")
    assert lines(answer.json) == LIFE


_DAYS = st.lists(st.tuples(st.integers(1, 28), st.integers(1, 1000)), min_size=1, max_size=15)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=_DAYS, since=st.integers(1, 28), limit=st.integers(1, 6))
def test_any_pages_add_up(program: TestProgram, drawn: list[tuple[int, int]], since: int, limit: int) -> None:
    (member,) = seed_members(program, prefix=f"m{new_id()}")
    post_now(program, [accrued(member, amount, on=date(2026, 3, day)) for day, amount in drawn])
    path = f"/v1/members/{member_ref(member)}/statement?from=2026-03-{since:02}&limit={limit}"
    cursor, running, count = "", None, 0
    while cursor is not None:
        answer = program.client.get(path + cursor).json
        running = answer["opening"]["pending"] if running is None else running
        for line in answer["data"]:
            running, count = running + line["pending"], count + 1
            assert line["balance"]["pending"] == running
        cursor = answer["next_cursor"] and f"&cursor={answer['next_cursor']}"
    assert count == sum(day >= since for day, _ in drawn)
    assert running == answer["closing"]["pending"] == sum(amount for _, amount in drawn)
