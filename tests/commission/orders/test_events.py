"""What orders tell the event log: exactly these facts, once, and nothing that did not happen."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from commission.orders import sales
from core.db import Collision
from core.ids import public_id
from tests.commission.orders.conftest import COMPLETED_AT, PAID_AT, REFUNDED_AT, Shop, order_body
from tests.referral.statements import counted_statements
from tests.telling import facts_of, forget, kinds_of, plain_id, told
from tests.threads import together

PAID = datetime.fromisoformat(PAID_AT)


def ids(shop: Shop, *names: str) -> list[str]:
    """The plain ids of members."""
    return [plain_id(shop.client.get(f"/v1/members/ext:{name}").json["id"]) for name in names]  # type: ignore[index]


def commissions(order: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "commission_id": plain_id(one["id"]), "member_id": plain_id(one["member_id"]), "level": one["level"],
            "amount": one["amount"],
        }
        for one in order["commissions"]
    ]  # fmt: skip


def test_a_sale_tells_that_it_is_paid_and_what_it_owes(shop: Shop) -> None:
    a, b, c = ids(shop, "a", "b", "c")
    forget(shop.program)
    order = shop.order("o1", channel="app", group_id="wecom-17", content_id="v1", session_id="s1")
    order_id = plain_id(order["id"])
    assert [(event.kind, event.happened_at) for event in told(shop.program)] == [
        ("order.attributed", PAID), ("commission.accrued", PAID),
    ]  # fmt: skip
    paid, accrued = facts_of(shop.program)
    assert paid == {
        "order_id": order_id, "customer_id": c, "member_id": b, "total": 1100, "commission_base": 1100,
        "currency": "GBP", "group_id": "wecom-17", "channel": "app", "content_id": "v1", "session_id": "s1",
        "link_id": None, "coupon_ids": [], "is_first": True, "inviter_id": b,
    }  # fmt: skip
    assert accrued == {"order_id": order_id, "group_id": "wecom-17", "commissions": commissions(order)}
    assert [(one["member_id"], one["level"], one["amount"]) for one in accrued["commissions"]] == [
        (b, 1, 110), (a, 2, 55),
    ]  # fmt: skip


def test_an_order_that_is_repeated_refused_or_only_placed_tells_nothing(shop: Shop) -> None:
    shop.order("o1")
    forget(shop.program)
    shop.post("/v1/orders", order_body("o1"), 200)
    shop.batch([order_body("o1"), order_body("bad", currency="EUR"), {}])
    assert kinds_of(shop.program) == []
    shop.order("o2", paid_at=None)
    assert kinds_of(shop.program) == []


def test_of_a_guest_whom_nobody_sent_only_the_payment_is_told(shop: Shop) -> None:
    forget(shop.program)
    shop.order("o1", None)
    (paid,) = facts_of(shop.program)
    assert (paid["customer_id"], paid["member_id"], paid["inviter_id"], paid["is_first"]) == (None, None, None, False)


def test_paying_a_placed_order_tells_the_same_once(shop: Shop) -> None:
    shop.order("o1", paid_at=None, group_id="g")
    forget(shop.program)
    shop.pay("o1")
    shop.pay("o1")
    assert kinds_of(shop.program) == ["order.attributed", "commission.accrued"]
    assert facts_of(shop.program, "order.attributed")[0]["group_id"] == "g"
    assert facts_of(shop.program, "order.attributed")[0]["is_first"] is True


def test_the_first_order_of_a_customer_is_the_one_paid_earliest_of_a_batch(shop: Shop) -> None:
    shop.batch(
        [
            order_body("o1", "n", paid_at="2026-03-02T10:00:00Z"),
            order_body("o2", "n", paid_at="2026-03-01T10:00:00Z"),
            order_body("o3", "m", paid_at="2026-03-02T10:00:00Z"),
        ]
    )
    shop.order("o4", "m", paid_at="2026-02-01T10:00:00Z")
    first = {plain_id(shop.shown(name)["id"]): name for name in ("o1", "o2", "o3", "o4")}
    paid = facts_of(shop.program, "order.attributed")
    assert {first[one["order_id"]] for one in paid if one["is_first"]} == {"o2", "o3"}
    assert len(paid) == 4


def test_of_a_customers_orders_at_once_one_is_the_first(app: Flask, shop: Shop) -> None:
    for customer in range(5):
        shop.member(f"n{customer}", "b")
    forget(shop.program)
    jobs = [partial(shop.order, f"o{n}-{thread}", f"n{n}") for n in range(5) for thread in range(4)]
    together(app, *jobs)
    paid = facts_of(shop.program, "order.attributed")
    assert len(paid) == 20
    assert len({one["customer_id"] for one in paid if one["is_first"]}) == 5
    assert sum(one["is_first"] for one in paid) == 5


def test_a_call_that_is_run_again_tells_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    forget(shop.program)
    bind, calls = sales._bind, []

    def bind_late(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 1:
            raise Collision("somebody was quicker")
        bind(*args)

    monkeypatch.setattr(sales, "_bind", bind_late)
    shop.order("o1", "new")
    assert len(calls) == 2
    assert kinds_of(shop.program) == ["member.created", "order.attributed"]


def test_coupons_are_told_by_their_ids(shop: Shop) -> None:
    operator = shop.program.staff("operator")
    coupon = operator.post("/v1/coupons", {"name": "Ten off", "kind": "amount", "amount": 10}).json
    operator.post(f"/v1/coupons/{coupon['id']}/codes", {"code": "TEN"})  # type: ignore[index]
    told_by_shop = [{"code": "TEN", "amount": 10}, {"code": "X", "amount": 1}]
    shop.order("o1", coupon_codes=["TEN"])
    shop.order("o2", coupon_policy="record", coupon_discounts=told_by_shop)
    paid = facts_of(shop.program, "order.attributed")
    assert [one["coupon_ids"] for one in paid] == [[plain_id(coupon["id"])]] * 2  # type: ignore[index]


def test_completions_are_told_once(shop: Shop) -> None:
    one, two = shop.order("o1"), shop.order("o2")
    b, c = ids(shop, "b", "c")
    forget(shop.program)
    orders = [{"external_id": name, "completed_at": COMPLETED_AT} for name in ("o1", "o2", "o1", "none")]
    shop.post("/v1/orders/complete-batch", {"orders": orders})
    shop.post("/v1/orders/complete-batch", {"orders": orders})
    shop.complete("o1")
    events = told(shop.program)
    assert {event.kind for event in events} == {"order.completed"}
    assert {event.happened_at for event in events} == {datetime.fromisoformat(COMPLETED_AT)}
    assert sorted(event.facts["order_id"] for event in events) == sorted([plain_id(one["id"]), plain_id(two["id"])])
    assert all(event.facts | {"customer_id": c, "member_id": b} == event.facts for event in events)


def test_refunds_tell_what_was_taken_back_each_for_itself(shop: Shop) -> None:
    order = shop.order("o1", group_id="g")
    a, b, c = ids(shop, "a", "b", "c")
    forget(shop.program)
    refunds = [
        {"external_id": "r1", "order_external_id": "o1", "items": [{"sku": "x", "quantity": 1}]},
        {"external_id": "r2", "order_external_id": "o1", "amount": 100},
        {"external_id": "r2", "order_external_id": "o1", "amount": 100},
        {"external_id": "r3", "order_external_id": "none", "amount": 1},
        {"external_id": "r4", "order_external_id": "o1", "amount": 100_000},
    ]
    results = shop.refunds(refunds)
    shop.refunds(refunds[:2])
    shop.refund("o1", "r1", 200, items=[{"sku": "x", "quantity": 1}])
    assert kinds_of(shop.program) == ["order.refunded", "commission.reversed"] * 2
    refunded = facts_of(shop.program, "order.refunded")
    same = {
        "order_id": plain_id(order["id"]), "customer_id": c, "member_id": b, "total": 1100, "group_id": "g",
        "paid_at": "2026-03-01T10:00:00+00:00",
    }  # fmt: skip
    assert refunded == [
        same | {"refund_id": plain_id(results[0]["id"]), "amount": 333, "refunded_total": 333},
        same | {"refund_id": plain_id(results[1]["id"]), "amount": 100, "refunded_total": 433},
    ]
    assert {event.happened_at for event in told(shop.program)} == {datetime.fromisoformat(REFUNDED_AT)}
    shown = commissions(order)
    for event in facts_of(shop.program, "commission.reversed"):
        assert (event["order_id"], event["cause"]) == (plain_id(order["id"]), "refund")
        assert [one["commission_id"] for one in event["commissions"]] == [one["commission_id"] for one in shown]
        assert [one["member_id"] for one in event["commissions"]] == [b, a]
        assert [one["was_available"] for one in event["commissions"]] == [False, False]
    taken = [one["amount"] for event in facts_of(shop.program, "commission.reversed") for one in event["commissions"]]
    reversed_ = [one["reversed"] for one in shop.shown()["commissions"]]
    assert [taken[0] + taken[2], taken[1] + taken[3]] == reversed_


def test_a_reversal_says_what_the_members_could_dispose_of_already(shop: Shop) -> None:
    shop.order("o1")
    shop.complete("o1")
    shop.mature()
    shop.refund("o1", "r1", amount=1100)
    (taken,) = facts_of(shop.program, "commission.reversed")
    assert [(one["amount"], one["was_available"]) for one in taken["commissions"]] == [(110, True), (55, True)]


def test_a_cancel_tells_what_was_left_first(shop: Shop) -> None:
    order = shop.order("o1", group_id="g")
    b, c = ids(shop, "b", "c")
    shop.refund("o1", "r1", amount=100)
    forget(shop.program)
    shop.cancel("o1")
    shop.cancel("o1")
    assert kinds_of(shop.program) == ["order.refunded", "commission.reversed", "order.canceled"]
    assert facts_of(shop.program, "order.refunded")[0]["amount"] == 1000
    assert facts_of(shop.program, "order.refunded")[0]["refunded_total"] == 1100
    assert facts_of(shop.program, "order.canceled") == [
        {"order_id": plain_id(order["id"]), "customer_id": c, "member_id": b, "was_paid": True, "group_id": "g"}
    ]


def test_a_cancel_of_what_was_never_paid_or_is_all_back_takes_nothing(shop: Shop) -> None:
    shop.order("o1", paid_at=None)
    shop.order("o2")
    shop.refund("o2", "r1", amount=1100)
    forget(shop.program)
    shop.cancel("o1")
    shop.cancel("o2")
    assert kinds_of(shop.program) == ["order.canceled", "order.canceled"]
    assert [one["was_paid"] for one in facts_of(shop.program)] == [False, True]


def test_a_new_attribution_tells_both_sides(shop: Shop) -> None:
    order = shop.order("o1")
    a, b, z = *ids(shop, "a", "b"), plain_id(shop.member("z")["id"])
    shop.refund("o1", "r1", amount=100)
    finance = shop.program.staff("finance")
    forget(shop.program)
    path, body = f"/v1/orders/{order['id']}/attribution", {"member_id": public_id("mem", UUID(z)), "reason": "his"}
    assert finance.post(path, body).status_code == 200
    assert finance.post(path, body).status_code == 200
    assert kinds_of(shop.program) == ["order.reattributed", "commission.accrued", "commission.reversed"]
    moved, accrued, taken = facts_of(shop.program)
    assert moved == {
        "order_id": plain_id(order["id"]), "member_before_id": b, "member_id": z, "total": 1100, "refunded": 100,
        "paid_at": "2026-03-01T10:00:00+00:00",
    }  # fmt: skip
    assert [(one["member_id"], one["amount"]) for one in accrued["commissions"]] == [(z, 110)]
    assert taken["cause"] == "reattribution"
    kept = {one["commission_id"]: one["amount"] for one in accrued["commissions"]}
    for one in shop.shown()["commissions"]:
        before = kept.pop(plain_id(one["id"]), None)
        assert before is None or before == one["amount"]
    assert [one["member_id"] for one in taken["commissions"]] == [b, a, z]


def test_what_holds_commissions_is_told_when_it_begins(shop: Shop) -> None:
    order = shop.order("o1")
    shop.order("o2", None)
    forget(shop.program)
    shop.after_sale("o1", is_open=True)
    shop.after_sale("o1", is_open=True)
    shop.after_sale("o1", is_open=False)
    shop.after_sale("o2", is_open=True)  # nobody earns by it
    assert facts_of(shop.program) == [{"order_id": plain_id(order["id"]), "reason": "after_sale"}]
    assert kinds_of(shop.program) == ["commission.held"]


def test_a_held_sale_tells_that_it_is_held(shop: Shop) -> None:
    shop.settings(guard={"velocity": "hold", "velocity_orders": 1})
    shop.order("o1")
    shop.order("o2")
    assert kinds_of(shop.program)[-3:] == ["order.attributed", "commission.accrued", "commission.held"]


def test_maturation_tells_what_each_member_got(shop: Shop) -> None:
    shop.batch([order_body("o1"), order_body("o2")])
    orders = [{"external_id": name, "completed_at": COMPLETED_AT} for name in ("o1", "o2")]
    shop.post("/v1/orders/complete-batch", {"orders": orders})
    a, b = ids(shop, "a", "b")
    forget(shop.program)
    shop.mature()
    shop.mature()
    (matured,) = facts_of(shop.program)
    assert kinds_of(shop.program) == ["commission.matured"]
    assert sorted(matured["members"], key=lambda one: str(one["amount"])) == [
        {"member_id": a, "amount": 110, "count": 2}, {"member_id": b, "amount": 220, "count": 2},
    ]  # fmt: skip
    assert set(matured) == {"maturation_id", "members"}


def test_a_batch_tells_all_in_one_statement(shop: Shop) -> None:
    with counted_statements() as statements:
        shop.batch([order_body(f"o{number}") for number in range(50)])
    assert len([one for one in statements if "INTO events" in str(one)]) == 1
    assert len(kinds_of(shop.program)) >= 100
