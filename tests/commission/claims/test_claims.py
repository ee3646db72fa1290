"""Attribution claims: a member asks for an order, rules or staff answer, and an approved one moves the money."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from commission.claims.rules import Answer, ClaimedOrder, Verdict, verdict_on
from core.clock import frozen_at
from core.db import transaction
from core.ids import new_id
from core.jobs.outbox import publish_unless_waiting
from tests.clients import ApiClient, make_program
from tests.commission.orders.books import assert_sound
from tests.commission.orders.conftest import Shop, pointers
from tests.jobs import run_jobs
from tests.threads import together

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a day after the orders are paid


@pytest.fixture(autouse=True)
def clock() -> Any:
    with frozen_at(NOW):
        yield


@pytest.fixture
def x(shop: Shop) -> ApiClient:
    """A member apart from the tree a → b → c."""
    shop.member("x")
    return shop.program.member("ext:x")


def claim(client: ApiClient, order: str = "o1", **more: Any) -> TestResponse:
    return client.post("/v1/me/attribution-claims", {"order_external_id": order, "note": "I sent her the link"} | more)


def decide(client: ApiClient, claim_id: str, action: str = "approve") -> TestResponse:
    return client.post(f"/v1/attribution-claims/{claim_id}/decision", {"action": action, "reason": "the chat shows it"})


def test_anonymous_and_keys_are_refused(shop: Shop) -> None:
    assert claim(shop.program.anonymous).status_code == 401
    assert claim(shop.client).status_code == 403


def test_an_approved_claim_moves_the_order(shop: Shop, x: ApiClient) -> None:
    shop.order()
    made: Any = claim(x).json
    assert made["status"] == "open"
    answer = decide(shop.program.staff("finance"), made["id"])
    assert (answer.status_code, answer.json["status"]) == (200, "approved")  # type: ignore[index]
    assert shop.pending("x", "b", "a") == [110, 0, 0]
    assert made["id"] in shop.shown()["attribution"]["evidence"]["reason"]
    mine: Any = x.get("/v1/me/attribution-claims").json
    assert [(one["status"], one["reason"]) for one in mine["data"]] == [("approved", "the chat shows it")]
    assert_sound(shop.program.id)


def test_a_rejected_claim_moves_nothing(shop: Shop, x: ApiClient) -> None:
    shop.order()
    made: Any = claim(x).json
    assert decide(shop.program.staff("finance"), made["id"], "reject").json["status"] == "rejected"  # type: ignore[index]
    assert shop.pending("x", "b", "a") == [0, 110, 55]


def test_who_may_decide(shop: Shop, x: ApiClient) -> None:
    shop.order()
    made: Any = claim(x).json
    for client in (shop.client, shop.program.staff("operator"), shop.program.staff("viewer"), x):
        assert decide(client, made["id"]).status_code == 403
    assert decide(make_program(shop.program.app).staff("finance"), made["id"]).status_code == 404
    assert decide(shop.program.staff("owner"), "atc_nonsense").status_code == 404


def test_a_decided_claim_stays_decided(shop: Shop, x: ApiClient) -> None:
    shop.order()
    made: Any = claim(x).json
    staff = shop.program.staff("finance")
    decide(staff, made["id"], "reject")
    answer = decide(staff, made["id"])
    assert (answer.status_code, answer.json["code"]) == (409, "claim_decided")  # type: ignore[index]


def test_two_decisions_at_once_are_one(shop: Shop, x: ApiClient) -> None:
    shop.order()
    made: Any = claim(x).json
    staff = [shop.program.staff("finance") for _ in range(2)]
    answers = together(
        shop.program.app,
        lambda: decide(staff[0], made["id"], "approve"),
        lambda: decide(staff[1], made["id"], "reject"),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert_sound(shop.program.id)


def test_the_same_claim_twice_is_one(shop: Shop, x: ApiClient) -> None:
    shop.order()
    first, second = claim(x), claim(x, note="again")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json["id"] == second.json["id"]  # type: ignore[index]


def test_the_same_claim_at_once_is_one(shop: Shop, x: ApiClient) -> None:
    shop.order()
    answers = together(shop.program.app, *[lambda: claim(x)] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]


def test_rules_answer_what_they_can(shop: Shop) -> None:
    shop.order()
    assert claim(shop.program.member("ext:b")).json["reason"] == "already_yours"  # type: ignore[index]
    assert claim(shop.program.member("ext:c")).json["reason"] == "own_order"  # type: ignore[index]
    assert claim(shop.program.member("ext:a")).json["reason"] is None  # type: ignore[index]


def test_an_order_nobody_knows_is_waited_for_without_saying_so(shop: Shop, x: ApiClient) -> None:
    made: Any = claim(x, "later").json
    assert made["status"] == "open"
    staff = shop.program.staff("finance")
    assert [one["status"] for one in staff.get("/v1/attribution-claims?status=waiting").json["data"]] == ["waiting"]  # type: ignore[index]
    assert decide(staff, made["id"]).json["code"] == "claim_decided"  # type: ignore[index]
    shop.order("later")
    with transaction(shop.program.id):
        publish_unless_waiting(shop.program.id, "claims.match")
    run_jobs(shop.program.id)
    assert staff.get(f"/v1/attribution-claims/{made['id']}").json["status"] == "open"  # type: ignore[index]
    assert decide(staff, made["id"]).status_code == 200


def test_too_many_open_claims_are_refused(shop: Shop, x: ApiClient) -> None:
    for number in range(20):
        assert claim(x, f"o{number}").status_code == 201
    answer = claim(x, "one more")
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_claims")  # type: ignore[index]


def test_nobody_learns_of_many_orders_by_claiming_them(shop: Shop, x: ApiClient) -> None:
    for number in range(21):
        shop.order(f"o{number}")
        shop.cancel(f"o{number}")
    answers = [claim(x, f"o{number}") for number in range(21)]
    assert [answer.json.get("reason") for answer in answers[:20]] == ["order_canceled"] * 20  # type: ignore[union-attr]
    assert (answers[20].status_code, answers[20].json["code"]) == (409, "too_many_claims")  # type: ignore[index]
    with frozen_at(NOW + timedelta(days=1, minutes=1)):
        assert claim(shop.program.member("ext:x"), "o20").status_code == 201


def test_bad_input_is_refused_with_its_place(x: ApiClient) -> None:
    answer = x.post("/v1/me/attribution-claims", {"order_external_id": "", "note": 5, "more": 1})
    assert (answer.status_code, sorted(pointers(answer))) == (422, ["/more", "/note", "/order_external_id"])


def test_lists_are_filtered_and_paged(shop: Shop, x: ApiClient) -> None:
    for number in range(3):
        claim(x, f"o{number}")
    first: Any = shop.client.get("/v1/attribution-claims?limit=2").json
    second: Any = shop.client.get(f"/v1/attribution-claims?limit=2&cursor={first['next_cursor']}").json
    assert [one["order_external_id"] for one in first["data"] + second["data"]] == ["o2", "o1", "o0"]


CLAIMANT, OTHER = new_id(), new_id()


@pytest.mark.parametrize(
    ("order", "waited_days", "verdict"),
    [
        (None, 0, Verdict("waiting")),
        (None, 31, Verdict("rejected", Answer.ORDER_NOT_FOUND)),
        (ClaimedOrder("placed", None, OTHER, None), 1, Verdict("waiting")),
        (ClaimedOrder("canceled", None, OTHER, None), 1, Verdict("rejected", Answer.ORDER_CANCELED)),
        (ClaimedOrder("canceled", NOW, OTHER, OTHER), 1, Verdict("rejected", Answer.ORDER_CANCELED)),
        (ClaimedOrder("paid", NOW, OTHER, CLAIMANT), 1, Verdict("rejected", Answer.ALREADY_YOURS)),
        (ClaimedOrder("paid", NOW, CLAIMANT, None), 1, Verdict("rejected", Answer.OWN_ORDER)),
        (ClaimedOrder("paid", NOW - timedelta(days=91), OTHER, None), 0, Verdict("rejected", Answer.TOO_LATE)),
        (ClaimedOrder("paid", NOW - timedelta(days=90), OTHER, None), 0, Verdict("open")),
        (ClaimedOrder("completed", NOW, OTHER, OTHER), 1, Verdict("open")),
    ],
)
def test_what_rules_say(order: ClaimedOrder | None, waited_days: int, verdict: Verdict) -> None:
    at = NOW + timedelta(days=waited_days)
    assert verdict_on(order, CLAIMANT, NOW, at, self_purchase="off") == verdict


def test_own_orders_may_be_claimed_where_self_purchase_earns() -> None:
    own = ClaimedOrder("paid", NOW, CLAIMANT, None)
    assert verdict_on(own, CLAIMANT, NOW, NOW, self_purchase="level_1") == Verdict("open")
