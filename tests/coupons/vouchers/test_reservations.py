"""Codes reserved for an order: kept, confirmed by it or by the shop, released, expired."""

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from core.clock import frozen_at, now
from tests.clients import ApiClient, TestProgram
from tests.coupons.vouchers.offering import make_code, make_coupon
from tests.coupons.vouchers.quantities import assert_quantities
from tests.coupons.vouchers.sweeping import sweep
from tests.coupons.vouchers.test_redemptions import claimed, refused_with, shared, unique
from tests.coupons.vouchers.using import cancel, place

ITEM = {"sku": "tea", "quantity": 2, "unit_price": 5000}


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


def reserving(client: ApiClient, codes: list[str], order: str = "o-1", **fields: Any) -> TestResponse:
    body = {"order_external_id": order, "customer_external_id": "ann", "items": [ITEM], "codes": codes} | fields
    return client.post("/v1/coupon-reservations", body)


def reserved(client: ApiClient, codes: list[str], order: str = "o-1", **fields: Any) -> dict[str, Any]:
    answer = reserving(client, codes, order, **fields)
    assert answer.status_code == 201, answer.text
    return answer.json  # type: ignore[return-value]


def ended(client: ApiClient, reservation: dict[str, Any], how: str) -> tuple[int, str]:
    answer = client.post(f"/v1/coupon-reservations/{reservation['id']}/{how}")
    assert answer.json is not None
    return answer.status_code, answer.json.get("status") if answer.status_code == 200 else answer.json["code"]


def shown(client: ApiClient, reservation: dict[str, Any]) -> str:
    return client.get(f"/v1/coupon-reservations/{reservation['id']}").json["status"]  # type: ignore[index, no-any-return]


@pytest.mark.parametrize("path", ["", "/rsv_x/confirm", "/rsv_x/release"])
def test_anonymous_is_refused(program: TestProgram, path: str) -> None:
    assert program.anonymous.post(f"/v1/coupon-reservations{path}", {}).status_code == 401


def test_another_programs_reservation_is_not_found(
    program: TestProgram, operator: ApiClient, other_program: TestProgram
) -> None:
    made = reserved(program.client, [shared(operator, make_coupon(operator))])
    path = f"/v1/coupon-reservations/{made['id']}"
    assert other_program.client.get(path).status_code == 404
    assert other_program.client.post(f"{path}/confirm").status_code == 404
    assert other_program.client.post(f"{path}/release").status_code == 404
    assert program.client.get("/v1/coupon-reservations/ext:o-1").status_code == 404


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [({"expires_in": 59}, "/expires_in"), ({"expires_in": 86_401}, "/expires_in"), ({"items": []}, "/items"),
     ({"order_external_id": ""}, "/order_external_id"), ({"discount": 10_001}, "/discount"), ({"x": 1}, "/x"),
     ({"codes": ["A"] * 21}, "/codes")],
)  # fmt: skip
def test_a_bad_body_is_refused(client: ApiClient, fields: dict[str, Any], pointer: str) -> None:
    answer = reserving(client, **{"codes": ["A-CODE"]} | fields)
    assert answer.status_code == 422
    assert pointer in [fault["pointer"] for fault in answer.json["errors"]]  # type: ignore[index]


def test_a_reservation_takes_and_quotes(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=3, per_customer_limit=1, amount=1000)
    at = now().replace(microsecond=0)
    with frozen_at(at):
        made = reserved(program.client, [shared(operator, coupon)])
    assert (made["status"], made["discount"]) == ("reserved", 1000)
    assert made["expires_at"] == (at + timedelta(seconds=900)).isoformat().replace("+00:00", "Z")
    assert made["per_line"][0]["net"] == 9000
    assert program.client.get(f"/v1/coupon-reservations/{made['id']}").json == made
    assert assert_quantities(program, coupon)[1:] == (2, 0, 1)


def test_the_same_again_is_the_same_and_other_content_is_refused(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=3)
    code = shared(operator, coupon)
    made = reserved(program.client, [code])
    again = reserving(program.client, [code])
    assert (again.status_code, again.json) == (200, made)
    other = reserving(program.client, [code], discount=1)
    assert (other.status_code, other.json["code"]) == (409, "already_exists")  # type: ignore[index]
    assert assert_quantities(program, coupon)[1:] == (2, 0, 1)


def test_a_code_that_cannot_be_used_keeps_nothing(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=3, stackable=True)
    code = shared(operator, coupon)
    answer = reserving(program.client, [code, "no-such-code"], customer_external_id="nobody-yet")
    assert (answer.status_code, answer.json["code"]) == (422, "coupon_refused")  # type: ignore[index]
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/codes/1"]  # type: ignore[index]
    assert answer.json["refused"] == [{"code": "NO-SUCH-CODE", "reason": "unknown_code"}]  # type: ignore[index]
    assert assert_quantities(program, coupon)[1:] == (3, 0, 0)
    assert program.client.get("/v1/members/ext:nobody-yet").status_code == 404


