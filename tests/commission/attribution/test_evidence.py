"""What speaks for whom when an order is accepted: clicks, links and codes, and what a link lends to the order."""

from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from core.clock import frozen_at
from core.db import fetch_all, scalars, transaction
from coupons.clicks.tokens import open_token
from tests.commission.orders.books import assert_sound
from tests.commission.orders.conftest import Shop, earned, order_body
from tests.commission.orders.selling import DAY, PAID, click_on, coupon, link, stored_click
from tests.commission.orders.test_statements import cost


class _Row(NamedTuple):
    text: str


def id_of(shop: Shop, member: str) -> str:
    return str(shop.client.get(f"/v1/members/ext:{member}").json["id"])  # type: ignore[index]


def sold_by(order: dict[str, Any]) -> tuple[str, str | None]:
    return order["attribution"]["source"], order["attribution"]["member_id"]


def refused(shop: Shop, order: str = "o1") -> list[tuple[str, str | None, str]]:
    return [(one["source"], one.get("reference"), one["reason"]) for one in shop.explained(order)["evidence_refused"]]


def test_a_click_tells_the_seller_and_his_upline_earns(shop: Shop) -> None:
    made = link(shop, "seller")
    token = click_on(shop, made["id"])
    order = shop.order(click_id=token)
    assert order["attribution"] == {
        "source": "click",
        "member_id": id_of(shop, "seller"),
        "evidence": {
            "source": "click", "member_id": id_of(shop, "seller"), "reference": token, "click_id": token,
            "clicked_at": "2026-02-28T10:00:00.000Z", "link_id": made["id"], "code": made["code"],
        },
    }  # fmt: skip
    assert earned(order) == [(1, 110, 0), (2, 55, 0)]
    assert shop.pending("seller", "boss", "b") == [110, 55, 0]
    assert refused(shop) == [("binding", None, "outranked")]
    assert shop.shown() == order
    assert_sound(shop.program.id)


def test_the_explanation_names_the_window_and_every_click_that_was_refused(shop: Shop) -> None:
    made = link(shop, "seller")
    late = click_on(shop, made["id"], ago=30 * DAY + timedelta(milliseconds=1))
    shop.order(click_id=late, link_code="nothing")
    assert refused(shop) == [("click", late, "outside_window"), ("click", "nothing", "unknown")]
    explained = shop.explained()
    assert explained["settings"]["click_window_days"] == 30
    assert explained["settings"]["click_model"] == "last"
    assert explained["evidence_refused"][0]["member_id"] == id_of(shop, "seller")
    assert explained["evidence_refused"][0]["code"] == made["code"]
    assert explained["attribution"]["source"] == "binding"


@pytest.mark.parametrize(
    ("ago", "source"),
    [(timedelta(0), "click"), (30 * DAY, "click"), (30 * DAY + timedelta(milliseconds=1), "binding"),
     (timedelta(milliseconds=-1), "binding")],
)  # fmt: skip
def test_both_ends_of_the_window_count(shop: Shop, ago: timedelta, source: str) -> None:
    token = click_on(shop, link(shop, "seller")["id"], ago=ago)
    assert sold_by(shop.order(click_id=token))[0] == source


@pytest.mark.parametrize(("model", "winner"), [("last", "rival"), ("first", "seller")])
def test_of_a_visitors_clicks_the_last_or_the_first_decides(shop: Shop, model: str, winner: str) -> None:
    shop.settings(attribution={"click_model": model})
    first = stored_click(shop, link(shop, "seller")["id"], ago=5 * DAY)
    last = stored_click(shop, link(shop, "rival")["id"], ago=DAY)
    order = shop.order(visitor_id="v")
    assert sold_by(order) == ("click", id_of(shop, winner))
    other = first if model == "last" else last
    assert ("click", other, "superseded") in refused(shop)


