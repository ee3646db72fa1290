"""Random shops for the invariants: trees, settings, plans, orders and what becomes of them, and how it happens."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from flask import Flask
from hypothesis import strategies as st

from commission.orders import lifecycle
from commission.orders.intake import place_orders
from commission.orders.new_order import NewLine, NewOrder
from commission.orders.refunds import NewRefund, refund_orders
from core.auth.service import program_of
from core.db import transaction
from core.errors import Conflict
from core.ids import ExternalRef
from tests.clients import make_program
from tests.commission.orders.conftest import MATURE_AT, Shop

START = datetime(2026, 3, 1, tzinfo=UTC)
BATCHED = {"place", "refund", "complete"}


class Event(NamedTuple):
    """Something that happens to an order; `content` is what the service is given."""

    kind: str  # place | refund | complete | cancel | after_sale | mature
    order: str
    content: Any = None


class Scenario(NamedTuple):
    """A shop and, for each order, what happens to it in this order."""

    members: list[dict[str, Any]]
    suspended: list[str]
    settings: dict[str, Any]
    levels: list[int]
    terms: dict[str, Any]
    stories: list[list[Event]]


rates = st.integers(0, 4000)
terms_of_a_level = st.one_of(
    st.builds(lambda rate: {"rate_bps": rate}, rates), st.builds(lambda amount: {"amount": amount}, st.integers(0, 60))
)
matches = st.sampled_from(
    [{"sku": "x"}, {"sku": ["y", "z"]}, {"category": "tea"}, {"channel": "app"}, {"grade": "gold"},
     {"category": "tea", "grade": "gold"}]
)  # fmt: skip
rules = st.one_of(
    st.builds(
        lambda match, levels: {"match": match, "levels": levels},
        matches, st.lists(terms_of_a_level, min_size=1, max_size=3),
    ),
    st.builds(lambda match: {"match": match, "excluded": True}, matches),
)  # fmt: skip
settings = st.fixed_dictionaries(
    {
        "max_levels": st.integers(1, 3),
        "payout_cap_bps": st.sampled_from([0, 700, 1500, 5000, 10_000]),
        "suspended_upline": st.sampled_from(["skip", "compress"]),
        "hold_from": st.sampled_from(["paid", "completed"]),
        "hold_days": st.integers(0, 7),
        "timezone": st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]),
    }
)


@st.composite
def trees(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Members `m0`, `m1` …, each invited by an earlier one or by nobody."""
    members: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 7))):
        inviter = draw(st.none() | st.sampled_from([one["external_id"] for one in members])) if members else None
        grade = draw(st.sampled_from(["standard", "gold"]))
        more = {"inviter_external_id": inviter} if inviter else {}
        members.append({"external_id": f"m{number}", "grade": grade} | more)
    return members


@st.composite
def orders(draw: st.DrawFn, name: str, customers: Sequence[str]) -> NewOrder:
    lines = []
    for number in range(draw(st.integers(1, 4))):
        quantity, price = draw(st.integers(1, 5)), draw(st.integers(0, 999))
        lines.append(
            NewLine(
                sku=draw(st.sampled_from("xyz")), quantity=quantity, unit_price=price * 4 + number,
                discount=draw(st.integers(0, quantity * (price * 4 + number))),
                category=draw(st.sampled_from([None, "tea"])),
            )
        )  # fmt: skip
    left = sum(line.quantity * line.unit_price - line.discount for line in lines)
    return NewOrder(
        external_id=name, currency="GBP", paid_at=START + timedelta(hours=draw(st.integers(0, 30))), items=lines,
        customer_external_id=draw(st.none() | st.sampled_from([*customers, "stranger"])),
        discount=draw(st.integers(0, left)), shipping=draw(st.integers(0, 300)), tax=draw(st.integers(0, 300)),
        channel=draw(st.sampled_from([None, "app"])),
    )  # fmt: skip


