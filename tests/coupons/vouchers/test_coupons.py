"""Coupons over HTTP: made and changed by operators, shown to everybody of the program, their money never changed."""

from functools import partial
from threading import Event
from time import sleep
from typing import Any

import pytest
from flask import Flask

from core.db import execute, scalar, transaction
from coupons.vouchers.schemas import CouponShape
from tests.clients import ApiClient, TestProgram
from tests.coupons.vouchers.offering import AMOUNT, PERCENT, make_coupon, pointers
from tests.coupons.vouchers.quantities import assert_quantities
from tests.threads import together

NOBODY = "cpn_00000000000000000000000000"


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


def count_of(program: TestProgram) -> int:
    with transaction(program.id):
        return scalar("SELECT count(*) FROM coupons WHERE program_id = %(p)s", p=program.id)  # type: ignore[no-any-return]


def test_anonymous_is_refused(program: TestProgram) -> None:
    for method, path in (("POST", ""), ("GET", ""), ("GET", f"/{NOBODY}"), ("PATCH", f"/{NOBODY}")):
        body = AMOUNT if method in {"POST", "PATCH"} else None
        assert program.anonymous.call(method, f"/v1/coupons{path}", body).status_code == 401


def test_another_programs_coupon_is_not_found(operator: ApiClient, other_program: TestProgram) -> None:
    coupon = make_coupon(operator)
    other = other_program.staff("operator")
    assert other.get(f"/v1/coupons/{coupon['id']}").status_code == 404
    assert other.patch(f"/v1/coupons/{coupon['id']}", {"name": "Mine"}).status_code == 404
    assert other.get("/v1/coupons").json == {"data": [], "next_cursor": None}
    for ref in (NOBODY, "cpn_1", "ord_1", "ext:x"):
        assert operator.get(f"/v1/coupons/{ref}").status_code == 404
        assert operator.patch(f"/v1/coupons/{ref}", {"name": "Mine"}).status_code == 404


def test_operators_and_owners_make_coupons_and_everybody_but_members_reads(program: TestProgram) -> None:
    coupon = make_coupon(program.staff("owner"))
    for caller in (program.staff("viewer"), program.staff("finance"), program.client):
        assert caller.post("/v1/coupons", AMOUNT).status_code == 403
        assert caller.patch(f"/v1/coupons/{coupon['id']}", {"name": "Mine"}).status_code == 403
        assert caller.get(f"/v1/coupons/{coupon['id']}").json == coupon
        assert caller.get("/v1/coupons").json == {"data": [coupon], "next_cursor": None}
    program.client.post("/v1/members", {"external_id": "m"})
    assert program.member("ext:m").get("/v1/coupons").status_code == 403
    assert count_of(program) == 1


def test_a_coupon_is_shown_as_it_was_given(operator: ApiClient) -> None:
    body = {
        "name": "Spring 春", "kind": "percent", "percent_bps": 1500, "min_spend": 5000, "max_discount": 2000,
        "total_quantity": 1000, "per_customer_limit": 2, "valid_from": "2026-03-01T00:00:00+08:00",
        "valid_to": "2026-04-01T00:00:00Z", "skus": ["TEA-500"], "categories": ["tea", "cups"], "stackable": True,
        "give_back": "cancel_only", "claim_valid_seconds": 86_400,
    }  # fmt: skip
    coupon = make_coupon(operator, body)
    assert set(coupon) == set(CouponShape().fields)
    expected = body | {"amount": None, "valid_from": "2026-02-28T16:00:00Z", "status": "active", "taken": 0}
    assert {name: coupon[name] for name in expected} == expected
    assert operator.get(f"/v1/coupons/{coupon['id']}").json == coupon