def test_a_visitor_who_orders_is_known_from_then_on(shop: Shop) -> None:
    stored_click(shop, link(shop, "seller")["id"])
    assert sold_by(shop.order("o1"))[0] == "binding"
    assert sold_by(shop.order("o2", visitor_id="v"))[0] == "click"
    assert sold_by(shop.order("o3")) == ("click", id_of(shop, "seller"))
    assert sold_by(shop.order("o4", "stranger"))[0] == "none"


def test_the_visitor_of_a_named_click_is_known_as_well(shop: Shop) -> None:
    made = link(shop, "seller")
    shop.order("o1", click_id=click_on(shop, made["id"], ago=40 * DAY, visitor="phone"))
    stored_click(shop, made["id"], visitor="phone")
    assert sold_by(shop.order("o2"))[0] == "click"


def test_a_guest_is_told_by_his_visitor_and_joins_nobody(shop: Shop) -> None:
    stored_click(shop, link(shop, "seller")["id"])
    assert sold_by(shop.order(customer=None, visitor_id="v"))[0] == "click"
    with transaction(shop.program.id, read_only=True):
        assert fetch_all(_Row, "SELECT source FROM visitor_members WHERE program_id = %(p)s", p=shop.program.id) == []


def test_a_named_link_counts_while_it_lives(shop: Shop) -> None:
    with frozen_at(PAID - 9 * DAY):
        ended = link(shop, "seller", expires_at=PAID.isoformat())
        living = link(shop, "seller", expires_at=(PAID + timedelta(seconds=1)).isoformat())
    assert sold_by(shop.order("o1", link_code=ended["code"]))[0] == "binding"
    assert ("click", ended["code"], "link_ended") in refused(shop, "o1")
    order = shop.order("o2", link_code=living["code"])
    assert order["attribution"]["evidence"] == {
        "source": "click", "member_id": id_of(shop, "seller"), "reference": living["code"], "link_id": living["id"],
        "code": living["code"],
    }  # fmt: skip


def test_another_programs_click_and_link_are_unknown(shop: Shop, other_program: Any) -> None:
    other = Shop(other_program)
    other.member("seller")
    made = link(other, "seller")
    shop.order(click_id=click_on(other, made["id"]), link_code=made["code"])
    assert [reason for *_, reason in refused(shop)] == ["unknown", "unknown"]
    assert shop.shown()["link_id"] is None


def test_an_owners_code_beside_the_shops_own_is_heard(shop: Shop) -> None:
    coupon(shop, "HOUSE", stackable=True)
    coupon(shop, "OURS", "seller", stackable=True)
    order = shop.order(coupon_codes=["HOUSE", "OURS"])
    assert order["attribution"]["evidence"] == {
        "source": "coupon", "member_id": id_of(shop, "seller"), "reference": "OURS", "code": "OURS",
    }  # fmt: skip
    assert ("coupon", "HOUSE", "no_member") in refused(shop)


def test_an_owner_who_was_erased_gives_nobody_and_breaks_nothing(shop: Shop) -> None:
    coupon(shop, "GONE", "rival")
    made = link(shop, "rival")
    token = click_on(shop, made["id"])
    stored_click(shop, made["id"])
    assert shop.owner.post("/v1/members/ext:rival/erasure").status_code in {200, 204}
    told = {"coupon_policy": "record", "coupon_discounts": [{"code": "GONE", "amount": 1}]}
    order = shop.order(click_id=token, link_code=made["code"], visitor_id="v", **told)
    assert sold_by(order)[0] == "binding"
    assert shop.explained()["attribution"]["source"] == "binding"


# --- what an order takes over from its link ---

RIDES = {
    "campaign_id": "spring", "group_id": "g-link", "content_id": "k-link", "session_id": "s-link", "channel": "app",
    "sub_ids": ["1", "2"],
}  # fmt: skip
OF_ORDERS = {name: value for name, value in RIDES.items() if name != "campaign_id"}


