"""Quotes over HTTP: the whole arithmetic of an order before there is one, and a reason for every code refused."""

from typing import Any

import pytest

from core.db import scalar, transaction
from coupons.vouchers.quote_schemas import CouponQuoteShape
from tests.clients import ApiClient, TestProgram
from tests.coupons.vouchers.offering import AMOUNT, PERCENT, make_code, make_coupon, pointers

ITEMS: list[dict[str, Any]] = [
    {"sku": "tea", "quantity": 3, "unit_price": 1000, "discount": 500, "category": "drinks"},  # 2500
    {"sku": "cup", "unit_price": 1500},
]


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


def quoted(program: TestProgram, codes: list[str], **body: Any) -> dict[str, Any]:
    answer = program.client.post("/v1/coupon-quotes", {"items": ITEMS, "codes": codes} | body)
    assert answer.status_code == 200, answer.text
    return answer.json  # type: ignore[return-value]


def reasons(found: dict[str, Any]) -> dict[str, str]:
    return {refused["code"]: refused["reason"] for refused in found["refused"]}


def test_keys_and_operators_quote_and_nobody_else(program: TestProgram, operator: ApiClient) -> None:
    body = {"items": ITEMS, "codes": []}
    assert program.anonymous.post("/v1/coupon-quotes", body).status_code == 401
    for caller in (program.staff("viewer"), program.staff("finance")):
        assert caller.post("/v1/coupon-quotes", body).status_code == 403
    assert operator.post("/v1/coupon-quotes", body).status_code == 200
    assert program.client.post("/v1/coupon-quotes", body).status_code == 200


def test_a_quote_says_what_is_taken_off_by_code_and_line(program: TestProgram, operator: ApiClient) -> None:
    tenth = make_coupon(operator, PERCENT, stackable=True, categories=["drinks"])
    off = make_coupon(operator, AMOUNT, stackable=True, amount=370)
    make_code(operator, tenth, code="TENTH")
    make_code(operator, off, code="OFF")
    found = quoted(program, ["tenth", "off", "no such"], discount=400)
    # 400 over 2500 and 1500: 250 and 150; a tenth of 2250: 225; 370 over 2025 and 1350: 222 and 148
    assert set(found) == set(CouponQuoteShape().fields)
    assert found == {
        "discount": 595,
        "per_code": [
            {"code": "TENTH", "coupon_id": tenth["id"], "amount": 225,
             "per_line": [{"line": 0, "sku": "tea", "unit_price": 1000, "amount": 225}]},
            {"code": "OFF", "coupon_id": off["id"], "amount": 370,
             "per_line": [{"line": 0, "sku": "tea", "unit_price": 1000, "amount": 222},
                          {"line": 1, "sku": "cup", "unit_price": 1500, "amount": 148}]},
        ],
        "per_line": [
            {"sku": "tea", "unit_price": 1000, "quantity": 3, "net_before": 2250, "discount": 447, "net": 1803},
            {"sku": "cup", "unit_price": 1500, "quantity": 1, "net_before": 1350, "discount": 148, "net": 1202},
        ],
        "refused": [{"code": "NO SUCH", "reason": "unknown_code"}],
    }  # fmt: skip


def test_every_reason_of_the_coupon_is_told(program: TestProgram, operator: ApiClient) -> None:
    coupons = {
        "EARLY": make_coupon(operator, AMOUNT, valid_from="2900-01-01T00:00:00Z"),
        "LATE": make_coupon(operator, AMOUNT, valid_to="2020-01-01T00:00:00Z"),
        "ENDED": make_coupon(operator),
        "DEAR": make_coupon(operator, AMOUNT, min_spend=4001),
        "SOCKS": make_coupon(operator, AMOUNT, skus=["socks"]),
        "GOOD": make_coupon(operator),
        "ALONE": make_coupon(operator),
    }
    for code, coupon in coupons.items():
        make_code(operator, coupon, code=code)
    operator.patch(f"/v1/coupons/{coupons['ENDED']['id']}", {"status": "ended"})
    found = quoted(program, [*coupons, "NOBODY", "good"])
    assert [one["code"] for one in found["per_code"]] == ["GOOD"]
    assert reasons(found) == {
        "EARLY": "not_yet_valid", "LATE": "expired", "ENDED": "ended", "DEAR": "min_spend_not_reached",
        "SOCKS": "no_matching_items", "ALONE": "not_stackable", "NOBODY": "unknown_code", "GOOD": "named_twice",
    }  # fmt: skip


