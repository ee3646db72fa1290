"""The trial balance and the list of transactions."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from commission.ledger.rules import Account
from commission.ledger.sealing import seal_chunk
from core.clock import frozen_at
from core.db import transaction
from core.ids import new_id, public_id
from tests.clients import ApiClient, TestProgram
from tests.commission.ledger.entries import accrued, moved, post_now
from tests.factories import member_ref, seed_members

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def totals(answer: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    assert answer["balanced"] is True
    assert sum(account["balance"] for account in answer["accounts"]) == 0
    return {one["code"]: (one["debit"], one["credit"], one["balance"]) for one in answer["accounts"]}


def seal(program: TestProgram, most: int) -> None:
    with transaction(program.id):
        seal_chunk(program.id, most)


def test_empty_books_balance(client: ApiClient) -> None:
    answer = client.get("/v1/ledger/trial-balance").json
    assert (answer["accounts"], answer["balanced"]) == ([], True)


@pytest.mark.parametrize("sealed", [0, 1, 2, 3])
def test_totals_are_the_same_however_much_is_sealed(program: TestProgram, client: ApiClient, sealed: int) -> None:
    (member,) = seed_members(program)
    with frozen_at(START):
        post_now(program, [accrued(member, 500)])
    with frozen_at(START + HOUR):
        post_now(program, [moved("commission.matured", Account.MEMBER_PENDING, Account.MEMBER_AVAILABLE, member, 300)])
    with frozen_at(START + 2 * HOUR):
        post_now(program, [moved("x.y", Account.MEMBER_AVAILABLE, Account.COMMISSION_EXPENSE, member, 40)])
    if sealed:
        seal(program, sealed)
    assert totals(client.get("/v1/ledger/trial-balance").json) == {
        "commission_expense": (500, 40, -460),
        "member_available": (40, 300, 260),
        "member_pending": (300, 500, 200),
    }
    first = totals(client.get("/v1/ledger/trial-balance?as_of=2026-06-01T12:00:00Z").json)
    assert first == {"commission_expense": (500, 0, -500), "member_pending": (0, 500, 500)}
    second = totals(client.get("/v1/ledger/trial-balance?as_of=2026-06-01T13:59:59Z").json)
    assert second == {
        "commission_expense": (500, 0, -500),
        "member_available": (0, 300, 300),
        "member_pending": (300, 500, 200),
    }
    assert totals(client.get("/v1/ledger/trial-balance?as_of=2026-06-01T11:59:59Z").json) == {}


def test_currencies_are_kept_apart(program: TestProgram, client: ApiClient) -> None:
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 500)])
    post_now(program, [accrued(member, 30)], currency="USD")
    answer = client.get("/v1/ledger/trial-balance").json
    shown = [(one["currency"], one["code"], one["balance"]) for one in answer["accounts"]]
    assert shown == [
        ("GBP", "commission_expense", -500),
        ("GBP", "member_pending", 500),
        ("USD", "commission_expense", -30),
        ("USD", "member_pending", 30),
    ]
    assert client.get(f"/v1/members/{member_ref(member)}/balance").json["pending"] == 500


@pytest.fixture
def members(program: TestProgram) -> list[UUID]:
    return seed_members(program, 2)


def test_a_transaction_is_shown_whole(program: TestProgram, client: ApiClient, members: list[UUID]) -> None:
    order = new_id()
    with frozen_at(START):
        [made] = post_now(program, [accrued(members[0], 5, on=date(2026, 5, 31), order_id=order, note={"plan": "p"})])
    [shown] = client.get("/v1/ledger/transactions").json["data"]
    assert shown == {
        "id": public_id("ltx", made),
        "kind": "commission.accrued",
        "order_id": public_id("ord", order),
        "payout_id": None,
        "note": {"plan": "p"},
        "recorded_at": "2026-06-01T12:00:00Z",
        "effective_on": "2026-05-31",
        "postings": [
            {"account": "commission_expense", "member_id": None, "currency": "GBP", "amount": -5},
            {"account": "member_pending", "member_id": member_ref(members[0]), "currency": "GBP", "amount": 5},
        ],
        "seal": None,
    }
    seal(program, 1)
    [shown] = client.get("/v1/ledger/transactions").json["data"]
    assert shown["seal"]["seq"] == 1
    assert len(bytes.fromhex(shown["seal"]["hash"])) == 32


def test_transactions_are_filtered(program: TestProgram, client: ApiClient, members: list[UUID]) -> None:
    order, payout = new_id(), new_id()
    accrual, reserved, other, both = post_now(
        program,
        [
            accrued(members[0], 50, order_id=order),
            moved(
                "payout.reserved", Account.MEMBER_AVAILABLE, Account.MEMBER_IN_PAYOUT, members[0], 5, payout_id=payout
            ),
            accrued(members[1], 5),
            accrued(members[1], 5)._replace(
                postings=(*accrued(members[0], 1).postings, *accrued(members[1], 1).postings)
            ),
        ],
    )

    def listed(query: str) -> list[str]:
        return [one["id"] for one in client.get(f"/v1/ledger/transactions?{query}").json["data"]]

    def ids(*values: UUID) -> list[str]:
        return [public_id("ltx", value) for value in values]

    assert listed("") == ids(both, other, reserved, accrual)
    assert listed(f"member_id={member_ref(members[0])}") == ids(both, reserved, accrual)
    assert listed("member_id=ext:m-1") == ids(both, other)
    assert listed("kind=payout.reserved") == ids(reserved)
    assert listed(f"order_id={public_id('ord', order)}") == ids(accrual)
    assert listed(f"payout_id={public_id('pay', payout)}") == ids(reserved)
    assert listed(f"member_id=ext:m-0&kind=commission.accrued&order_id={public_id('ord', order)}") == ids(accrual)
    assert listed(f"member_id=ext:m-1&order_id={public_id('ord', order)}") == []
    assert listed("kind=nothing.such") == []


@pytest.mark.parametrize("query", ["", "&member_id=ext:m-0", "&kind=commission.accrued"])
def test_pages_are_stable_under_inserts(
    program: TestProgram, client: ApiClient, members: list[UUID], query: str
) -> None:
    made = [post_now(program, [accrued(members[0], 1 + n)])[0] for n in range(5)]
    first = client.get(f"/v1/ledger/transactions?limit=2{query}").json
    post_now(program, [accrued(members[0], 99)])
    rest = client.get(f"/v1/ledger/transactions?limit=200&cursor={first['next_cursor']}{query}").json
    shown = [one["id"] for one in first["data"] + rest["data"]]
    assert shown == [public_id("ltx", one) for one in reversed(made)]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("member_id=7", "/member_id"), ("order_id=mem_1", "/order_id"), ("payout_id=", "/payout_id"), ("x=1", "/x"),
     ("cursor=7", "/cursor")],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(client: ApiClient, query: str, pointer: str) -> None:
    answer = client.get(f"/v1/ledger/transactions?{query}")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert client.get("/v1/ledger/trial-balance?as_of=2026-06-01").status_code == 422
