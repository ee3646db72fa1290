"""What an order looks at when it is accepted as paid, and that nothing later changes it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from core.clock import frozen_at, now
from tests.commission.orders.conftest import PAID_AT, Shop, earned

RULE_1_PERCENT = {"match": {"grade": "gold"}, "levels": [{"rate_bps": 100}]}


def test_the_plan_is_the_latest_in_effect_when_the_order_was_paid(shop: Shop) -> None:
    shop.plan(2000, effective_from="2026-03-01T00:00:00Z")
    shop.plan(3000, effective_from="2026-04-01T00:00:00Z")
    paid = {
        "2026-02-28T23:59:59.999999Z": [(1, 110, 0), (2, 55, 0)],
        "2026-03-01T00:00:00Z": [(1, 220, 0)],
        "2026-03-31T23:59:59.999999Z": [(1, 220, 0)],
        "2026-04-01T00:00:00Z": [(1, 330, 0)],
        "1999-12-31T23:59:59Z": [],
    }
    for number, (paid_at, expected) in enumerate(paid.items()):
        assert earned(shop.order(f"o{number}", paid_at=paid_at)) == expected, paid_at


def test_of_plans_with_the_same_start_the_later_made_applies(shop: Shop) -> None:
    shop.plan(2000)
    shop.plan(100)
    assert earned(shop.order()) == [(1, 11, 0)]


def test_later_plans_never_change_earlier_orders(shop: Shop) -> None:
    before = shop.order()
    plan_id = shop.explained()["plan"]["id"]
    shop.plan(2000, 1000)
    assert shop.shown() == before
    assert shop.explained()["plan"]["id"] == plan_id
    assert shop.owner.post(f"/v1/plans/{plan_id}/retire").status_code == 200
    shop.refund("o1", "r1", items=[{"sku": "y", "quantity": 1}])
    assert earned(shop.shown()) == [(1, 110, 10), (2, 55, 5)]
    assert earned(shop.order("o2")) == [(1, 220, 0), (2, 110, 0)]


def test_no_plan_pays_nobody_but_the_order_knows_whose_it_is(shop: Shop) -> None:
    order = shop.order(paid_at="1990-01-01T00:00:00Z")
    assert (order["commissions"], order["attribution"]["source"]) == ([], "binding")
    assert shop.explained()["plan"] is None


def test_levels_beyond_max_levels_are_not_paid(shop: Shop) -> None:
    shop.member("d", "c")
    assert earned(shop.order("o1", "d")) == [(1, 110, 0), (2, 55, 0), (3, 22, 0)]
    shop.settings(max_levels=2)
    assert earned(shop.order("o2", "d")) == [(1, 110, 0), (2, 55, 0)]


def test_tree_and_settings_are_those_of_the_moment(shop: Shop) -> None:
    before = shop.order("o1", paid_at=None)
    shop.settings(payout_cap_bps=500)
    shop.client.patch("/v1/members/ext:b", {"grade": "gold"})
    shop.plan(1000, 500, 200, rules=[RULE_1_PERCENT])
    moved = shop.owner.put("/v1/members/ext:c/inviter", {"inviter_id": None, "reason": "a test"})
    assert moved.status_code == 200, moved.text
    assert earned(before) == []
    assert shop.pay()["attribution"]["source"] == "none"
    assert earned(shop.order("o2", "b")) == [(1, 55, 0)]


def test_a_grade_chooses_among_the_rules(shop: Shop) -> None:
    shop.plan(1000, 500, 200, rules=[RULE_1_PERCENT])
    shop.client.patch("/v1/members/ext:b", {"grade": "gold"})
    assert earned(shop.order()) == [(1, 11, 0), (2, 55, 0)]


def test_an_order_remembers_its_settings(shop: Shop) -> None:
    shop.order()
    shop.settings(payout_cap_bps=100, max_levels=1)
    explained = shop.explained()
    assert (explained["settings"]["payout_cap_bps"], explained["settings"]["max_levels"]) == (5000, 3)
    assert [one["amount"] for one in explained["commissions"]] == [110, 55]


def test_an_expired_binding_gives_nobody(shop: Shop) -> None:
    shop.settings(binding={"mode": "expiring", "expires_after_days": 30})
    shop.member("e", "b")
    assert earned(shop.order("o1", "e")) == [(1, 110, 0), (2, 55, 0)]
    with frozen_at(now() + timedelta(days=30, seconds=1)):
        order = shop.order("o2", "e")
        assert (order["attribution"]["source"], order["commissions"]) == ("none", [])
        (refused,) = shop.explained("o2")["evidence_refused"]
    assert (refused["source"], refused["reason"]) == ("binding", "outside_window")


def test_a_source_that_the_program_leaves_out_gives_nobody(shop: Shop) -> None:
    shop.settings(attribution={"order": ["coupon", "click"]})
    order = shop.order()
    assert (order["attribution"]["source"], order["commissions"]) == ("none", [])
    assert shop.explained()["evidence_refused"][0]["reason"] == "source_unused"


def test_where_enrolment_is_not_open_only_the_enrolled_are_paid(shop: Shop) -> None:
    shop.settings(enrolment="invited")
    order = shop.order("o1")
    assert (order["attribution"]["source"], order["commissions"]) == ("none", [])
    assert shop.explained()["evidence_refused"][0]["reason"] == "not_enrolled"
    enrolled = shop.owner.post("/v1/members/ext:b/enrolment", {"action": "approve"})
    assert enrolled.status_code == 200, enrolled.text
    assert earned(shop.order("o2")) == [(1, 110, 0)]


def test_compressing_reaches_past_any_number_of_suspended(shop: Shop) -> None:
    shop.settings(suspended_upline="compress")
    names = ["b", *(f"s{number}" for number in range(40)), "seller", "buyer"]
    for inviter, name in pairwise(names):
        shop.member(name, inviter)
    for name in names[1:-2]:
        assert shop.client.patch(f"/v1/members/ext:{name}", {"status": "suspended"}).status_code == 200
    assert earned(shop.order("o1", "buyer")) == [(1, 110, 0), (2, 55, 0), (3, 22, 0)]
    assert shop.pending("seller", "b", "a") == [110, 55, 22]
    quoted = shop.post(
        "/v1/commission-quotes", {"items": [{"sku": "x", "unit_price": 1000}], "customer_external_id": "buyer"}
    )
    assert [one["amount"] for one in quoted["levels"]] == [100, 50, 20]


def test_commissions_are_effective_on_the_day_of_payment_in_the_programs_zone(shop: Shop) -> None:
    shop.settings(timezone="Asia/Shanghai")
    shop.order(paid_at="2026-02-28T17:00:00Z")
    (entry,) = shop.client.get("/v1/ledger/transactions?kind=commission.accrued").json["data"]  # type: ignore[index]
    assert entry["effective_on"] == "2026-03-01"


def test_every_level_has_its_hold_from_the_payment_where_settings_say_so(shop: Shop) -> None:
    shop.settings(hold_from="paid", hold_days=10)
    due = datetime.fromisoformat(PAID_AT).astimezone(UTC) + timedelta(days=10)
    assert [one["matures_at"] for one in shop.order()["commissions"]] == [due.strftime("%Y-%m-%dT%H:%M:%SZ")] * 2
