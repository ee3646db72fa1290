"""When commissions mature: holds from completion or payment, of the settings at acceptance, and after-sale cases."""

from datetime import timedelta
from typing import Any

from tests.commission.orders.conftest import COMPLETED_AT, MATURE_AT, PAID_AT, Shop

OTHER = "2026-03-20T00:00:00Z"


def hold_ends(order: dict[str, Any]) -> set[str | None]:
    return {one["matures_at"] for one in order["commissions"]}


def test_the_hold_begins_with_completion(shop: Shop) -> None:
    assert hold_ends(shop.order()) == {None}
    shop.mature()
    assert shop.available("b") == [0]
    assert hold_ends(shop.complete()) == {"2026-03-09T10:00:00Z"}
    shop.mature(MATURE_AT - timedelta(microseconds=1))
    assert shop.available("b", "a") == [0, 0]
    shop.mature(MATURE_AT)
    assert (shop.available("b", "a"), shop.pending("b", "a")) == ([110, 55], [0, 0])
    assert [one["status"] for one in shop.shown()["commissions"]] == ["available", "available"]


def test_the_hold_begins_with_payment_where_settings_say_so(shop: Shop) -> None:
    shop.settings(hold_from="paid", hold_days=1)
    assert hold_ends(shop.order()) == {"2026-03-02T10:00:00Z"}
    assert hold_ends(shop.complete()) == {"2026-03-02T10:00:00Z"}
    shop.settings(hold_days=0)
    assert hold_ends(shop.order("o2")) == {PAID_AT}


def test_the_hold_is_that_of_the_settings_at_acceptance(shop: Shop) -> None:
    shop.order("o1")
    shop.order("o2", paid_at=None)
    shop.settings(hold_days=1)
    shop.order("o3")
    shop.settings(hold_from="paid", hold_days=2)
    assert hold_ends(shop.complete("o1")) == {"2026-03-09T10:00:00Z"}
    assert hold_ends(shop.pay("o2")) == {"2026-03-03T10:00:00Z"}
    shop.settings(hold_from="completed")
    batch = {"orders": [{"external_id": f"o{n}", "completed_at": COMPLETED_AT} for n in (1, 2, 3)]}
    shop.post("/v1/orders/complete-batch", batch)
    ends = ({"2026-03-09T10:00:00Z"}, {"2026-03-03T10:00:00Z"}, {"2026-03-03T10:00:00Z"})
    assert tuple(hold_ends(shop.shown(f"o{n}")) for n in (1, 2, 3)) == ends


def test_orders_are_completed_in_a_batch(shop: Shop) -> None:
    for number in range(5):
        shop.order(f"o{number}", paid_at=None if number == 3 else PAID_AT)
    shop.complete("o1")
    shop.complete("o4")
    shop.cancel("o4")
    wanted: list[Any] = [
        ("o2", COMPLETED_AT, "created"), ("o1", COMPLETED_AT, "exists"), ("o1", OTHER, "error"),
        ("nothing", COMPLETED_AT, "error"), ("o3", COMPLETED_AT, "error"), ("o0", OTHER, "created"),
        ("o0", OTHER, "exists"), ("o0", COMPLETED_AT, "error"), ("o4", COMPLETED_AT, "exists"),
    ]  # fmt: skip
    items: list[Any] = [{"external_id": name, "completed_at": at} for name, at, _ in wanted]
    results = shop.post("/v1/orders/complete-batch", {"orders": [*items, {"external_id": "o2"}, 7]})["results"]
    assert [(one["external_id"], one["status"]) for one in results] == [
        *((name, status) for name, _, status in wanted), ("o2", "error"), (None, "error"),
    ]  # fmt: skip
    codes = [one["error"]["code"] for one in results if one["error"]]
    assert codes == ["wrong_state", "not_found", "wrong_state", "wrong_state", "invalid", "invalid"]
    assert "another instant" in results[7]["error"]["detail"]
    assert [shop.shown(f"o{n}")["completed_at"] for n in (0, 1, 2, 3)] == [OTHER, COMPLETED_AT, COMPLETED_AT, None]
    assert hold_ends(shop.shown("o0")) == {"2026-03-27T00:00:00Z"}
    for body in ({"orders": []}, {"orders": [{}] * 1001}, {}, []):
        assert shop.client.post("/v1/orders/complete-batch", body).status_code == 422


def test_an_open_after_sale_case_holds_past_maturity(shop: Shop) -> None:
    shop.order()
    shop.complete()
    held = shop.after_sale(is_open=True)
    assert held["after_sale"] == {"open": True, "reason": "broken"}
    assert [(one["held"], one["held_reason"]) for one in held["commissions"]] == [(True, "after_sale")] * 2
    assert shop.after_sale(is_open=True) == held
    shop.mature()
    assert (shop.pending("b"), shop.available("b")) == ([110], [0])
    let_go = shop.after_sale(is_open=False)
    assert [one["held"] for one in let_go["commissions"]] == [False, False]
    shop.mature()
    assert (shop.pending("b"), shop.available("b")) == ([0], [110])


def test_a_case_opened_before_the_payment_holds_too(shop: Shop) -> None:
    shop.order(paid_at=None)
    shop.after_sale(is_open=True)
    assert [one["held_reason"] for one in shop.pay()["commissions"]] == ["after_sale"] * 2


def test_a_case_opened_after_maturity_takes_nothing_back(shop: Shop) -> None:
    shop.order()
    shop.complete()
    shop.mature()
    opened = shop.after_sale(is_open=True)
    assert [(one["held"], one["status"]) for one in opened["commissions"]] == [(False, "available")] * 2
    assert shop.available("b") == [110]


def test_a_refund_during_a_case_takes_from_what_is_held(shop: Shop) -> None:
    shop.order()
    shop.complete()
    shop.after_sale(is_open=True)
    shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 3}])
    shop.after_sale(is_open=False)
    shop.mature()
    assert (shop.pending("b", "a"), shop.available("b", "a")) == ([0, 0], [10, 5])


def test_suspension_never_stops_maturation(shop: Shop) -> None:
    shop.order()
    shop.complete()
    shop.client.patch("/v1/members/ext:b", {"status": "suspended"})
    shop.mature()
    assert shop.available("b") == [110]
