"""Lists of commissions and earnings by period: who sees what, and sums that agree."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.db import execute, transaction
from tests.clients import TestProgram, make_program
from tests.commission.settlement.runs import approved, office_of
from tests.factories import Earning, member_ref, seed_commissions, seed_members, seed_payees, take_back
from tests.jobs import run_jobs

JANUARY = datetime(2026, 1, 31, 20, tzinfo=UTC)  # 1 February in Shanghai


def listed(program: TestProgram, **query: str) -> list[dict[str, Any]]:
    answer = program.client.get("/v1/commissions", query_string=query)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json["data"]
    return data


def test_a_commission_is_shown_with_its_order_and_member(program: TestProgram) -> None:
    (member,) = seed_members(program)
    (commission,) = seed_commissions(program, [Earning(member, 500, held_reason="after_sale")])
    take_back(program, commission, 100)
    (shown,) = listed(program)
    assert shown["id"].startswith("com_")
    assert shown["order_id"].startswith("ord_")
    assert (shown["member_id"], shown["member_external_id"]) == (member_ref(member), "m-0")
    assert [shown[name] for name in ("level", "amount", "reversed", "status", "held", "held_reason")] == [
        1, 500, 100, "pending", True, "after_sale",
    ]  # fmt: skip
    assert (shown["earned_at"], shown["matures_at"]) == ("2026-01-05T12:00:00Z", "2026-01-12T12:00:00Z")


def test_the_list_is_narrowed_by_every_filter(program: TestProgram) -> None:
    first, second = seed_members(program, 2)
    days = [datetime(2026, 2, day, tzinfo=UTC) for day in (1, 2, 3)]
    seed_commissions(
        program,
        [Earning(first, 1, days[0], days[0]), Earning(first, 2, days[1], None), Earning(second, 3, days[2], None)],
    )
    program.staff("finance").post("/v1/maturations", {"as_of": days[0].isoformat()})
    run_jobs(program.id)
    amounts = {
        "all": [one["amount"] for one in listed(program)],
        "member": [one["amount"] for one in listed(program, member_id=member_ref(first))],
        "external": [one["amount"] for one in listed(program, member_id="ext:m-1")],
        "status": [one["amount"] for one in listed(program, status="available")],
        "from": [one["amount"] for one in listed(program, **{"from": days[1].isoformat()})],
        "to": [one["amount"] for one in listed(program, to=days[1].isoformat())],
        "unknown": [one["amount"] for one in listed(program, member_id="ext:nobody")],
    }
    assert amounts == {
        "all": [3, 2, 1], "member": [2, 1], "external": [3], "status": [1], "from": [3, 2], "to": [1], "unknown": [],
    }  # fmt: skip
    (newest, *_) = listed(program)
    assert [one["id"] for one in listed(program, order_id=newest["order_id"])] == [newest["id"]]
    external = f"ext:{newest['order_external_id']}"
    assert [one["id"] for one in listed(program, order_id=external)] == [newest["id"]]
    for bad in ({"member_id": "mem_1"}, {"status": "gone"}, {"from": "2026-01-01"}, {"order_id": "ext:"}):
        assert program.client.get("/v1/commissions", query_string=bad).status_code == 422


def test_pages_of_commissions_are_stable(program: TestProgram) -> None:
    (member,) = seed_members(program)
    seed_commissions(program, [Earning(member, amount) for amount in range(1, 6)])
    page = program.client.get("/v1/commissions?limit=2").json
    seed_commissions(program, [Earning(member, 99)])
    rest = program.client.get(f"/v1/commissions?limit=10&cursor={page['next_cursor']}").json
    assert [one["amount"] for one in page["data"] + rest["data"]] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("path", ["/v1/commissions", "/v1/members/ext:m-0/earnings"])
def test_reading_commissions_needs_a_credential_of_the_program(
    program: TestProgram, other_program: TestProgram, path: str
) -> None:
    (member,) = seed_members(program)
    seed_commissions(program, [Earning(member, 500)])
    assert program.anonymous.get(path).status_code == 401
    assert program.staff("viewer").get(path).status_code == 200
    theirs = other_program.client.get(path)
    assert theirs.status_code == 404 or theirs.json["data"] == []


def earnings_of(program: TestProgram, member_id: UUID, **query: str) -> dict[str, Any]:
    answer = program.client.get(f"/v1/members/{member_ref(member_id)}/earnings", query_string=query)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json
    return shown


def test_earnings_by_day_and_month_in_the_programs_time_zone(app: Any) -> None:
    program = make_program(app, timezone="Asia/Shanghai")
    (member,) = seed_members(program)
    due = JANUARY + timedelta(days=7)
    ones = seed_commissions(
        program,
        [
            Earning(member, 100, JANUARY - timedelta(hours=5), due),  # 31 January in Shanghai
            Earning(member, 20, JANUARY, due),
            Earning(member, 3, JANUARY + timedelta(hours=1), None),
            Earning(member, 9000, JANUARY, due, held_reason="after_sale"),
        ],
    )
    take_back(program, ones[0], 40)
    days = earnings_of(program, member)
    assert [(one["date"], one["estimated"], one["matured"]) for one in days["data"]] == [
        ("2026-01-31", 60, 0),
        ("2026-02-01", 9023, 0),
    ]
    assert days["expected"] == [{"date": "2026-02-08", "amount": 80}]
    assert (days["undated"], days["held"]) == (3, 9000)
    program.staff("finance").post("/v1/maturations", {"as_of": due.isoformat()})
    run_jobs(program.id)
    months = earnings_of(program, member, interval="month")
    assert [(one["date"], one["estimated"]) for one in months["data"]][:2] == [("2026-01-01", 60), ("2026-02-01", 9023)]
    assert months["totals"] == {"estimated": 9083, "matured": 80, "paid": 0}
    assert months["expected"] == []
    some = earnings_of(program, member, **{"from": "2026-02-01", "to": "2026-02-01"})
    assert some["totals"]["estimated"] == 9023


def test_paid_earnings_show_on_the_day_of_payment(program: TestProgram) -> None:
    (member,) = seed_payees(program, [5000])
    approved(program, office_of(program))
    with transaction(program.id):
        execute(
            """UPDATE payouts SET status = 'paid', paid_at = '2026-03-05T10:00:00Z' WHERE program_id = %(p)s""",
            p=program.id,
        )
    days = earnings_of(program, member)
    assert {"date": "2026-03-05", "estimated": 0, "matured": 0, "paid": 5000} in days["data"]
    assert days["totals"] == {"estimated": 5000, "matured": 5000, "paid": 5000}


def test_a_member_sees_his_own_only(program: TestProgram) -> None:
    first, second = seed_members(program, 2)
    seed_commissions(program, [Earning(first, 500), Earning(second, 700)])
    me = program.member("ext:m-0")
    (mine,) = me.get("/v1/me/commissions").json["data"]
    assert mine["amount"] == 500
    assert not {"member_id", "member_external_id", "order_external_id"} & mine.keys()
    assert me.get("/v1/me/commissions?status=available").json["data"] == []
    assert me.get(f"/v1/me/commissions?member_id={member_ref(second)}").status_code == 422
    assert me.get("/v1/me/earnings").json["totals"]["estimated"] == 500
    assert me.get("/v1/commissions").status_code == 403
    assert program.client.get("/v1/me/commissions").status_code == 403
    assert program.anonymous.get("/v1/me/earnings").status_code == 401
