"""Whose an order is: every source in every state, in every order of sources, against a plain reading of rule 2."""

from collections.abc import Iterator, Sequence
from itertools import chain, permutations, product
from random import Random
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import pytest
from flask import Flask

from commission.attribution.evidence import NamedCode, evidence_of
from commission.orders.acceptance import attribution_in
from core.clock import frozen_at, now
from core.programs.settings import AttributionSettings, ProgramSettings
from coupons.clicks.service import Touch
from coupons.links.service import Link
from referral.tree.service import ChainMember
from tests.clients import make_program
from tests.commission.orders.conftest import PAID_AT, Shop
from tests.commission.orders.selling import DAY, PAID, click_on, coupon, link

SOURCES = ("coupon", "click", "binding")
ORDERS = list(chain.from_iterable(permutations(SOURCES, count) for count in range(4)))
STATES = {
    "coupon": ("absent", "present", "self", "suspended", "unowned", "unknown", "erased"),
    "click": ("absent", "present", "self", "suspended", "outside", "ended", "unknown", "erased"),
    "binding": ("absent", "present", "self", "suspended", "outside"),
}
CELLS = [dict(zip(STATES, states, strict=True)) for states in product(*STATES.values())]
every_order = pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(order) or "none")
both_rules = pytest.mark.parametrize("self_purchase", ["off", "level_1"])

Cell = dict[str, str]


# --- the oracle: rule 2 of API.md, word by word ---


def seller(order: Sequence[str], cell: Cell, self_purchase: str) -> str:
    """The source that decides: the first in the program's order that gives an active member, or the customer himself
    where that earns."""
    gives = {"present", "self"} if self_purchase == "level_1" else {"present"}
    return next((source for source in order if cell[source] in gives), "none")


OWN_RULES = {
    "unowned": "no_member", "unknown": "unknown", "outside": "outside_window", "ended": "link_ended",
}  # fmt: skip
MEMBERS = {"self": "customer_himself", "suspended": "suspended", "erased": "no_member"}


def reasons(order: Sequence[str], cell: Cell, self_purchase: str) -> dict[str, str]:
    """Why the evidence of every other source does not count."""
    sold = seller(order, cell, self_purchase)
    found = {}
    for source, state in cell.items():
        if source == sold:
            continue
        if state == "absent":
            found |= {"binding": "no_member"} if source == "binding" else {}
        elif state in OWN_RULES:
            found[source] = OWN_RULES[state]
        elif source not in order:
            found[source] = "source_unused"
        elif sold != "none" and order.index(sold) < order.index(source):
            found[source] = "outranked"
        else:
            found[source] = MEMBERS[state]
    return found


# --- the pure rules, the whole product ---


def named(name: str) -> UUID:
    return uuid5(NAMESPACE_OID, name)


CUSTOMER = named("customer")


def person(member_id: UUID, status: str = "active", **more: Any) -> ChainMember:
    return ChainMember(member_id, status, "standard", status == "active", more.get("inviter"), more.get("until"))


def owner(source: str, state: str) -> UUID:
    return CUSTOMER if state == "self" else named(f"{source} {state}")


CHAINS_OF_OWNERS = {
    owner(source, state): [person(owner(source, state), "suspended" if state == "suspended" else "active")]
    for source in ("coupon", "click")
    for state in STATES[source]
    if state != "erased"
}


def chains(cell: Cell) -> dict[UUID, Sequence[ChainMember]]:
    state = cell["binding"]
    inviter = None if state == "absent" else owner("binding", state)
    until = now() - DAY if state == "outside" else None
    upline = [person(CUSTOMER, inviter=inviter, until=until)]
    if inviter:
        upline.append(person(inviter, "suspended" if state == "suspended" else "active"))
    return CHAINS_OF_OWNERS | {CUSTOMER: upline}


def codes(state: str) -> list[NamedCode]:
    if state == "absent":
        return []
    nobodys = state in ("unowned", "unknown")
    return [NamedCode("CODE", None if nobodys else owner("coupon", state), known=state != "unknown")]


REFUSED = {"outside": "outside_window", "ended": "link_ended", "unknown": "unknown"}


def touches(state: str) -> list[Touch]:
    if state == "absent":
        return []
    behind = None if state == "unknown" else link_of(owner("click", state))
    return [Touch("click", "clk_1", named("click"), now(), behind, REFUSED.get(state), b"")]  # type: ignore[arg-type]


def link_of(member_id: UUID) -> Link:
    at = now()
    return Link(
        named("link"), "code", member_id, "https://shop.example/", None, None, None, None, None, None, [], None, None,
        None, None, at, at,
    )  # fmt: skip


@every_order
@both_rules
def test_the_rules_agree_with_a_plain_reading_in_every_case(order: tuple[Any, ...], self_purchase: Any) -> None:
    settings = ProgramSettings(attribution=AttributionSettings(order=order), self_purchase=self_purchase)
    for cell in CELLS:
        of_all = chains(cell)
        evidence = evidence_of(codes(cell["coupon"]), touches(cell["click"]), CUSTOMER, of_all)
        attribution, levels = attribution_in(settings, CUSTOMER, evidence, of_all, 1)
        expected = seller(order, cell, self_purchase)
        assert attribution.source == expected, cell
        refused = {one.evidence.source: one.reason.value for one in attribution.refused}
        assert refused == reasons(order, cell, self_purchase), cell
        paid = [] if expected == "none" else [owner(expected, cell[expected])]
        assert [level.member_id for level in levels.paid] == paid, cell


