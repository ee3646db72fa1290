"""What orders, refunds and cancels tell the traffic sums: each once, under the dimensions of the order's row."""

from typing import Any, NamedTuple
from uuid import UUID

import pytest

from core.db import fetch_all, transaction
from core.ids import public_id_or_none
from tests.commission.orders.conftest import PAID_AT, Shop, order_body
from tests.commission.orders.selling import PAID, click_on, link
from tests.threads import together

RIDES = {"campaign_id": "spring", "group_id": "g", "content_id": "k", "session_id": "s", "channel": "app"}


class Delta(NamedTuple):
    at: Any
    link_id: UUID | None
    member_id: UUID | None
    campaign_id: str | None
    channel: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    orders: int
    sales: int
    commission: int

    @property
    def sums(self) -> tuple[int, int, int]:
        return self.orders, self.sales, self.commission


def deltas(shop: Shop) -> list[Delta]:
    """In the order in which they were made; nothing folds them here."""
    with transaction(shop.program.id, read_only=True):
        return fetch_all(
            Delta,
            """SELECT at, link_id, member_id, campaign_id, channel, group_id, content_id, session_id, orders, sales,
                      commission FROM traffic_deltas WHERE program_id = %(p)s ORDER BY id""",
            p=shop.program.id,
        )


def total(shop: Shop) -> tuple[int, ...]:
    return tuple(map(sum, zip(*(one.sums for one in deltas(shop)), strict=True)))


def test_a_sale_counts_under_everything_its_row_says(shop: Shop) -> None:
    shop.member("seller")
    made = link(shop, "seller", **RIDES)
    order = shop.order(click_id=click_on(shop, made["id"]), shipping=50)
    (sale,) = deltas(shop)
    assert (sale.at, sale.sums) == (PAID, (1, 1150, 110))
    assert {name: getattr(sale, name) for name in RIDES} == RIDES
    assert public_id_or_none("lnk", sale.link_id) == made["id"]
    assert public_id_or_none("mem", sale.member_id) == order["attribution"]["member_id"]


def test_refunds_and_a_cancel_take_back_what_they_are_worth(shop: Shop) -> None:
    shop.order()
    shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 2}])
    shop.refund("o1", "r2", amount=50)
    shop.complete()
    shop.mature()
    shop.refund("o1", "r3", amount=50)
    shop.cancel()
    sums = [one.sums for one in deltas(shop)]
    assert sums[0] == (1, 1100, 165)
    assert [orders for orders, *_ in sums] == [1, 0, 0, 0, -1]
    assert [sales for _, sales, _ in sums] == [1100, -666, -50, -50, -334]
    assert total(shop) == (0, 0, 0)
    assert {(one.at, one.member_id, one.channel) for one in deltas(shop)} == {(PAID, deltas(shop)[0].member_id, None)}


def test_repeats_count_nothing(shop: Shop) -> None:
    shop.order()
    shop.post("/v1/orders", order_body(), 200)
    shop.refund("o1", "r1", amount=10)
    shop.refund("o1", "r1", 200, amount=10)
    shop.cancel()
    shop.cancel()
    assert [one.sums for one in deltas(shop)] == [(1, 1100, 165), (0, -10, -4), (-1, -1090, -161)]


def test_an_order_counts_when_it_is_paid(shop: Shop) -> None:
    shop.order("o1", paid_at=None)
    shop.order("o2", paid_at=None)
    shop.cancel("o2")
    assert deltas(shop) == []
    shop.pay("o1")
    shop.pay("o1")
    assert [one.sums for one in deltas(shop)] == [(1, 1100, 165)]


def test_a_guests_order_counts_for_the_whole_program(shop: Shop) -> None:
    shop.order(customer=None)
    (sale,) = deltas(shop)
    assert (sale[1:8], sale.sums) == ((None,) * 7, (1, 1100, 0))


def test_a_batch_counts_each_of_its_orders(shop: Shop) -> None:
    shop.batch([order_body("o1"), order_body("o2", paid_at=None), order_body("o3", currency="EUR"), order_body("o4")])
    assert [one.sums for one in deltas(shop)] == [(1, 1100, 165)] * 2
    refunds = [
        {"external_id": "r1", "order_external_id": "o1", "items": [{"sku": "y", "quantity": 1}]},
        {"external_id": "r2", "order_external_id": "o1", "amount": 99},
        {"external_id": "r3", "order_external_id": "o4", "amount": 1},
    ]
    shop.refunds(refunds)
    assert sorted(one.sums for one in deltas(shop)[2:])[0][:2] == (0, -200)
    assert total(shop)[:2] == (2, 1999)


@pytest.mark.parametrize("count", [8])
def test_the_same_at_once_counts_once(shop: Shop, count: int) -> None:
    jobs = [lambda: shop.program.client_with(shop.program.api_key).post("/v1/orders", order_body())] * count
    together(shop.program.app, *jobs)
    assert total(shop) == (1, 1100, 165)
    cancel = {"canceled_at": PAID_AT, "reason": "not wanted"}
    jobs = [lambda: shop.program.client_with(shop.program.api_key).post("/v1/orders/ext:o1/cancel", cancel)] * count
    together(shop.program.app, *jobs)
    assert total(shop) == (0, 0, 0)
