"""What sold most: what is left after refunds, on the day on which it was sold."""

from typing import Any

import pytest
from flask import Flask

from core.db import execute, transaction
from core.events.reading import number_events
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.commission.orders.conftest import Shop
from tests.community.boards.groups import make_group
from tests.community.boards.reading import counted, follow, follow_at_once, kept
from tests.jobs import run_jobs

ZONE = "Asia/Shanghai"
DAY = "2026-03-01"
AT = f"{DAY}T10:00:00Z"
TEA = {"sku": "tea", "quantity": 4, "unit_price": 100}
CUP = {"sku": "cup", "quantity": 2, "unit_price": 300}


def hot(shop: Shop, day: str = DAY, group: str = "") -> list[tuple[str, int, int]]:
    """Product, units and money, as a digest has them."""
    follow(shop.program)
    answer: Any = shop.client.get(f"/v1/day-sums?date={day}" + (f"&group_id={group}" if group else "")).json
    return [(one["sku"], one["quantity"], one["sales"]) for one in answer["hot_products"]]


def test_units_that_came_back_are_sold_no_more_and_what_they_cost_neither(shop: Shop) -> None:
    shop.order("o1", items=[TEA, CUP], paid_at=AT)
    assert hot(shop) == [("tea", 4, 400), ("cup", 2, 600)]
    shop.refund("o1", "r1", items=[{"sku": "tea", "quantity": 3}])
    assert hot(shop) == [("cup", 2, 600), ("tea", 1, 100)]
    shop.refund("o1", "r2", items=[{"sku": "tea", "quantity": 1}, {"sku": "cup", "quantity": 1}])
    assert hot(shop) == [("cup", 1, 300)]


def test_money_that_came_back_is_taken_from_each_product_and_its_units_stay_sold(shop: Shop) -> None:
    """In proportion, as the refund's own rules share it: of 101 on 400 and 600 it is 40 and 61."""
    shop.order("o1", items=[TEA, CUP], paid_at=AT)
    shop.refund("o1", "r1", amount=101)
    assert hot(shop) == [("tea", 4, 400 - 40), ("cup", 2, 600 - 61)]
    shop.refund("o1", "r2", items=[{"sku": "cup", "quantity": 1}])
    assert hot(shop) == [("tea", 4, 360), ("cup", 1, 239)]


def test_a_refund_of_shipping_takes_nothing_from_products(shop: Shop) -> None:
    shop.order("o1", items=[TEA], shipping=50, paid_at=AT)
    shop.order("o2", items=[CUP], shipping=50, paid_at=AT)
    shop.refund("o2", "r1", amount=650)
    assert hot(shop) == [("tea", 4, 400)]


def test_a_product_all_of_whose_money_came_back_was_not_sold(shop: Shop) -> None:
    shop.order("o1", items=[TEA], paid_at=AT)
    shop.order("gift", items=[{"sku": "sample", "quantity": 1, "unit_price": 0}], paid_at=AT)
    shop.refund("o1", "r1", amount=399)
    assert hot(shop) == [("tea", 4, 1), ("sample", 1, 0)]
    shop.refund("o1", "r2", amount=1)
    assert hot(shop) == [("sample", 1, 0)]


def test_a_late_refund_corrects_the_day_on_which_it_was_sold(shop: Shop) -> None:
    group = make_group(shop.program)
    shop.order("o1", items=[TEA], group_id="wecom-17", paid_at="2026-03-01T15:59:59Z")  # 23:59:59 in Shanghai
    shop.order("o2", items=[TEA], paid_at="2026-03-01T16:00:00Z")
    assert hot(shop) == hot(shop, group="ext:wecom-17") == hot(shop, "2026-03-02") == [("tea", 4, 400)]
    shop.refund("o1", "r1", items=[{"sku": "tea", "quantity": 1}], refunded_at="2026-03-20T00:00:00Z")
    assert hot(shop) == hot(shop, group=group["id"]) == [("tea", 3, 300)]
    assert hot(shop, "2026-03-02") == [("tea", 4, 400)]
    assert hot(shop, "2026-03-20") == []


def test_a_cancel_takes_what_refunds_have_left(shop: Shop) -> None:
    for name in ("o1", "o2"):
        shop.order(name, items=[TEA, CUP], paid_at=AT)
    shop.refund("o1", "r1", items=[{"sku": "tea", "quantity": 3}])
    shop.refund("o1", "r2", amount=57)
    assert [units for _, units, _ in hot(shop)] == [5, 4]
    shop.cancel("o1")
    assert hot(shop) == [("tea", 4, 400), ("cup", 2, 600)]


def test_a_cancel_takes_what_cost_nothing(shop: Shop) -> None:
    """No money comes back, so no refund is told."""
    gift = {"sku": "sample", "quantity": 1, "unit_price": 0}
    shop.order("o1", items=[gift], paid_at=AT)
    shop.order("o2", items=[TEA, gift], paid_at=AT)
    shop.refund("o2", "r1", amount=400)
    assert hot(shop) == [("sample", 2, 0)]
    shop.cancel("o1")
    assert hot(shop) == [("sample", 1, 0)]
    shop.cancel("o2")
    assert hot(shop) == []


def test_lines_of_one_product_are_told_apart(shop: Shop) -> None:
    shop.order("o1", items=[TEA, TEA | {"unit_price": 70}], paid_at=AT)
    shop.refund("o1", "r1", items=[{"sku": "tea", "quantity": 2, "unit_price": 70}])
    assert hot(shop) == [("tea", 6, 540)]


def test_refunds_before_anybody_read_of_the_order_count_once(shop: Shop) -> None:
    shop.order("o1", items=[TEA, CUP], paid_at=AT)
    shop.refund("o1", "r1", items=[{"sku": "tea", "quantity": 3}])
    shop.refund("o1", "r2", amount=70)
    assert hot(shop) == [("cup", 2, 540), ("tea", 1, 90)]
    shop.refund("o1", "r2", 200, amount=70)
    assert hot(shop) == [("cup", 2, 540), ("tea", 1, 90)]


def test_two_readers_at_once_take_a_refund_off_once(app: Flask, shop: Shop) -> None:
    for number in range(20):
        shop.order(f"o{number}", items=[TEA, CUP], paid_at=AT)
    follow(shop.program)
    for number in range(20):
        shop.refund(f"o{number}", f"r{number}", items=[{"sku": "tea", "quantity": 1 + number % 4}])
    follow_at_once(app, shop.program)
    assert kept(shop.program)["products"] == counted(shop.program, ZONE)["products"]
    assert hot(shop) == [("cup", 40, 12_000), ("tea", 30, 3_000)]


def test_a_reader_that_dies_has_taken_nothing_off(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from community.boards import folding

    shop.order("o1", items=[TEA], paid_at=AT)
    assert hot(shop) == [("tea", 4, 400)]
    shop.refund("o1", "r1", items=[{"sku": "tea", "quantity": 3}])

    def die(*_: Any) -> None:
        raise RuntimeError("killed")

    with transaction(shop.program.id):
        number_events(shop.program.id)
    with monkeypatch.context() as patched:
        patched.setattr(folding, "fold_purchases", die)
        publish_where_due(shop.program.id, [SCHEDULES["boards.fold"]])
        run_jobs(shop.program.id, may_fail=True)
    answer: Any = shop.client.get(f"/v1/day-sums?date={DAY}").json
    assert [one["quantity"] for one in answer["hot_products"]] == [4]
    with transaction(shop.program.id):
        execute("UPDATE outbox SET run_at = created_at WHERE program_id = %(p)s", p=shop.program.id)
    assert hot(shop) == [("tea", 1, 100)]
