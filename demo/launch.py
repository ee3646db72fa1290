"""Brings the campaign into the demo through the public API, as shop, staff and visitors would.

May be broken off and repeated: everything goes by a natural key or an Idempotency-Key, and what has neither is kept in
demo.json as soon as it is done.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from demo.accounts import Access
from demo.campaign import (
    CLAIMANT,
    COUPON_CODE,
    COUPONS,
    LINKS,
    ORDERS,
    REGISTERED,
    VISITS,
    Campaign,
    PlannedOrder,
    SharedLink,
    Visit,
    link_code,
    sharers,
)
from demo.progress import Show
from demo.retail import CURRENCY, RetailFolder
from demo.web import Web

_THINKING = timedelta(seconds=5)  # from click to payment: an order within 3 s would be a signal of the guard

Keep = Callable[[Access], None]


def launch(access: Access, folder: RetailFolder, show: Show, keep: Keep) -> Access:
    """Links, coupons, visits and orders, once; afterwards the links follow when the copy moves to another port.

    Raises:
        WebError: the product refused something or does not answer.
    """
    if access.campaign is not None and access.campaign.complete:
        return _moved(access, keep)
    with show.step("campaign 推广") as step:
        step.note = f"{len(LINKS)} links, {len(COUPONS)} coupons, {len(VISITS)} clicks, {len(ORDERS)} orders by them"
        return _Launch(access, keep).run(sharers(folder))


def _moved(access: Access, keep: Keep) -> Access:
    campaign = access.campaign
    if campaign is None or campaign.leads_to == access.base_url:
        return access
    shop = Web(access.base_url, access.api_key)
    for link in LINKS:
        code = link_code(access.program_id, link.name)
        for found in shop.call("GET", f"/v1/links?status=active&code={code}")["data"]:  # none: somebody ended it
            shop.call("PATCH", f"/v1/links/{found['id']}", {"destination_url": _page(access.base_url)})
    access = msgspec.structs.replace(access, campaign=msgspec.structs.replace(campaign, leads_to=access.base_url))
    keep(access)
    return access


def _page(base_url: str) -> str:
    """Where the links lead: a page that is there without a shop."""
    return f"{base_url}/docs"


class _Launch:
    """One pass. Each step looks at what an earlier pass has kept."""

    def __init__(self, access: Access, keep: Keep) -> None:
        self._access, self._keep = access, keep
        self._shop = Web(access.base_url, access.api_key)
        self._campaign = access.campaign or Campaign(leads_to=access.base_url)
        self._note(self._campaign)  # where the links lead must not change between two passes

    def run(self, members: list[str]) -> Access:
        self._make_coupons(members[0])
        for link in LINKS:
            self._make_link(link, members[link.sharer])
        for planned in VISITS[len(self._campaign.visits) :]:
            self._visit(planned.person, planned.link, planned.agent)
        click_id = self._last_visit(REGISTERED).click_id
        self._shop.call("POST", "/v1/members", {"external_id": REGISTERED, "name": "Ann", "click_id": click_id})
        claims = f"/v1/coupons/{self._campaign.coupons['claimed']}/claims"
        self._shop.call("POST", claims, {"customer_external_id": CLAIMANT}, key="demo-claim")
        for order in ORDERS:
            self._order(order)
        return self._note(msgspec.structs.replace(self._campaign, complete=True))

    def _make_coupons(self, member: str) -> None:
        if len(self._campaign.coupons) < len(COUPONS):
            owner = self._access.owner
            log_in = {"email": owner.email, "password": owner.password}
            staff = Web(self._access.base_url, Web(self._access.base_url).call("POST", "/v1/auth/staff", log_in)["access_token"])
            coupons = {name: staff.call("POST", "/v1/coupons", terms, key=f"demo-{name}")["id"] for name, terms in COUPONS.items()}
            self._note(msgspec.structs.replace(self._campaign, coupons=coupons))