# --- over HTTP, a sample of every order of sources ---

OVER_HTTP = {
    "coupon": ("absent", "present", "self", "suspended", "unowned", "unknown"),
    "click": ("absent", "present", "self", "suspended", "outside", "ended", "unknown"),
    "binding": ("absent", "present", "suspended", "outside"),
}
A_SAMPLE = 30


class Market:
    """A shop with an owner, a code and a link for every state, and a customer for every state of the binding."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.people: dict[str, str] = {}
        self.links: dict[str, dict[str, Any]] = {}
        for name in ("coupon-present", "coupon-suspended", "click-present", "click-suspended", "inviter", "barred"):
            self._member(name)
        with frozen_at(now() - 3 * DAY):
            shop.settings(binding={"mode": "expiring", "expires_after_days": 1})
            self._member("c-outside", "inviter")
            shop.settings(binding={"mode": "permanent", "expires_after_days": None})
        for state, inviter in (("absent", None), ("present", "inviter"), ("suspended", "barred")):
            self._member(f"c-{state}", inviter)
        for name in ("coupon-suspended", "click-suspended", "barred"):
            assert shop.client.patch(f"/v1/members/ext:{name}", {"status": "suspended"}).status_code == 200
        for state in ("present", "suspended"):
            coupon(shop, f"CODE-{state}", f"coupon-{state}", amount=1)
            self.links[state] = link(shop, f"click-{state}")
        coupon(shop, "CODE-unowned", amount=1)
        with frozen_at(PAID - 9 * DAY):
            ended = (PAID - DAY).isoformat()
            self.links["ended"] = link(shop, "click-present", expires_at=ended)
        for state in OVER_HTTP["binding"]:
            coupon(shop, f"SELF-{state}", f"c-{state}", amount=1)
            self.links[f"self-{state}"] = link(shop, f"c-{state}")

    def _member(self, name: str, inviter: str | None = None) -> None:
        self.people[name] = self.shop.member(name, inviter)["id"]

    def order(self, external_id: str, cell: Cell) -> dict[str, Any]:
        customer = f"c-{cell['binding']}"
        body = {
            "external_id": external_id, "currency": "GBP", "customer_external_id": customer, "paid_at": PAID_AT,
            "items": [{"sku": "x", "quantity": 1, "unit_price": 1000}],
        }  # fmt: skip
        return body | self._coupon(cell) | self._click(cell)

    def _coupon(self, cell: Cell) -> dict[str, Any]:
        state = cell["coupon"]
        if state == "absent":
            return {}
        if state == "unknown":
            return {"coupon_policy": "record", "coupon_discounts": [{"code": "NOBODYS", "amount": 1}]}
        return {"coupon_codes": [f"SELF-{cell['binding']}" if state == "self" else f"CODE-{state}"]}

    def _click(self, cell: Cell) -> dict[str, Any]:
        state = cell["click"]
        if state == "absent":
            return {}
        if state == "ended":
            return {"link_code": self.links["ended"]["code"]}
        if state == "unknown":
            return {"click_id": "clk_forged"}
        name = {"self": f"self-{cell['binding']}", "outside": "present"}.get(state, state)
        ago = DAY if state != "outside" else 31 * DAY
        return {"click_id": click_on(self.shop, self.links[name]["id"], ago=ago, visitor="shared")}

    def member_of(self, source: str, cell: Cell) -> str | None:
        if source == "none":
            return None
        if cell[source] == "self":
            return self.people[f"c-{cell['binding']}"]
        return self.people["inviter" if source == "binding" else f"{source}-present"]


@pytest.fixture(scope="module")
def market(app: Flask) -> Iterator[Market]:
    with app.app_context():
        shop = Shop(make_program(app))
        shop.plan(1000)
        yield Market(shop)


@every_order
@both_rules
def test_orders_over_http_agree_with_it(market: Market, order: tuple[str, ...], self_purchase: str) -> None:
    name = "-".join([self_purchase, *order])
    cells = [dict(zip(OVER_HTTP, states, strict=True)) for states in product(*OVER_HTTP.values())]
    cells = Random(name).sample(cells, A_SAMPLE)  # noqa: S311 -- which cases, the same ones every time
    market.shop.settings(attribution={"order": list(order)}, self_purchase=self_purchase)
    orders = [market.order(f"{name} {number}", cell) for number, cell in enumerate(cells)]
    fates = market.shop.batch(orders)
    assert {fate["status"] for fate in fates} == {"created"}, [fate["error"] for fate in fates]
    shown = market.shop.client.get("/v1/orders", query_string={"limit": A_SAMPLE}).json
    found = {one["external_id"]: one for one in shown["data"]}  # type: ignore[index]
    for number, cell in enumerate(cells):
        one = found[f"{name} {number}"]
        expected = seller(order, cell, self_purchase)
        assert (one["attribution"]["source"], one["attribution"]["member_id"]) == (
            expected,
            market.member_of(expected, cell),
        ), cell
        assert [paid["member_id"] for paid in one["commissions"]] == [one["attribution"]["member_id"]] * (
            expected != "none"
        )
    explained = market.shop.explained(f"{name} 0")
    refused = {one["source"]: one["reason"] for one in explained["evidence_refused"]}
    assert refused == reasons(order, cells[0], self_purchase), cells[0]