def test_codes_of_one_coupon_are_counted_against_its_limits(program: TestProgram, operator: ApiClient) -> None:
    twice = make_coupon(operator, AMOUNT, stackable=True, amount=1, per_customer_limit=2)
    scarce = make_coupon(operator, AMOUNT, stackable=True, amount=1, total_quantity=1)
    for code in ("A", "B", "C"):
        make_code(operator, twice, code=f"TWICE-{code}")
        make_code(operator, scarce, code=f"SCARCE-{code}")
    codes = [f"{word}-{code}" for code in ("A", "B", "C") for word in ("TWICE", "SCARCE")]
    found = quoted(program, codes, customer_external_id="c")
    assert [one["code"] for one in found["per_code"]] == ["TWICE-A", "SCARCE-A", "TWICE-B"]
    assert reasons(found) == {"SCARCE-B": "sold_out", "TWICE-C": "limit_reached", "SCARCE-C": "sold_out"}


def test_a_quote_takes_and_keeps_nothing(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, AMOUNT, total_quantity=1)
    make_code(operator, coupon, code="LAST")
    first = quoted(program, ["LAST"], customer_external_id="nobody yet")
    assert first["discount"] == 1000
    assert quoted(program, ["LAST"], customer_external_id="nobody yet") == first
    assert operator.get(f"/v1/coupons/{coupon['id']}").json["taken"] == 0  # type: ignore[index]
    with transaction(program.id):
        assert scalar("SELECT count(*) FROM members WHERE program_id = %(p)s", p=program.id) == 0
        assert scalar("SELECT count(*) FROM coupon_redemptions WHERE program_id = %(p)s", p=program.id) == 0


def test_another_programs_code_is_unknown(
    program: TestProgram, operator: ApiClient, other_program: TestProgram
) -> None:
    make_code(operator, make_coupon(operator), code="OURS")
    assert reasons(quoted(other_program, ["OURS"])) == {"OURS": "unknown_code"}


def test_without_codes_a_quote_shows_the_lines(program: TestProgram) -> None:
    found = quoted(program, [], items=[{"sku": "a", "unit_price": 0}, {"sku": "a", "unit_price": 0}])
    assert (found["discount"], found["per_code"], found["refused"]) == (0, [], [])
    assert [line["net"] for line in found["per_line"]] == [0, 0]


def test_it_quotes_the_largest_order(program: TestProgram, operator: ApiClient) -> None:
    make_code(operator, make_coupon(operator, PERCENT, percent_bps=3333), code="THIRD")
    items = [{"sku": f"s{n}", "quantity": 1 + n % 9, "unit_price": 100 + n} for n in range(5000)]
    found = quoted(program, ["THIRD"], items=items)
    net = sum((1 + n % 9) * (100 + n) for n in range(5000))
    assert found["discount"] == net * 3333 // 10_000 == sum(line["discount"] for line in found["per_line"])


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"items": []}, "/items"),
        ({"items": [{"sku": "a", "unit_price": 1, "quantity": 0}]}, "/items/0/quantity"),
        ({"items": [{"sku": "a", "unit_price": -1}]}, "/items/0/unit_price"),
        ({"items": [{"sku": "a", "unit_price": 1, "discount": 2}]}, "/items/0/discount"),
        ({"items": [{"sku": "a", "unit_price": 10**15}, {"sku": "b", "unit_price": 1}]}, "/items"),
        ({"items": [{"sku": "a", "unit_price": 1}] * 5001}, "/items"),
        ({"discount": 4001}, "/discount"),
        ({"codes": ["X"] * 21}, "/codes"),
        ({"codes": [""]}, "/codes/0"),
        ({"codes": None}, "/codes"),
        ({"order_external_id": "x"}, "/order_external_id"),
    ],
)
def test_what_cannot_be_quoted_is_refused(program: TestProgram, changes: dict[str, Any], pointer: str) -> None:
    answer = program.client.post("/v1/coupon-quotes", {"items": ITEMS, "codes": []} | changes)
    assert pointers(answer) == [pointer]
