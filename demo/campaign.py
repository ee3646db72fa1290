"""The demo's campaign: what members share, who comes by it and what they buy. Pure; amounts in pence.

What is sold stands in the demo's own data. The orders are of today and not completed, so that none of it is ever paid.
"""

from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from demo.retail import RetailFolder

COUPON_CODE = "CAKE10"
_CAKESTAND, _HEART, _PAPER_CHAIN = ("22423", 1275), ("85123A", 295), ("22086", 295)
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
_IN_WECHAT = f"{_PHONE} MicroMessenger/8.0.62(0x18003e2f) NetType/WIFI Language/zh_CN"
_DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_SEARCH_ENGINE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


class Visit(msgspec.Struct, frozen=True):
    """A link that was followed: by whom, which click it was, and when he had arrived."""

    person: str
    visitor: str  # the browser's cookie
    click_id: str
    at: datetime


class Campaign(msgspec.Struct, frozen=True):
    """How far it is. Kept in demo.json after each step that could not be repeated without adding something."""

    leads_to: str = ""  # where this copy's web was: the links lead to a page of it; empty: there are no links
    coupons: dict[str, str] = {}
    visits: tuple[Visit, ...] = ()
    complete: bool = False


class SharedLink(NamedTuple):
    """A link: whose (a place in `sharers`) and what rides on it."""

    name: str
    sharer: int
    content: dict[str, Any]


class PlannedVisit(NamedTuple):
    """Who follows which link with what."""

    person: str
    link: str
    agent: str


class PlannedOrder(NamedTuple):
    """What a visitor buys after the last of his visits."""

    customer: str
    content: dict[str, Any]


def item(article: tuple[str, int], quantity: int) -> dict[str, Any]:
    """A line as orders and quotes take it."""
    return {"sku": article[0], "category": "goods", "quantity": quantity, "unit_price": article[1]}


def _order(external_id: str, customer: str, items: list[dict[str, Any]], *codes: str) -> PlannedOrder:
    named = {"external_id": external_id, "customer_external_id": customer}
    return PlannedOrder(customer, named | {"items": items, "coupon_codes": list(codes)})


EXAMPLE_ITEM = item(_CAKESTAND, 2)
SHOWN = "cake"  # the link that the demo prints
COUPONS: dict[str, dict[str, Any]] = {
    "shared": {
        "name": "10 % off from £20, at most £10", "kind": "percent", "percent_bps": 1000, "min_spend": 2000,
        "max_discount": 1000, "total_quantity": 500,
    },
    "claimed": {
        "name": "£5 off from £30, one each", "kind": "amount", "amount": 500, "min_spend": 3000, "total_quantity": 100,
        "per_customer_limit": 1,
    },
}  # fmt: skip
LINKS = (
    SharedLink("cake", 0, {
        "campaign_id": "december", "channel": "wechat", "coupon_code": COUPON_CODE,
        "product": {"sku": _CAKESTAND[0], "title": "Regency Cakestand, 3 tiers", "price": _CAKESTAND[1]},
    }),
    SharedLink("video", 1, {"campaign_id": "december", "channel": "video", "content_id": "video-7"}),
    SharedLink("mail", 0, {"channel": "mail", "sub_ids": ["footer"]}),
)  # fmt: skip
VISITS = (
    PlannedVisit("demo-ann", "cake", _PHONE),
    PlannedVisit("demo-ann", "cake", _PHONE),  # the same visitor on the same day: one unique click
    PlannedVisit("demo-ben", "video", _DESKTOP),
    PlannedVisit("demo-cho", "video", _IN_WECHAT),
    PlannedVisit("demo-dee", "cake", _IN_WECHAT),
    PlannedVisit("demo-eli", "mail", _DESKTOP),
    PlannedVisit("demo-robot", "cake", _SEARCH_ENGINE),
)
SHARER_NAME = "Rose"  # who brings the most; as posters have it
REGISTERED, REGISTERED_NAME, CLAIMANT = "demo-ann", "Ann", "demo-dee"
ORDERS = (
    _order("demo-1001", "demo-ann", [EXAMPLE_ITEM]),
    # he came by one member's link and uses another's code
    _order("demo-1002", "demo-ben", [item(_HEART, 6), item(_CAKESTAND, 1)], COUPON_CODE),
    _order("demo-1003", "demo-cho", [item(_PAPER_CHAIN, 10)]),
)


def sharers(folder: RetailFolder) -> list[str]:
    """Of the members who were invited themselves the two who invited most; ties to the earlier in the file."""
    inviters = {member.external_id: member.inviter for member in folder.members()}
    invited = Counter(inviter for inviter in inviters.values() if inviter and inviters[inviter])
    return [member for member, _ in invited.most_common(2)]


def link_code(program_id: str, name: str) -> str:
    """A code of the demo's own choice: codes are unique in the whole installation, and it may hold several demos."""
    return f"{name}-{program_id[-4:]}"
