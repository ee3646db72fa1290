"""Coupons claimed by customers: whose the code is, when there is none, and what an expired one returns."""

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from core.clock import frozen_at, now
from core.db import transaction
from core.ids import parse_public_id
from coupons.vouchers.claims import claim_many
from coupons.vouchers.errors import LimitReached, SoldOut
from coupons.vouchers.queries import CodeRecord
from tests.clients import ApiClient, TestProgram
from tests.coupons.vouchers.offering import make_coupon
from tests.coupons.vouchers.quantities import assert_quantities
from tests.coupons.vouchers.sweeping import sweep
from tests.factories import seed_members

ANY_COUPON = "cpn_01kbt1wz00fcyry88y1p63pagn"


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


def claims(client: ApiClient, coupon: dict[str, Any], customer: str = "ann") -> TestResponse:
    return client.post(f"/v1/coupons/{coupon['id']}/claims", {"customer_external_id": customer})


def refusal(answer: TestResponse) -> tuple[int, str]:
    assert answer.json is not None
    return answer.status_code, answer.json["code"]


def test_anonymous_is_refused(program: TestProgram) -> None:
    assert program.anonymous.post(f"/v1/coupons/{ANY_COUPON}/claims", {}).status_code == 401


def test_another_programs_coupon_is_not_found(operator: ApiClient, other_program: TestProgram) -> None:
    assert claims(other_program.client, make_coupon(operator)).status_code == 404


@pytest.mark.parametrize("ref", [ANY_COUPON, "cpn_x", "ext:a", "mem_01kbt1wz00fcyry88y1p63pagn"])
def test_what_is_no_coupon_is_not_found(client: ApiClient, ref: str) -> None:
    assert client.post(f"/v1/coupons/{ref}/claims", {"customer_external_id": "ann"}).status_code == 404


@pytest.mark.parametrize("body", [{}, {"customer_external_id": ""}, {"customer_external_id": 7},
                                  {"customer_external_id": "a", "quantity": 2}])  # fmt: skip
def test_a_claim_that_names_nobody_is_refused(client: ApiClient, operator: ApiClient, body: dict[str, Any]) -> None:
    coupon = make_coupon(operator)
    assert client.post(f"/v1/coupons/{coupon['id']}/claims", body).status_code == 422


def test_a_claim_gives_a_code_of_the_customers_own(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=3)
    answer = claims(program.client, coupon)
    assert answer.status_code == 201
    assert answer.json == {"code": answer.json["code"], "coupon_id": coupon["id"], "expires_at": None}
    assert len(answer.json["code"]) >= 12
    held = program.member("ext:ann").get("/v1/me/coupons").json["data"]
    assert [(one["code"], one["status"], one["is_owner"]) for one in held] == [(answer.json["code"], "active", False)]
    assert assert_quantities(program, coupon)[1:] == (2, 1, 0)


def test_a_member_claims_for_himself(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, per_customer_limit=1)
    seed_members(program, 1)
    member = program.member("ext:m-0")
    assert member.post("/v1/me/coupon-claims", {"coupon_id": coupon["id"]}).status_code == 201
    assert refusal(member.post("/v1/me/coupon-claims", {"coupon_id": coupon["id"]})) == (409, "limit_reached")
    assert member.post("/v1/me/coupon-claims", {"coupon_id": ANY_COUPON}).status_code == 404
    assert program.client.post("/v1/me/coupon-claims", {"coupon_id": coupon["id"]}).status_code == 403


def test_what_i_hold_is_paged_and_nobody_elses(program: TestProgram, operator: ApiClient) -> None:
    seed_members(program, 1)
    coupon = make_coupon(operator, name="Shared")
    codes = [claims(program.client, coupon, "m-0").json["code"] for _ in range(3)]
    owned = operator.post(
        f"/v1/coupons/{coupon['id']}/codes",
        {"code": "MINE-1", "member_id": program.client.get("/v1/members/ext:m-0").json["id"]},
    )
    assert owned.status_code == 201
    claims(program.client, coupon, "somebody-else")
    member = program.member("ext:m-0")
    first = member.get("/v1/me/coupons?limit=2").json
    second = member.get(f"/v1/me/coupons?limit=2&cursor={first['next_cursor']}").json
    assert [one["code"] for one in first["data"] + second["data"]] == ["MINE-1", *reversed(codes)]
    assert [one["is_owner"] for one in first["data"]] == [True, False]
    assert second["next_cursor"] is None
    assert first["data"][0]["coupon"]["name"] == "Shared"


def test_the_last_one_gone_is_sold_out(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=2)
    assert [claims(program.client, coupon, name).status_code for name in "ab"] == [201, 201]
    assert refusal(claims(program.client, coupon, "c")) == (409, "sold_out")
    assert assert_quantities(program, coupon)[1:] == (0, 2, 0)


def test_a_customer_has_no_more_than_he_may(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, per_customer_limit=2, total_quantity=10)
    assert [claims(program.client, coupon).status_code for _ in range(2)] == [201, 201]
    assert refusal(claims(program.client, coupon)) == (409, "limit_reached")
    assert claims(program.client, coupon, "bob").status_code == 201
    assert assert_quantities(program, coupon)[1:] == (7, 3, 0)