def test_reserved_counts_as_taken_for_others(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=2)
    code, (single,) = shared(operator, coupon), unique(operator, coupon)
    reserved(program.client, [single])
    reserved(program.client, [code], "o-2")
    assert refused_with(program, "o-3", [single], "bob") == "reserved_elsewhere"
    assert refused_with(program, "o-3", [code], "bob") == "sold_out"
    assert reserving(program.client, [single], "o-4").json["refused"][0]["reason"] == "reserved_elsewhere"  # type: ignore[index]


def test_the_order_confirms_what_it_names_and_the_rest_is_released(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=3, per_customer_limit=3, stackable=True)
    codes = [shared(operator, coupon), *unique(operator, coupon), claimed(program, coupon)]
    made = reserved(program.client, codes)
    assert assert_quantities(program, coupon)[1:] == (0, 1, 2)
    order = place(program, "o-1", codes[1:])
    assert shown(program.client, made) == "confirmed"
    assert assert_quantities(program, coupon)[1:] == (1, 1, 1)
    cancel(program, order)
    assert assert_quantities(program, coupon)[1:] == (2, 1, 0)


def test_an_order_that_has_redeemed_a_code_cannot_reserve_it_again(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=5, per_customer_limit=2)
    code = shared(operator, coupon)
    order_id = place(program, "o-1", [code])
    answer = reserving(program.client, [code])
    assert answer.status_code == 422
    assert answer.json["refused"] == [{"code": code, "reason": "already_used"}]  # type: ignore[index]
    assert assert_quantities(program, coupon).redemptions == 1
    cancel(program, order_id)
    reserved(program.client, [code])  # given back: it may start anew


def test_the_shop_confirms_an_order_that_it_sends_later(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1)
    codes = unique(operator, coupon)
    made = reserved(program.client, codes)
    assert ended(program.client, made, "confirm") == (200, "confirmed")
    assert ended(program.client, made, "confirm") == (200, "confirmed")
    assert ended(program.client, made, "release") == (409, "wrong_state")
    with frozen_at(now() + timedelta(days=2)):
        sweep(program)
        assert refused_with(program, "o-2", codes) == "already_used"
        place(program, "o-1", codes)
    assert assert_quantities(program, coupon)[1:] == (0, 0, 1)


def test_released_codes_are_free(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=2, per_customer_limit=2, stackable=True)
    codes = [*unique(operator, coupon), claimed(program, coupon)]
    made = reserved(program.client, codes)
    assert ended(program.client, made, "release") == (200, "released")
    assert ended(program.client, made, "release") == (200, "released")
    assert ended(program.client, made, "confirm") == (409, "wrong_state")
    assert assert_quantities(program, coupon)[1:] == (1, 1, 0)
    again = reserved(program.client, codes)
    assert again["id"] != made["id"]
    assert assert_quantities(program, coupon)[1:] == (0, 1, 1)


@pytest.mark.parametrize("swept", [False, True])
def test_an_expired_reservation_returns_what_it_had(program: TestProgram, operator: ApiClient, swept: bool) -> None:
    coupon = make_coupon(operator, total_quantity=2, per_customer_limit=2, stackable=True)
    codes = [*unique(operator, coupon), claimed(program, coupon)]
    made = reserved(program.client, codes, expires_in=60)
    with frozen_at(now() + timedelta(seconds=61)):
        if swept:
            sweep(program)
            assert assert_quantities(program, coupon)[1:] == (1, 1, 0)
        assert shown(program.client, made) == "expired"
        assert ended(program.client, made, "confirm") == (409, "wrong_state")
        assert ended(program.client, made, "release") == (409, "wrong_state")
        place(program, "o-2", codes)
    assert assert_quantities(program, coupon)[1:] == (0, 1, 1)


def test_an_order_may_reserve_again_after_its_reservation_expired(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1, per_customer_limit=1)
    code = shared(operator, coupon)
    first = reserved(program.client, [code], expires_in=60)
    with frozen_at(now() + timedelta(seconds=61)):
        second = reserved(program.client, [code], expires_in=60)
        assert (shown(program.client, first), shown(program.client, second)) == ("expired", "reserved")
    assert assert_quantities(program, coupon)[1:] == (0, 0, 1)


def test_the_order_uses_codes_of_its_own_expired_reservation(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1, per_customer_limit=1)
    codes = unique(operator, coupon)
    made = reserved(program.client, codes, expires_in=60)
    with frozen_at(now() + timedelta(seconds=61)):
        place(program, "o-1", codes)
        assert shown(program.client, made) == "expired"
    assert assert_quantities(program, coupon)[1:] == (0, 0, 1)


def test_a_reservation_outlives_the_end_of_its_coupon(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1)
    code = shared(operator, coupon)
    reserved(program.client, [code])
    operator.patch(f"/v1/coupons/{coupon['id']}", {"status": "ended"})
    assert refused_with(program, "o-2", [code]) == "ended"
    place(program, "o-1", [code])


def test_a_reserved_code_of_a_recorded_order_is_confirmed(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1)
    code = shared(operator, coupon)
    reserved(program.client, [code])
    place(program, "o-1", [], recorded=[(code, 77)])
    assert assert_quantities(program, coupon)[1:] == (0, 0, 1)


def test_made_codes_are_as_good(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator)
    code = make_code(operator, coupon)["code"]
    assert reserved(program.client, [code.lower()])["per_code"][0]["code"] == code
