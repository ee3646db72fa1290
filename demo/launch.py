"""Brings the campaign into the demo through the public API, as staff, the shop and visitors would.

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
    REGISTERED_NAME,
    SHARER_NAME,
    VISITS,
    Campaign,
    PlannedOrder,
    PlannedVisit,
    SharedLink,
    Visit,
    link_code,
    sharers,
)
from demo.progress import Show
from demo.retail import CURRENCY, RetailFolder
from demo.web import Web

_THINKING = timedelta(seconds=5)  # from click to payment: the guard would point at less than 3

Keep = Callable[[Access], None]


def launch(access: Access, folder: RetailFolder, show: Show, keep: Keep) -> Access:
    """Links, coupons, visits and orders, once; afterwards the links follow when the copy moves to another port.

    Raises:
        WebError: the product refused something or does not answer.
    """
    if not access.campaign.complete:
        with show.step("campaign 推广") as step:
            counts = f"{len(COUPONS)} coupons, {len(LINKS)} links, {len(VISITS)} clicks"
            step.note = f"{counts}, {len(ORDERS)} orders by link or code"
            access = _Launch(access, keep).run(sharers(folder))
    return access if access.campaign.leads_to == access.base_url else _moved(access, keep)


def _moved(access: Access, keep: Keep) -> Access:
    shop = Web(access.base_url, access.api_key)
    for link in LINKS:
        code = link_code(access.program_id, link.name)
        for found in shop.call("GET", f"/v1/links?status=active&code={code}")["data"]:  # none: somebody ended it
            if found["destination_url"] == _page(access.campaign.leads_to):  # else somebody sent it elsewhere
                shop.call("PATCH", f"/v1/links/{found['id']}", {"destination_url": _page(access.base_url)})
    return _noted(access, keep, leads_to=access.base_url)


def _page(base_url: str) -> str:
    """Where the links lead: a page that is there without a shop."""
    return f"{base_url}/docs"


def _noted(access: Access, keep: Keep, **changes: Any) -> Access:
    """Keep what is done now."""
    access = msgspec.structs.replace(access, campaign=msgspec.structs.replace(access.campaign, **changes))
    keep(access)
    return access


class _Launch:
    """One pass. Each step looks at what an earlier pass has kept."""

    def __init__(self, access: Access, keep: Keep) -> None:
        self._access, self._keep = access, keep
        self._anybody, self._shop = Web(access.base_url), Web(access.base_url, access.api_key)

    @property
    def _campaign(self) -> Campaign:
        return self._access.campaign

    def run(self, members: list[str]) -> Access:
        # before a link is made: where it leads must not change between two passes
        self._note(leads_to=self._campaign.leads_to or self._access.base_url)
        sharer = self._shop.call("PATCH", f"/v1/members/ext:{members[0]}", {"name": SHARER_NAME})
        self._make_coupons(sharer["id"])
        for link in LINKS:
            self._make_link(link, members[link.sharer])
        for planned in VISITS[len(self._campaign.visits) :]:
            self._visit(planned)
        self._join()
        for order in ORDERS:
            self._place(order)
        return self._note(complete=True)

    def _make_coupons(self, code_owner_id: str) -> None:
        """As the owner: an API key may not make coupons."""
        if self._campaign.coupons:
            return
        log_in = {"email": self._access.owner.email, "password": self._access.owner.password}
        staff = Web(self._access.base_url, self._anybody.call("POST", "/v1/auth/staff", log_in)["access_token"])
        made = {
            name: staff.call("POST", "/v1/coupons", terms, key=f"demo-coupon-{name}")["id"]
            for name, terms in COUPONS.items()
        }
        code = {"code": COUPON_CODE, "member_id": code_owner_id}
        staff.call("POST", f"/v1/coupons/{made['shared']}/codes", code)
        self._note(coupons=made)

    def _make_link(self, link: SharedLink, member: str) -> None:
        named = {"code": self._code(link.name), "member_external_id": member}
        leads_to = {"destination_url": _page(self._campaign.leads_to)}
        self._shop.call("POST", "/v1/links", named | leads_to | link.content)

    def _visit(self, planned: PlannedVisit) -> None:
        known = next((visit.visitor for visit in self._campaign.visits if visit.person == planned.person), None)
        click_id, visitor = self._anybody.follow(self._code(planned.link), planned.agent, known)
        visit = Visit(planned.person, visitor, click_id, datetime.now(UTC))
        self._note(visits=(*self._campaign.visits, visit))

    def _join(self) -> None:
        """One visitor registers, another claims a coupon."""
        came_by = {"click_id": self._last_visit(REGISTERED).click_id}
        self._shop.call("POST", "/v1/members", {"external_id": REGISTERED, "name": REGISTERED_NAME} | came_by)
        claims = f"/v1/coupons/{self._campaign.coupons['claimed']}/claims"
        self._shop.call("POST", claims, {"customer_external_id": CLAIMANT}, key="demo-claim")

    def _place(self, order: PlannedOrder) -> None:
        visit = self._last_visit(order.customer)
        placed = {"currency": CURRENCY, "paid_at": (visit.at + _THINKING).isoformat(), "click_id": visit.click_id}
        self._shop.call("POST", "/v1/orders", order.content | placed)

    def _last_visit(self, person: str) -> Visit:
        return next(visit for visit in reversed(self._campaign.visits) if visit.person == person)

    def _code(self, name: str) -> str:
        return link_code(self._access.program_id, name)

    def _note(self, **changes: Any) -> Access:
        self._access = _noted(self._access, self._keep, **changes)
        return self._access
