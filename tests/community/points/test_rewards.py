"""Rewards and redemptions: who may have what for how many points, and what a cancel gives back."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from core.clock import frozen_at
from core.db import transaction
from referral.members.errors import MoneyOpen
from referral.members.service import erase
from tests.clients import ApiClient, TestProgram
from tests.community.points.desk import an_award, assert_books, expire, give, lots_of, points_booked
from tests.coupons.vouchers.offering import make_coupon
from tests.factories import member_ref, seed_members, set_member

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
GIFT: dict[str, Any] = {"name": "A tin of tea", "kind": "gift", "cost": 40}


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


@pytest.fixture
def ada(program: TestProgram) -> UUID:
    (member,) = seed_members(program)
    give(program, an_award(member, 100, "start"))
    return member


def offer(operator: ApiClient, **changes: Any) -> dict[str, Any]:
    answer = operator.post("/v1/rewards", GIFT | changes)
    assert answer.status_code == 201, answer.text
    return answer.json  # type: ignore[return-value]


def redeem(client: ApiClient, reward: dict[str, Any], member: str = "ext:m-0") -> Any:
    return client.post(f"/v1/rewards/{reward['id']}/redemptions", {"member_id": member})


def refused(answer: Any) -> str:
    assert answer.status_code == 409, answer.text
    return str(answer.json["code"])


def test_a_gift_is_requested_shipped_and_fulfilled(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    reward = offer(operator, stock=3)
    assert (reward["stock"], reward["left"]) == (3, 3)
    made = redeem(program.client, reward)
    assert made.status_code == 201, made.text
    assert made.json["reward"] == {k: reward[k] for k in ("id", "name", "kind", "image_url")}
    assert (made.json["cost"], made.json["status"], made.json["code"]) == (40, "requested", None)
    assert points_booked(program, ada) == 60
    assert operator.get(f"/v1/rewards/{reward['id']}").json["left"] == 2
    path = f"/v1/reward-redemptions/{made.json['id']}"
    assert operator.post(f"{path}/ship", {"note": "parcel 7"}).json["status"] == "shipped"
    assert program.client.post(f"{path}/fulfill", {}).json["status"] == "fulfilled"
    again = program.client.post(f"{path}/fulfill", {})
    assert (again.status_code, again.json["note"]) == (200, "parcel 7")
    assert refused(operator.post(f"{path}/cancel", {})) == "wrong_state"
    assert refused(operator.post(f"{path}/ship", {})) == "wrong_state"
    assert points_booked(program, ada) == 60
    assert_books(program)


def test_a_coupon_is_claimed_with_the_points(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    coupon = make_coupon(operator, total_quantity=1)
    reward = offer(operator, kind="coupon", coupon_id=coupon["id"])
    made = redeem(program.client, reward)
    assert made.json["status"] == "fulfilled"
    (held,) = program.member("ext:m-0").get("/v1/me/coupons").json["data"]
    assert held["code"] == made.json["code"]
    assert refused(redeem(program.client, reward)) == "sold_out"
    assert points_booked(program, ada) == 60
    assert refused(operator.post(f"/v1/reward-redemptions/{made.json['id']}/cancel", {})) == "wrong_state"
    assert_books(program)


def test_what_is_refused_costs_nothing(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    none = offer(operator, stock=0)
    dear = offer(operator, cost=101)
    early = offer(operator, valid_from="2099-01-01T00:00:00Z")
    late = offer(operator, valid_to="2020-01-01T00:00:00Z")
    ended = offer(operator)
    operator.patch(f"/v1/rewards/{ended['id']}", {"status": "ended"})
    once = offer(operator, per_member_limit=1, cost=1)
    assert redeem(program.client, once).status_code == 201
    spoilt = offer(operator, kind="coupon", coupon_id=make_coupon(operator, valid_to="2020-01-01T00:00:00Z")["id"])
    expected = {
        none["id"]: "sold_out", dear["id"]: "not_enough_points", early["id"]: "not_yet_valid", late["id"]: "ended",
        ended["id"]: "ended", once["id"]: "limit_reached", spoilt["id"]: "expired",
    }  # fmt: skip
    assert {key: refused(redeem(program.client, {"id": key})) for key in expected} == expected
    assert points_booked(program, ada) == 99
    assert_books(program)


def test_a_member_takes_rewards_himself(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    reward = offer(operator, per_member_limit=2)
    offer(operator, valid_from="2099-01-01T00:00:00Z")
    me = program.member("ext:m-0")
    assert [one["id"] for one in me.get("/v1/me/rewards").json["data"]] == [reward["id"]]
    headers = {"Idempotency-Key": "k"}
    first, second = (me.post("/v1/me/reward-redemptions", {"reward_id": reward["id"]}, headers=headers) for _ in "ab")
    assert (first.status_code, second.json) == (201, first.json)
    assert points_booked(program, ada) == 60
    assert me.get("/v1/me/reward-redemptions").json["data"] == [first.json]


def test_a_suspended_or_erased_member_takes_nothing(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    reward = offer(operator, cost=1)
    set_member(program, ada, status="suspended")
    assert refused(redeem(program.client, reward)) == "member_suspended"
    set_member(program, ada, status="active")
    with transaction(program.id):
        erase(program.id, ada)
    assert refused(redeem(program.client, reward, member_ref(ada))) == "member_erased"
    assert redeem(program.client, reward, "ext:nobody").status_code == 404


def test_points_that_end_first_are_spent_first(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    give(
        program, an_award(ada, 30, "soon", expires_on=date(2026, 4, 1)),
        an_award(ada, 30, "sooner", expires_on=date(2026, 3, 20)),
    )  # fmt: skip
    with frozen_at(NOON):
        assert redeem(program.client, offer(operator)).status_code == 201
    assert lots_of(program, ada) == {"start": 100, "soon": 20, "sooner": 0}


def test_points_that_are_due_are_not_spent_though_the_job_is_late(
    program: TestProgram, operator: ApiClient, ada: UUID
) -> None:
    give(program, an_award(ada, 50, "due", expires_on=date(2026, 3, 9)))
    reward = offer(operator, cost=101)
    with frozen_at(NOON):
        assert refused(redeem(program.client, reward)) == "not_enough_points"
        assert redeem(program.client, offer(operator, cost=100)).status_code == 201
    assert points_booked(program, ada) == 0
    assert_books(program)


def test_a_cancel_gives_points_back_with_the_end_they_had(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    give(program, an_award(ada, 30, "soon", expires_on=date(2026, 3, 20)))
    reward = offer(operator, stock=1, per_member_limit=1)
    with frozen_at(NOON):
        made = redeem(program.client, reward).json
        for _ in range(2):  # the second changes nothing
            canceled = operator.post(f"/v1/reward-redemptions/{made['id']}/cancel", {"note": "broken"})
            assert (canceled.status_code, canceled.json["status"]) == (200, "canceled")
    assert lots_of(program, ada) == {"start": 100, "soon": 30}
    with frozen_at(datetime(2026, 3, 21, tzinfo=UTC)):
        made = redeem(program.client, reward)
        assert made.status_code == 201, made.text  # stock and limit are free again
    assert points_booked(program, ada) == 60
    assert_books(program)


def test_points_given_back_after_their_end_expire_again(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    give(program, an_award(ada, 60, "soon", expires_on=date(2026, 3, 20)))
    with frozen_at(NOON):
        made = redeem(program.client, offer(operator, cost=40)).json
    with frozen_at(datetime(2026, 3, 21, tzinfo=UTC)):
        expire(program)
        assert points_booked(program, ada) == 100
        operator.post(f"/v1/reward-redemptions/{made['id']}/cancel", {})
        expire(program)
        assert points_booked(program, ada) == 100
    assert_books(program)


def test_a_gift_that_is_open_keeps_a_member_from_being_erased(
    program: TestProgram, operator: ApiClient, ada: UUID
) -> None:
    made = redeem(program.client, offer(operator)).json
    with pytest.raises(MoneyOpen), transaction(program.id):
        erase(program.id, ada)
    operator.post(f"/v1/reward-redemptions/{made['id']}/fulfill", {"note": "handed to Ada"})
    with transaction(program.id):
        erase(program.id, ada)
    assert points_booked(program, ada) == 0
    assert program.client.get(f"/v1/reward-redemptions/{made['id']}").json["note"] is None
    assert_books(program)


def test_stock_is_moved_by_its_total(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    reward = offer(operator, stock=2, cost=1)
    path = f"/v1/rewards/{reward['id']}"
    for _ in range(2):
        assert redeem(program.client, reward).status_code == 201
    assert operator.patch(path, {"stock": 1}).status_code == 422
    assert operator.patch(path, {"stock": 3, "cost": 2}).json["left"] == 1
    assert redeem(program.client, reward).json["cost"] == 2
    assert refused(redeem(program.client, reward)) == "sold_out"
    endless = offer(operator)
    assert endless["left"] is None
    assert operator.patch(f"/v1/rewards/{endless['id']}", {"stock": 1}).status_code == 422


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"cost": 0}, "/cost"),
        ({"kind": "money"}, "/kind"),
        ({"kind": "coupon"}, "/coupon_id"),
        ({"coupon_id": "cpn_01kbt1wz00fcyry88y1p63pagn"}, "/coupon_id"),
        ({"kind": "coupon", "coupon_id": "cpn_01kbt1wz00fcyry88y1p63pagn"}, "/coupon_id"),
        ({"stock": -1}, "/stock"),
        ({"per_member_limit": 0}, "/per_member_limit"),
        ({"image_url": "javascript:alert(1)"}, "/image_url"),
        ({"valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-02-01T00:00:00Z"}, "/valid_to"),
    ],
)
def test_wrong_rewards_are_refused_with_a_pointer(operator: ApiClient, changes: dict[str, Any], pointer: str) -> None:
    answer = operator.post("/v1/rewards", GIFT | changes)
    assert answer.status_code == 422, answer.text
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]


def test_another_programs_rewards_are_not_found(
    program: TestProgram, other: TestProgram, operator: ApiClient, ada: UUID
) -> None:
    reward = offer(operator)
    made = redeem(program.client, reward).json
    seed_members(other)
    owner = other.staff("owner")
    assert owner.get(f"/v1/rewards/{reward['id']}").status_code == 404
    assert owner.patch(f"/v1/rewards/{reward['id']}", {"cost": 1}).status_code == 404
    assert redeem(other.client, reward).status_code == 404
    assert other.member("ext:m-0").post("/v1/me/reward-redemptions", {"reward_id": reward["id"]}).status_code == 404
    assert owner.get(f"/v1/reward-redemptions/{made['id']}").status_code == 404
    for step in ("ship", "fulfill", "cancel"):
        assert owner.post(f"/v1/reward-redemptions/{made['id']}/{step}", {}).status_code == 404
    assert owner.get("/v1/rewards").json["data"] == []
    assert (
        owner.post("/v1/rewards", GIFT | {"kind": "coupon", "coupon_id": make_coupon(operator)["id"]}).status_code
        == 422
    )


def test_lists_are_filtered_and_paged(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    first, second = offer(operator, cost=1), offer(operator, cost=2)
    page = operator.get("/v1/rewards?limit=1").json
    assert [one["id"] for one in page["data"]] == [second["id"]]
    rest = operator.get(f"/v1/rewards?limit=1&cursor={page['next_cursor']}").json
    assert ([one["id"] for one in rest["data"]], rest["next_cursor"]) == ([first["id"]], None)
    operator.patch(f"/v1/rewards/{first['id']}", {"status": "ended"})
    assert [one["id"] for one in operator.get("/v1/rewards?status=active").json["data"]] == [second["id"]]
    made = redeem(program.client, second).json
    shown = [
        operator.get(f"/v1/reward-redemptions?{query}").json["data"]
        for query in ("", "member_id=ext:m-0", f"reward_id={second['id']}", "status=requested", "status=shipped")
    ]
    assert shown == [[made], [made], [made], [made], []]
    assert operator.get("/v1/reward-redemptions?member_id=ext:nobody").status_code == 404


def test_who_may_offer_and_redeem(program: TestProgram, operator: ApiClient, ada: UUID) -> None:
    reward = offer(operator)
    for caller in (program.client, program.staff("finance"), program.member("ext:m-0")):
        assert caller.post("/v1/rewards", GIFT).status_code == 403
    for caller in (program.staff("viewer"), program.staff("finance"), program.member("ext:m-0")):
        assert redeem(caller, reward).status_code == 403
    assert points_booked(program, ada) == 100
