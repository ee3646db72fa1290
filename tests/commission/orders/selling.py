"""Coupons, links and clicks as a shop and its customers bring them about."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.ids import parse_public_id
from coupons.clicks.tokens import Click, seal, visitor_key_of
from tests.commission.orders.conftest import PAID_AT, Shop
from tests.coupons.clicks.clicking import click_at, clicked, store, token_of

PAID = datetime.fromisoformat(PAID_AT)
DAY = timedelta(days=1)


def coupon(shop: Shop, code: str, owner: str | None = None, **terms: Any) -> str:
    """A coupon of 100 off with one code, which `owner` has; the coupon's id."""
    made = shop.owner.post("/v1/coupons", {"name": code, "kind": "amount", "amount": 100} | terms)
    assert made.status_code == 201, made.text
    coupon_id = str(made.json["id"])  # type: ignore[index]
    owned = {"member_id": shop.client.get(f"/v1/members/ext:{owner}").json["id"]} if owner else {}  # type: ignore[index]
    coded = shop.owner.post(f"/v1/coupons/{coupon_id}/codes", {"code": code} | owned)
    assert coded.status_code == 201, coded.text
    return coupon_id


def taken_of(shop: Shop, coupon_id: str) -> int | None:
    """How many of a limited coupon are taken."""
    shown = shop.client.get(f"/v1/coupons/{coupon_id}")
    assert shown.status_code == 200, shown.text
    return shown.json["taken"]  # type: ignore[index,no-any-return]


def link(shop: Shop, owner: str, **more: Any) -> dict[str, Any]:
    body = {"member_external_id": owner, "destination_url": "https://shop.example/"} | more
    return shop.post("/v1/links", body, 201)


def click_on(shop: Shop, link_id: str, *, ago: timedelta = DAY, visitor: str = "v") -> str:
    """The id of a click so long before the usual payment; it has not been shipped."""
    click = Click(click_at(PAID - ago), _uuid(link_id), visitor_key_of(shop.program.id, visitor))
    return seal(shop.program.id, click)


def stored_click(shop: Shop, link_id: str, *, ago: timedelta = DAY, visitor: str = "v") -> str:
    """The same, shipped and counted."""
    click = clicked(shop.program, _uuid(link_id), visitor, PAID - ago)
    store(shop.program, [click])
    return token_of(shop.program, click)


def _uuid(link_id: str) -> UUID:
    found = parse_public_id("lnk", link_id)
    assert found is not None
    return found
