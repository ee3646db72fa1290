"""A member is erased: an order at the same moment owes him nothing, and his own orders forget his devices."""

from threading import Thread
from typing import Any

import pytest

from commission.orders import intake
from core.db import scalar, transaction
from tests.commission.orders.conftest import Shop, order_body
from tests.commission.orders.selling import click_on, coupon, link


def test_an_order_that_meets_an_erasure_earns_the_erased_member_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He is erased after the order has found him, and before it is written."""
    lone = shop.member("lone")["id"]
    coupon(shop, "LONE", owner="lone")
    owner, insert, erasures = shop.owner, intake.insert_rows, []

    def insert_later(*arguments: Any, **more: Any) -> Any:
        if not erasures:
            erasures.append(0)
            thread = Thread(
                target=lambda: erasures.append(owner.post("/v1/members/ext:lone/erasure").status_code), daemon=True
            )
            thread.start()
            thread.join(10)
        return insert(*arguments, **more)

    monkeypatch.setattr(intake, "insert_rows", insert_later)
    order = shop.client.post("/v1/orders", order_body("o", coupon_codes=["LONE"]))
    assert erasures == [0, 200]
    assert shop.client.get(f"/v1/members/{lone}").json["status"] == "erased"  # type: ignore[index]
    earners = [one["member_id"] for one in order.json["commissions"]]  # type: ignore[index]
    assert earners, "the next evidence is heard"
    assert lone not in earners


def stored(shop: Shop, what: str) -> str:
    with transaction(shop.program.id, read_only=True):
        return str(scalar(what, p=shop.program.id))


def test_orders_of_an_erased_customer_forget_his_clicks(shop: Shop) -> None:
    """A click's id holds the visitor's key. Whose link it was, and when, is still explained."""
    shop.member("zed")
    clicks = [click_on(shop, link(shop, seller)["id"], visitor="zeds-phone") for seller in ("a", "b")]
    shop.order("o", "zed", click_id=clicks[0])
    other = shop.order("other", "c", click_id=click_on(shop, link(shop, "a")["id"]))
    before = shop.client.get("/v1/orders/ext:o/explanation").json
    mine = shop.client.get("/v1/members/ext:b").json["id"]  # type: ignore[index]
    shop.owner.post("/v1/orders/ext:o/attribution", {"member_id": mine, "reason": "his"})
    assert shop.owner.post("/v1/members/ext:zed/erasure").status_code == 200
    kept = stored(
        shop,
        """SELECT string_agg(o.evidence::text || o.named::text || h.evidence_before::text, '')
           FROM orders o JOIN order_attributions h ON h.program_id = o.program_id AND h.order_id = o.id
           WHERE o.program_id = %(p)s""",
    )
    assert "clk_" not in kept
    assert "clicked_at" in kept
    after = shop.client.get("/v1/orders/ext:o/explanation").json
    assert len(after["commissions"]) > len(before["commissions"]) > 0  # type: ignore[index]
    assert shop.shown("other") == other, "other customers' orders are as they were"