@st.composite
def fates(draw: st.DrawFn, order: NewOrder) -> Event:
    """One thing that may happen to the order; refunds may well ask for too much."""
    name = order.external_id
    kind = draw(st.sampled_from(["items", "items", "amount", "complete", "after_sale", "mature"]))
    if kind == "items":
        lines = draw(st.lists(st.sampled_from(order.items), min_size=1, max_size=3))
        items = [
            {"sku": x.sku, "unit_price": x.unit_price, "quantity": draw(st.integers(1, x.quantity))} for x in lines
        ]
        return Event("refund", name, {"items": items})
    if kind == "amount":
        total = sum(line.quantity * line.unit_price - line.discount for line in order.items)
        return Event("refund", name, {"amount": draw(st.integers(1, max(1, total)))})
    if kind == "complete":
        return Event("complete", name, START + timedelta(hours=31))
    return Event(kind, name, draw(st.booleans()) if kind == "after_sale" else None)


@st.composite
def scenarios(draw: st.DrawFn, most_orders: int = 5) -> Scenario:
    members = draw(trees())
    names = [one["external_id"] for one in members]
    cap = draw(st.none() | st.sampled_from([0, 900, 2500, 10_000]))
    stories = []
    for number in range(draw(st.integers(1, most_orders))):
        order = draw(orders(f"o{number}", names))
        happened = draw(st.lists(fates(order), max_size=5))
        stories.append([Event("place", order.external_id, order), *_numbered(happened)])
    return Scenario(
        members=members,
        suspended=draw(st.lists(st.sampled_from(names), max_size=3, unique=True)),
        settings=draw(settings),
        levels=draw(st.lists(rates, min_size=0, max_size=3)),
        terms={"rules": draw(st.lists(rules, max_size=3)), "cap_bps": cap},
        stories=stories,
    )


def _numbered(events: Sequence[Event]) -> Iterator[Event]:
    """Refunds by names of their own; a case that was opened is closed at the end."""
    for number, event in enumerate(events):
        named = {"name": f"{event.order}-{number}"}
        yield event._replace(content=event.content | named) if event.kind == "refund" else event
    if any(event.kind == "after_sale" for event in events):
        yield Event("after_sale", events[0].order, content=False)


def open_shop(app: Flask, scenario: Scenario) -> Shop:
    """A fresh program with the scenario's tree, settings and plan, and no order yet."""
    shop = Shop(make_program(app))
    shop.settings(**scenario.settings)
    shop.post("/v1/members/batch", {"members": scenario.members})
    for name in scenario.suspended:
        shop.client.patch(f"/v1/members/ext:{name}", {"status": "suspended"})
    shop.plan(*scenario.levels, **scenario.terms)
    return shop


def let_happen(shop: Shop, events: Sequence[Event], batch: int = 1) -> None:
    """One service call after the other; events of one kind that follow each other go in batches of up to `batch`."""
    for kind, following in groupby(events, key=lambda event: event.kind):
        run = list(following)
        size = batch if kind in BATCHED else 1
        for start in range(0, len(run), size):
            _happen(shop, kind, run[start : start + size])


def _happen(shop: Shop, kind: str, events: list[Event]) -> None:
    if kind == "mature":
        shop.mature()
        return
    with transaction(shop.program.id):
        program = program_of(shop.program.id)
        if kind == "place":
            assert all(placed.error is None for placed in place_orders(program, [event.content for event in events]))
            return
        if kind == "complete":
            lifecycle.complete_orders(program, [(event.order, event.content) for event in events])
            return
        ids = [lifecycle.order_id_of(program.id, ExternalRef(event.order)) for event in events]
        if kind == "refund":
            wanted = [_refund(order_id, event.content) for order_id, event in zip(ids, events, strict=True)]
            assert all(isinstance(done.error, Conflict | None) for done in refund_orders(program, wanted))
        elif kind == "after_sale":
            lifecycle.set_after_sale(program, ids[0], events[0].content, None)
        else:
            lifecycle.cancel_order(program, ids[0], MATURE_AT, "the end")


def _refund(order_id: Any, content: dict[str, Any]) -> NewRefund:
    return NewRefund(order_id, content["name"], MATURE_AT, None, content.get("items"), content.get("amount"))