def test_who_is_refused_is_not_counted(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, per_customer_limit=1, total_quantity=1)
    claims(program.client, coupon, "ann")
    assert refusal(claims(program.client, coupon, "bob")) == (409, "sold_out")
    operator.patch(f"/v1/coupons/{coupon['id']}", {"total_quantity": 2})
    assert claims(program.client, coupon, "bob").status_code == 201
    assert_quantities(program, coupon)


def test_a_coupon_is_claimed_while_it_is_valid(program: TestProgram, operator: ApiClient) -> None:
    start = now() + timedelta(days=1)
    coupon = make_coupon(operator, valid_from=start.isoformat(), valid_to=(start + timedelta(days=1)).isoformat())
    assert refusal(claims(program.client, coupon)) == (409, "not_yet_valid")
    with frozen_at(start):
        assert claims(program.client, coupon).status_code == 201
    with frozen_at(start + timedelta(days=1)):
        assert refusal(claims(program.client, coupon)) == (409, "expired")
    operator.patch(f"/v1/coupons/{coupon['id']}", {"status": "ended"})
    assert refusal(claims(program.client, coupon)) == (409, "ended")


@pytest.mark.parametrize(
    ("valid_for", "claim_lives", "expected"),
    [(None, None, None), (3600, None, 3600), (None, 60, 60), (3600, 60, 60), (60, 3600, 60)],
)
def test_a_claim_lives_as_long_as_the_coupon_and_its_own_time_allow(
    program: TestProgram, operator: ApiClient, valid_for: int | None, claim_lives: int | None, expected: int | None
) -> None:
    at = now().replace(microsecond=0)
    with frozen_at(at):
        valid_to = None if valid_for is None else (at + timedelta(seconds=valid_for)).isoformat()
        coupon = make_coupon(operator, valid_to=valid_to, claim_valid_seconds=claim_lives)
        given = claims(program.client, coupon).json["expires_at"]
    assert given == (expected and (at + timedelta(seconds=expected)).isoformat().replace("+00:00", "Z"))


def test_an_expired_claim_returns_to_the_quantity_with_the_sweep(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=5, per_customer_limit=1, claim_valid_seconds=60)
    claims(program.client, coupon)
    assert assert_quantities(program, coupon)[1:] == (4, 1, 0)
    with frozen_at(now() + timedelta(seconds=61)):
        sweep(program)
    assert assert_quantities(program, coupon)[1:] == (5, 0, 0)
    sweep(program)
    assert assert_quantities(program, coupon)[1:] == (5, 0, 0)


def test_an_expired_claim_is_no_hindrance_before_the_sweep(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1, per_customer_limit=1, claim_valid_seconds=60)
    first = claims(program.client, coupon).json["code"]
    assert refusal(claims(program.client, coupon)) == (409, "limit_reached")
    with frozen_at(now() + timedelta(seconds=61)):
        held = program.member("ext:ann").get("/v1/me/coupons").json["data"]
        assert [one["status"] for one in held] == ["expired"]
        second = claims(program.client, coupon)
        assert second.status_code == 201, second.text
        assert second.json["code"] != first
        assert refusal(claims(program.client, coupon, "bob")) == (409, "sold_out")
        assert_quantities(program, coupon)
    with frozen_at(now() + timedelta(seconds=122)):
        assert claims(program.client, coupon, "bob").status_code == 201
    assert assert_quantities(program, coupon)[1:] == (0, 1, 0)


def test_many_customers_are_served_in_their_order(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=100, per_customer_limit=1)
    members = seed_members(program, 120)
    coupon_id = parse_public_id("cpn", coupon["id"])
    assert coupon_id
    claims(program.client, coupon, "m-3")
    with transaction(program.id):
        outcomes = claim_many(program.id, coupon_id, members)
    assert isinstance(outcomes[members[3]], LimitReached)
    served = [member for member in members if isinstance(outcomes[member], CodeRecord)]
    assert served == [member for member in members[:100] if member != members[3]]
    assert all(isinstance(outcomes[member], SoldOut) for member in members[100:])
    assert assert_quantities(program, coupon)[1:] == (0, 100, 0)


def test_a_repeated_request_claims_once(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=5)
    path, headers = f"/v1/coupons/{coupon['id']}/claims", {"Idempotency-Key": "k1"}
    first, again = (program.client.post(path, {"customer_external_id": "a"}, headers=headers) for _ in range(2))
    assert first.json == again.json
    assert assert_quantities(program, coupon)[1:] == (4, 1, 0)


def test_the_quantity_may_grow_and_shrink_but_not_below_what_is_taken(
    program: TestProgram, operator: ApiClient
) -> None:
    coupon = make_coupon(operator, total_quantity=1)
    claims(program.client, coupon, "a")
    path = f"/v1/coupons/{coupon['id']}"
    for total in (200, 3, 90):
        assert operator.patch(path, {"total_quantity": total}).status_code == 200
        assert assert_quantities(program, coupon)[:3] == (total, total - 1, 1)
    claims(program.client, coupon, "b")
    answer = operator.patch(path, {"total_quantity": 1})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/total_quantity")
    assert operator.patch(path, {"total_quantity": None}).status_code == 422
    assert operator.patch(path, {"per_customer_limit": 1}).status_code == 422
    assert assert_quantities(program, coupon)[:3] == (90, 88, 2)
