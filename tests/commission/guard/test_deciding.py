"""Policies that hold or refuse: what they do to an order's money, and what a decision does then."""

from typing import Any

import pytest

from tests.clients import make_program
from tests.commission.guard.test_sweeping import join, signals, sweep
from tests.commission.orders.books import assert_sound
from tests.commission.orders.conftest import Shop, order_body, pointers
from tests.commission.orders.selling import coupon
from tests.threads import together


@pytest.fixture
def suspect(shop: Shop) -> Shop:
    """Customer c and his inviter b share a device."""
    join(shop, b"device-1", "b", "c")
    return shop


def decide(shop: Shop, action: str, role: str = "finance") -> Any:
    body = {"action": action, "reason": "looked into it"}
    return shop.program.staff(role).post("/v1/orders/ext:o1/guard-decision", body)


def test_a_held_order_earns_but_does_not_mature(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    order = suspect.order()
    assert {(one["held"], one["held_reason"]) for one in order["commissions"]} == {(True, "guard")}
    assert [(one["signal"], one["status"]) for one in signals(suspect)] == [("self_referral", "open")]
    suspect.complete()
    suspect.mature()
    assert suspect.available("b", "a") == [0, 0]
    assert suspect.pending("b", "a") == [110, 55]


def test_a_released_order_matures(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    suspect.order()
    suspect.complete()
    assert decide(suspect, "release").json["guard_status"] == "released"
    suspect.mature()
    assert suspect.available("b", "a") == [110, 55]
    (signal,) = signals(suspect)
    assert (signal["status"], signal["reason"]) == ("released", "looked into it")
    assert_sound(suspect.program.id)


def test_a_rejected_order_pays_nobody(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    suspect.order()
    assert decide(suspect, "reject").json["guard_status"] == "rejected"
    assert suspect.pending("b", "a") == [0, 0]
    assert suspect.shown()["attribution"]["source"] == "none"
    assert [one["status"] for one in signals(suspect)] == ["rejected"]
    assert_sound(suspect.program.id)


def test_a_held_order_binds_its_customer_to_nobody(shop: Shop) -> None:
    shop.settings(guard={"self_referral": "hold"}, binding={"mode": "permanent", "bind_on_order": True})
    for member in ("free", "seller", "other"):
        shop.member(member)
    join(shop, b"device-9", "free", "seller")
    coupon(shop, "HIS", "seller")
    for customer in ("free", "other"):
        shop.order(f"of-{customer}", customer, coupon_codes=["HIS"])
    inviters = [shop.client.get(f"/v1/members/ext:{customer}").json["inviter_id"] for customer in ("free", "other")]  # type: ignore[index]
    assert inviters == [None, shop.client.get("/v1/members/ext:seller").json["id"]]  # type: ignore[index]


def test_a_refused_member_is_passed_over(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "refuse"})
    order = suspect.order()
    assert (order["attribution"]["source"], order["commissions"]) == ("none", [])
    refused = suspect.explained()["evidence_refused"]
    assert [(one["source"], one["reason"]) for one in refused] == [("binding", "suspicious")]
    assert [(one["policy"], one["status"]) for one in signals(suspect)] == [("refuse", "noted")]


def test_the_next_evidence_is_heard_when_one_is_refused(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "refuse"})
    suspect.member("x")
    owner: Any = suspect.program.staff("owner")
    coupon = owner.post("/v1/coupons", {"name": "Tea", "kind": "amount", "amount": 100, "stackable": True}).json
    b_id = suspect.client.get("/v1/members/ext:b").json["id"]  # type: ignore[index]
    owner.post(f"/v1/coupons/{coupon['id']}/codes", {"code": "BCODE", "member_id": b_id})
    link: Any = suspect.client.post(
        "/v1/links", {"member_external_id": "x", "destination_url": "https://shop.example/tea"}
    ).json
    order = suspect.order(coupon_codes=["BCODE"], link_code=link["code"])
    assert order["attribution"]["source"] == "click"
    assert suspect.pending("b", "x") == [0, 100]
    assert {one["reason"] for one in suspect.explained()["evidence_refused"]} == {"suspicious"}


def test_a_batch_is_judged_as_one_order_is(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold", "velocity": "hold", "velocity_orders": 2})
    suspect.member("d", "b")
    results = suspect.batch([order_body(f"o{number}", "d") for number in range(3)] + [order_body("own", "c")])
    assert {one["status"] for one in results} == {"created"}
    assert sorted({one["signal"] for one in signals(suspect)}) == ["self_referral", "velocity"]
    assert suspect.shown("o0")["commissions"][0]["held_reason"] == "guard"


def test_an_order_paid_later_is_judged_then(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    suspect.order(paid_at=None)
    assert signals(suspect) == []
    assert suspect.pay()["commissions"][0]["held_reason"] == "guard"


def test_an_order_paid_later_is_flagged_too(suspect: Shop) -> None:
    suspect.order(paid_at=None)
    sweep(suspect)
    suspect.pay()
    sweep(suspect)
    assert [one["policy"] for one in signals(suspect)] == ["flag"]


def test_closing_a_case_does_not_release_what_the_guard_holds(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    suspect.order()
    suspect.after_sale(is_open=True)
    assert suspect.shown()["commissions"][0]["held_reason"] == "after_sale"
    suspect.after_sale(is_open=False)
    assert suspect.shown()["commissions"][0]["held_reason"] == "guard"
    suspect.after_sale(is_open=True)
    decide(suspect, "release")
    assert suspect.shown()["commissions"][0]["held_reason"] == "after_sale"
    suspect.after_sale(is_open=False)
    assert suspect.shown()["commissions"][0]["held"] is False


def test_a_repeat_of_a_held_order_adds_no_signal(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    suspect.order()
    suspect.post("/v1/orders", order_body())
    assert len(signals(suspect)) == 1


def test_who_may_decide_and_what(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    suspect.order()
    body = {"action": "release", "reason": "ok"}
    assert suspect.program.anonymous.post("/v1/orders/ext:o1/guard-decision", body).status_code == 401
    assert suspect.client.post("/v1/orders/ext:o1/guard-decision", body).status_code == 403
    assert decide(suspect, "release", "operator").status_code == 403
    stranger = make_program(suspect.program.app).staff("finance")
    assert stranger.post("/v1/orders/ext:o1/guard-decision", body).status_code == 404
    answer = suspect.program.staff("finance").post("/v1/orders/ext:o1/guard-decision", {"action": "burn"})
    assert (answer.status_code, sorted(pointers(answer))) == (422, ["/action", "/reason"])


@pytest.mark.parametrize("action", ["release", "reject"])
def test_a_held_order_that_was_canceled_can_still_be_decided(suspect: Shop, action: str) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    suspect.order()
    suspect.cancel()
    assert decide(suspect, action).status_code == 200
    assert [one["status"] for one in signals(suspect)] == [f"{action.rstrip('e')}ed"]
    assert suspect.pending("b", "a") == [0, 0]
    assert_sound(suspect.program.id)


def test_a_decision_is_made_once(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    suspect.order()
    answers = together(
        suspect.program.app,
        lambda: decide(suspect, "release").status_code,
        lambda: decide(suspect, "reject").status_code,
    )
    assert sorted(answers) == [200, 409]
    assert_sound(suspect.program.id)


def test_an_order_nobody_holds_needs_no_decision(shop: Shop) -> None:
    shop.order()
    answer = decide(shop, "release")
    assert (answer.status_code, answer.json["code"]) == (409, "nothing_to_decide")


def test_a_held_order_is_not_attributed_anew_before_the_decision(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    suspect.order()
    finance = suspect.program.staff("finance")
    body = {"member_id": None, "reason": "his second account"}
    answer: Any = finance.post("/v1/orders/ext:o1/attribution", body)
    assert (answer.status_code, answer.json["code"]) == (409, "order_held")
    decide(suspect, "release")
    assert finance.post("/v1/orders/ext:o1/attribution", body).status_code == 200


def test_the_decision_is_in_the_audit_log_with_its_order(suspect: Shop) -> None:
    suspect.settings(guard={"self_referral": "hold"})
    order = suspect.order()
    decide(suspect, "release")
    events: Any = suspect.program.staff("owner").get("/v1/audit-events").json
    assert order["id"] in {event["target"] for event in events["data"]}