def test_what_is_optional(operator: ApiClient) -> None:
    coupon = make_coupon(operator)
    assert coupon["id"].startswith("cpn_")
    expected: dict[str, Any] = dict.fromkeys(
        (
            "percent_bps", "max_discount", "total_quantity", "per_customer_limit", "valid_from", "valid_to", "skus",
            "categories", "claim_valid_seconds", "taken",
        )
    )  # fmt: skip
    expected |= {
        "amount": 1000, "min_spend": 0, "stackable": False, "give_back": "cancel_or_full_refund", "status": "active",
    }  # fmt: skip
    assert {name: coupon[name] for name in expected} == expected
    nulls = dict.fromkeys(name for name, value in expected.items() if value is None and name != "taken") | {
        "min_spend": None
    }
    again = make_coupon(operator, AMOUNT, **nulls)
    assert {name: again[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("body", "changes", "expected"),
    [
        (AMOUNT, {"amount": None}, ["/amount"]),
        (AMOUNT, {"amount": 0}, ["/amount"]),
        (AMOUNT, {"amount": -1}, ["/amount"]),
        (AMOUNT, {"amount": 1.0}, ["/amount"]),
        (AMOUNT, {"amount": 10**15 + 1}, ["/amount"]),
        (AMOUNT, {"percent_bps": 100}, ["/percent_bps"]),
        (AMOUNT, {"max_discount": 100}, ["/max_discount"]),
        (AMOUNT, {"kind": "percent"}, ["/amount", "/percent_bps"]),
        (AMOUNT, {"kind": "free"}, ["/kind"]),
        (PERCENT, {"percent_bps": None}, ["/percent_bps"]),
        (PERCENT, {"percent_bps": 0}, ["/percent_bps"]),
        (PERCENT, {"percent_bps": 10_001}, ["/percent_bps"]),
        (PERCENT, {"amount": 1}, ["/amount"]),
        (PERCENT, {"max_discount": 0}, ["/max_discount"]),
        (AMOUNT, {"min_spend": -1}, ["/min_spend"]),
        (AMOUNT, {"total_quantity": 0}, ["/total_quantity"]),
        (AMOUNT, {"per_customer_limit": 0}, ["/per_customer_limit"]),
        (AMOUNT, {"claim_valid_seconds": 0}, ["/claim_valid_seconds"]),
        (AMOUNT, {"valid_from": "2026-03-01T00:00:00Z", "valid_to": "2026-03-01T00:00:00Z"}, ["/valid_to"]),
        (AMOUNT, {"valid_to": "2026-03-01T00:00:00"}, ["/valid_to"]),
        (AMOUNT, {"skus": []}, ["/skus"]),
        (AMOUNT, {"skus": ["a"] * 1001}, ["/skus"]),
        (AMOUNT, {"categories": [""]}, ["/categories/0"]),
        (AMOUNT, {"stackable": 1}, ["/stackable"]),
        (AMOUNT, {"give_back": "always"}, ["/give_back"]),
        (AMOUNT, {"name": ""}, ["/name"]),
        (AMOUNT, {"code": "X"}, ["/code"]),
        (AMOUNT, {"percent_bps": 5, "valid_from": "2026-03-02T00:00:00Z", "valid_to": "2026-03-01T00:00:00Z"},
         ["/percent_bps", "/valid_to"]),
    ],
)  # fmt: skip
def test_terms_that_make_no_coupon_are_refused_where_they_stand(
    program: TestProgram, operator: ApiClient, body: dict[str, Any], changes: dict[str, Any], expected: list[str]
) -> None:
    assert pointers(operator.post("/v1/coupons", body | changes)) == expected
    assert count_of(program) == 0


def test_the_edges_of_what_is_allowed(operator: ApiClient) -> None:
    make_coupon(operator, AMOUNT, amount=1, total_quantity=1, per_customer_limit=1, claim_valid_seconds=1)
    make_coupon(operator, AMOUNT, amount=10**15, total_quantity=10**9)
    make_coupon(operator, PERCENT, percent_bps=1, max_discount=1)
    make_coupon(operator, PERCENT, percent_bps=10_000, valid_to="2020-01-01T00:00:00Z")


def test_the_list_is_paged_newest_first_and_filtered_by_status(operator: ApiClient) -> None:
    coupons = [make_coupon(operator, AMOUNT, name=f"C{number}", total_quantity=number + 1) for number in range(3)]
    ended = operator.patch(f"/v1/coupons/{coupons[1]['id']}", {"status": "ended"}).json
    first = operator.get("/v1/coupons?limit=2").json
    assert first["data"] == [coupons[2], ended]  # type: ignore[index]
    second = operator.get(f"/v1/coupons?limit=2&cursor={first['next_cursor']}").json  # type: ignore[index]
    assert second == {"data": [coupons[0]], "next_cursor": None}
    assert operator.get("/v1/coupons?status=ended").json["data"] == [ended]  # type: ignore[index]
    assert operator.get("/v1/coupons?status=active").json["data"] == [coupons[2], coupons[0]]  # type: ignore[index]
    assert pointers(operator.get("/v1/coupons?status=gone")) == ["/status"]


def test_name_end_and_quantities_change(operator: ApiClient) -> None:
    coupon = make_coupon(operator, AMOUNT, total_quantity=10, per_customer_limit=1, valid_from="2026-01-01T00:00:00Z")
    changes = {
        "name": "Twelve off", "valid_to": "2027-01-01T00:00:00Z", "total_quantity": 5, "per_customer_limit": 3,
    }  # fmt: skip
    changed = operator.patch(f"/v1/coupons/{coupon['id']}", changes).json
    assert changed == coupon | changes | {"updated_at": changed["updated_at"]}  # type: ignore[index]
    assert changed["updated_at"] > coupon["updated_at"]  # type: ignore[index]
    assert operator.get(f"/v1/coupons/{coupon['id']}").json == changed
    assert operator.patch(f"/v1/coupons/{coupon['id']}", {}).json == changed
    assert operator.patch(f"/v1/coupons/{coupon['id']}", changes).json == changed, "the same again changes nothing"
    assert operator.patch(f"/v1/coupons/{coupon['id']}", {"valid_to": None}).json["valid_to"] is None  # type: ignore[index]


def test_an_ended_coupon_stays_ended(operator: ApiClient) -> None:
    coupon = make_coupon(operator)
    ended = operator.patch(f"/v1/coupons/{coupon['id']}", {"status": "ended"}).json
    assert ended["status"] == "ended"  # type: ignore[index]
    assert operator.patch(f"/v1/coupons/{coupon['id']}", {"status": "ended"}).json == ended
    assert pointers(operator.patch(f"/v1/coupons/{coupon['id']}", {"status": "active"})) == ["/status"]


@pytest.mark.parametrize(
    "name",
    [
        "kind", "amount", "percent_bps", "min_spend", "max_discount", "valid_from", "skus", "categories", "stackable",
        "give_back", "claim_valid_seconds",
    ],
)  # fmt: skip
def test_the_terms_of_money_never_change(operator: ApiClient, name: str) -> None:
    coupon = make_coupon(operator)
    answer = operator.patch(f"/v1/coupons/{coupon['id']}", {"name": "Other", name: coupon[name]})
    assert pointers(answer) == [f"/{name}"]
    assert "never change" in answer.json["errors"][0]["detail"]  # type: ignore[index]
    assert operator.get(f"/v1/coupons/{coupon['id']}").json == coupon


@pytest.mark.parametrize(
    ("given", "changes", "pointer"),
    [
        ({"valid_from": "2026-03-01T00:00:00Z"}, {"valid_to": "2026-03-01T00:00:00Z"}, "/valid_to"),
        ({"total_quantity": 5}, {"total_quantity": None}, "/total_quantity"),
        ({}, {"total_quantity": 5}, "/total_quantity"),
        ({"per_customer_limit": 5}, {"per_customer_limit": None}, "/per_customer_limit"),
        ({}, {"per_customer_limit": 5}, "/per_customer_limit"),
        ({}, {"id": "cpn_1"}, "/id"),
        ({}, {"name": None}, "/name"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    operator: ApiClient, given: dict[str, Any], changes: dict[str, Any], pointer: str
) -> None:
    coupon = make_coupon(operator, AMOUNT, **given)
    answer = operator.patch(
        f"/v1/coupons/{coupon['id']}", changes | ({"name": "Other"} if "name" not in changes else {})
    )
    assert pointers(answer) == [pointer]
    assert operator.get(f"/v1/coupons/{coupon['id']}").json == coupon


def test_what_operators_do_is_audited(program: TestProgram) -> None:
    operator, owner = program.staff("operator"), program.staff("owner")
    coupon = make_coupon(operator)
    operator.patch(f"/v1/coupons/{coupon['id']}", {"name": "Other"})
    actions = [event["action"] for event in owner.get("/v1/audit-events").json["data"]]  # type: ignore[index]
    assert len(actions) == 2


def test_a_quantity_that_shrinks_while_it_is_claimed_is_never_exceeded(app: Flask, program: TestProgram) -> None:
    operator = program.staff("operator")
    coupon = make_coupon(operator, AMOUNT, total_quantity=40)
    claims = [
        partial(program.client.post, f"/v1/coupons/{coupon['id']}/claims", {"customer_external_id": f"c{number}"})
        for number in range(14)
    ]
    changes = [partial(operator.patch, f"/v1/coupons/{coupon['id']}", {"total_quantity": total}) for total in (10, 30)]
    answers = together(app, *claims[:7], *changes, *claims[7:])
    claimed = sum(answer.status_code == 201 for answer in answers)
    assert {answer.status_code for answer in answers} <= {200, 201, 409, 422}
    after = operator.get(f"/v1/coupons/{coupon['id']}").json
    assert after["taken"] == claimed <= after["total_quantity"]  # type: ignore[index]
    found = assert_quantities(program, coupon)
    assert (found.claims, found.total) == (claimed, after["total_quantity"])  # type: ignore[index]


def test_two_who_change_a_quantity_at_once_do_so_one_after_the_other(app: Flask, program: TestProgram) -> None:
    operator = program.staff("operator")
    coupon = make_coupon(operator, AMOUNT, total_quantity=40)
    held = Event()

    def hold_the_stock() -> None:
        with transaction(program.id):
            execute("SELECT FROM coupon_stock WHERE program_id = %(p)s FOR UPDATE", p=program.id)
            held.set()
            sleep(0.7)  # both changes are under way by then and wait, one for the stock and one for the coupon

    def change(total: int) -> int:
        held.wait(10)
        return operator.patch(f"/v1/coupons/{coupon['id']}", {"total_quantity": total}).status_code

    assert together(app, hold_the_stock, partial(change, 10), partial(change, 30))[1:] == [200, 200]
    found = assert_quantities(program, coupon)
    assert found.left == found.total in {10, 30}