def riding(order: dict[str, Any]) -> dict[str, Any]:
    return {name: order[name] for name in RIDES}


def test_what_the_order_leaves_open_its_link_says(shop: Shop) -> None:
    made = link(shop, "seller", **RIDES)
    order = shop.order(click_id=click_on(shop, made["id"]))
    assert (riding(order), order["link_id"]) == (RIDES, made["id"])
    assert shop.shown() == order


def test_what_the_order_says_itself_stands(shop: Shop) -> None:
    made = link(shop, "seller", **RIDES)
    own = {"group_id": "g", "content_id": "k", "session_id": "s", "channel": "web", "sub_ids": ["x"]}
    order = shop.order(click_id=click_on(shop, made["id"]), **own)
    assert riding(order) == own | {"campaign_id": "spring"}


def test_the_channel_of_the_link_chooses_among_the_plans_rules(shop: Shop) -> None:
    rule = {"match": {"channel": "app"}, "levels": [{"rate_bps": 100}]}
    shop.plan(1000, rules=[rule], effective_from="2001-01-01T00:00:00Z")
    token = click_on(shop, link(shop, "seller", channel="app")["id"])
    assert earned(shop.order("o1", click_id=token)) == [(1, 11, 0)]
    assert earned(shop.order("o2", click_id=token, channel="web")) == [(1, 110, 0)]
    assert earned(shop.order("o3")) == [(1, 110, 0)]
    (commission,) = shop.explained("o1")["commissions"]
    assert [line["rule"] for line in commission["lines"]] == [0, 0]


def test_the_link_is_kept_whoever_earns(shop: Shop) -> None:
    coupon(shop, "OURS", "rival")
    made = link(shop, "seller", **RIDES)
    order = shop.order(click_id=click_on(shop, made["id"]), coupon_codes=["OURS"])
    assert sold_by(order) == ("coupon", id_of(shop, "rival"))
    assert (order["link_id"], order["campaign_id"]) == (made["id"], "spring")


def test_the_click_is_kept_where_it_is_what_decided(shop: Shop) -> None:
    coupon(shop, "OURS", "rival")
    token = click_on(shop, link(shop, "seller")["id"])
    shop.order("o1", click_id=token)
    shop.order("o2", click_id=token, coupon_codes=["OURS"])
    with transaction(shop.program.id, read_only=True):
        kept = scalars("SELECT click_id FROM orders WHERE program_id = %(p)s ORDER BY external_id", p=shop.program.id)
    click = open_token(shop.program.id, token)
    assert kept == [click and click.id, None]


def test_a_click_outside_the_window_lends_nothing_but_a_link_that_is_named_does(shop: Shop) -> None:
    made = link(shop, "seller", **RIDES)
    late = click_on(shop, made["id"], ago=31 * DAY)
    assert (shop.order("o1", click_id=late)["link_id"], shop.shown("o1")["channel"]) == (None, None)
    with frozen_at(PAID - 9 * DAY):
        ended = link(shop, "seller", expires_at=PAID.isoformat(), campaign_id="old")
    assert shop.order("o2", link_code=ended["code"])["campaign_id"] == "old"
    stored_click(shop, made["id"])
    assert shop.order("o3", link_code=ended["code"], visitor_id="v")["campaign_id"] == "spring"


# --- placed first, paid later ---


def test_an_order_that_is_paid_later_remembers_what_was_named(shop: Shop) -> None:
    made = link(shop, "seller", **RIDES)
    token = click_on(shop, made["id"])
    placed = shop.order(paid_at=None, click_id=token)
    assert (sold_by(placed), placed["link_id"], placed["channel"]) == (("none", None), None, None)
    paid = shop.pay()
    assert sold_by(paid) == ("click", id_of(shop, "seller"))
    assert (paid["attribution"]["evidence"]["reference"], riding(paid)) == (token, RIDES)
    assert shop.pay() == paid
    assert shop.pending("seller", "boss") == [110, 55]
    assert_sound(shop.program.id)


@pytest.mark.parametrize("customer", ["c", None])
def test_a_visitor_named_by_a_placed_order_is_remembered_by_key_alone(shop: Shop, customer: str | None) -> None:
    stored_click(shop, link(shop, "seller")["id"], visitor="visitor-4711")
    shop.order("o1", customer, paid_at=None, visitor_id="visitor-4711", link_code="nothing")
    assert sold_by(shop.pay())[0] == "click"
    with transaction(shop.program.id, read_only=True):
        (row,) = fetch_all(_Row, "SELECT orders::text FROM orders WHERE program_id = %(p)s", p=shop.program.id)
    assert "nothing" in row.text
    assert "4711" not in row.text


def test_a_code_named_by_a_placed_order_gives_who_owns_it_when_it_is_paid(shop: Shop) -> None:
    coupon(shop, "OURS", "seller")
    shop.order("o1", paid_at=None, coupon_codes=["OURS"])
    told = {
        "coupon_policy": "record",
        "coupon_discounts": [{"code": "OURS", "amount": 5}, {"code": "WHO", "amount": 5}],
    }
    shop.order("o2", paid_at=None, **told)
    assert shop.client.patch("/v1/members/ext:seller", {"status": "suspended"}).status_code == 200
    assert sold_by(shop.pay("o1"))[0] == "binding"
    assert shop.client.patch("/v1/members/ext:seller", {"status": "active"}).status_code == 200
    assert sold_by(shop.pay("o2")) == ("coupon", id_of(shop, "seller"))
    assert refused(shop, "o1")[0] == ("coupon", "OURS", "suspended")
    assert refused(shop, "o2")[0] == ("coupon", "WHO", "unknown")


# --- binding by order ---


@pytest.mark.parametrize("named", ["click", "coupon"])
def test_where_the_program_says_so_a_sale_binds_its_customer(shop: Shop, named: str) -> None:
    shop.settings(binding={"bind_on_order": True})
    coupon(shop, "OURS", "seller")
    token = click_on(shop, link(shop, "seller")["id"])
    shop.order("o1", "new", **({"click_id": token} if named == "click" else {"coupon_codes": ["OURS"]}))
    member = shop.client.get("/v1/members/ext:new").json
    assert member is not None
    assert (member["inviter_id"], member["binding"]["source"]) == (id_of(shop, "seller"), "order")
    assert sold_by(shop.order("o2", "new", paid_at="2026-06-01T00:00:00Z")) == ("binding", id_of(shop, "seller"))


def test_a_bound_customer_stays_bound_and_without_the_setting_nobody_is_bound(shop: Shop) -> None:
    token = click_on(shop, link(shop, "seller")["id"])
    shop.order("o1", "new", click_id=token)
    assert shop.client.get("/v1/members/ext:new").json["inviter_id"] is None  # type: ignore[index]
    shop.settings(binding={"bind_on_order": True})
    shop.order("o2", "c", click_id=token)
    assert shop.client.get("/v1/members/ext:c").json["inviter_id"] == id_of(shop, "b")  # type: ignore[index]
    shop.order("o3", "new", click_id=token)
    assert shop.client.get("/v1/members/ext:new").json["inviter_id"] == id_of(shop, "seller")  # type: ignore[index]


# --- what it costs ---


@pytest.mark.parametrize("count", [1, 100])
def test_evidence_costs_some_statements_however_many_orders_there_are(shop: Shop, count: int) -> None:
    made = link(shop, "seller", **RIDES)
    token = stored_click(shop, made["id"])
    shop.order("warm", click_id=token)
    named = {"click_id": token, "link_code": made["code"], "visitor_id": "v"}
    orders = [order_body(f"o{number}", f"c{number}", **named) for number in range(count)]
    # the named links, the clicks, the joins; making the customers; and telling of both
    assert cost(lambda: shop.batch(orders)) <= 22
