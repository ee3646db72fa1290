"""The sums follow the event log exactly: whatever happens to orders, they are what a recount would give."""

import random
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from flask import Flask

from community.boards.models import MEASURES
from core.db import execute, fetch_all, transaction
from core.events.reading import number_events
from core.events.service import Event, announce
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import TestProgram
from tests.commission.orders.conftest import Shop, order_body
from tests.community.boards.reading import counted, follow, follow_at_once, kept
from tests.jobs import run_jobs
from tests.telling import plain_id, told
from tests.threads import together

ZONE = "Asia/Shanghai"


class _Value(NamedTuple):
    value: int


def value(program: TestProgram, measure: str, member: str, day: str, period: str = "day", scope: str = "") -> int:
    assert measure in MEASURES
    with transaction(program.id, read_only=True):
        found = fetch_all(
            _Value,
            f"""SELECT {measure} FROM board_sums WHERE program_id = %(p)s AND period = %(period)s
                AND starts_on = %(day)s AND scope = %(scope)s AND member_id = %(member)s""",
            p=program.id, period=period, day=date.fromisoformat(day), scope=scope, member=member,
        )  # fmt: skip
    return found[0].value if found else 0


def member_ids(shop: Shop, *names: str) -> list[str]:
    return [plain_id(shop.client.get(f"/v1/members/ext:{name}").json["id"]) for name in names]  # type: ignore[index]


class Life:
    """A shop that does at random what shops do; the same seed does the same."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop, self.chance = shop, random.Random(seed)  # noqa: S311 -- the same again for the same seed
        self.finance = shop.program.staff("finance")
        self.orders: list[str] = []
        self.made = 0

    def step(self) -> None:
        steps: list[Callable[[], Any]] = [self.sell] * 4 + [self.sell_many, self.place, self.pay]
        if self.orders:
            steps += [self.refund, self.refund, self.cancel, self.move, self.repeat]
        self.chance.choice(steps)()

    def body(self, **more: Any) -> dict[str, Any]:
        self.made += 1
        name = f"o{self.made}"
        paid_at = datetime.fromisoformat("2026-02-26T12:00:00Z") + timedelta(hours=self.chance.randrange(24 * 14))
        group = self.chance.choice([None, "g1", "g2"])
        body = {"paid_at": paid_at.isoformat(), "shipping": 50} | ({"group_id": group} if group else {}) | more
        self.orders.append(name)
        return order_body(name, self.chance.choice(["c", "d", "b", "new", None]), **body)

    def sell(self) -> None:
        assert self.shop.client.post("/v1/orders", self.body()).status_code == 201

    def sell_many(self) -> None:
        self.shop.batch([self.body() for _ in range(5)])

    def place(self) -> None:
        assert self.shop.client.post("/v1/orders", self.body(paid_at=None)).status_code == 201

    def pay(self) -> None:
        for name in self.orders[-3:]:
            self.shop.client.post(f"/v1/orders/ext:{name}/pay", {"paid_at": "2026-03-03T23:30:00Z"})

    def refund(self) -> None:
        terms: list[dict[str, Any]] = [
            {"items": [{"sku": "x", "quantity": 1}]}, {"amount": self.chance.choice([1, 100, 1150])},
        ]  # fmt: skip
        body = {"external_id": f"r{self.chance.random()}", "refunded_at": "2026-04-01T00:00:00Z"}
        self.shop.client.post(
            f"/v1/orders/ext:{self.chance.choice(self.orders)}/refunds", body | self.chance.choice(terms)
        )

    def cancel(self) -> None:
        body = {"canceled_at": "2026-04-02T00:00:00Z", "reason": "no"}
        self.shop.client.post(f"/v1/orders/ext:{self.chance.choice(self.orders)}/cancel", body)

    def move(self) -> None:
        member = self.chance.choice(["a", "b", "d", None])
        ref = self.shop.client.get(f"/v1/members/ext:{member}").json["id"] if member else None  # type: ignore[index]
        path = f"/v1/orders/ext:{self.chance.choice(self.orders)}/attribution"
        self.finance.post(path, {"member_id": ref, "reason": "asked"})

    def repeat(self) -> None:
        self.shop.client.post(
            f"/v1/orders/ext:{self.orders[0]}/cancel", {"canceled_at": "2026-04-02T00:00:00Z", "reason": "no"}
        )


@pytest.mark.parametrize("seed", range(4))
def test_sums_are_what_a_recount_gives(shop: Shop, seed: int) -> None:
    life = Life(shop, seed)
    for number in range(60):
        life.step()
        if number % 7 == 0:
            follow(shop.program)
    follow(shop.program)
    found, expected = kept(shop.program), counted(shop.program, ZONE)
    assert len(expected["members"]) > 20
    happened = {event.kind for event in told(shop.program)}
    assert {"order.refunded", "order.canceled", "order.reattributed", "commission.reversed"} <= happened
    assert found["members"] == expected["members"]
    assert found["days"] == expected["days"]
    assert found["customers"] == expected["customers"]
    assert len(expected["products"]) > 20
    assert found["products"] == expected["products"]


def test_late_money_and_refunds_go_to_the_day_of_the_order(shop: Shop) -> None:
    (b,) = member_ids(shop, "b")
    shop.order("o1", paid_at="2026-03-01T15:59:59Z")  # 23:59:59 in Shanghai
    shop.order("o2", paid_at="2026-03-01T16:00:00Z")
    follow(shop.program)
    shop.refund("o1", "r1", amount=100)
    follow(shop.program)
    assert value(shop.program, "sales", b, "2026-03-01") == 1000
    assert value(shop.program, "sales", b, "2026-03-02") == 1100
    assert value(shop.program, "sales", b, "2026-02-23", "week") == 1000
    assert value(shop.program, "sales", b, "2026-03-02", "week") == 1100
    assert value(shop.program, "sales", b, "2026-03-01", "month") == 2100
    assert value(shop.program, "sales", b, "1970-01-01", "all") == 2100


def test_what_is_sold_in_a_group_counts_there_too(shop: Shop) -> None:
    (b,) = member_ids(shop, "b")
    shop.order("o1", group_id="wecom-17", paid_at="2026-03-01T10:00:00Z")
    shop.order("o2", paid_at="2026-03-01T10:00:00Z")
    follow(shop.program)
    assert value(shop.program, "orders", b, "2026-03-01") == 2
    assert value(shop.program, "orders", b, "2026-03-01", scope="wecom-17") == 1
    assert value(shop.program, "commission", b, "2026-03-01", scope="wecom-17") == 110


def invites(shop: Shop) -> int:
    follow(shop.program)
    (b,) = member_ids(shop, "b")
    return value(shop.program, "invites", b, "1970-01-01", "all")


def test_an_invite_counts_when_the_invited_one_buys_for_the_first_time(shop: Shop) -> None:
    assert invites(shop) == 0
    shop.order("o1", "c")
    assert invites(shop) == 1
    shop.order("o2", "c")
    assert invites(shop) == 1
    shop.order("o3", "d")
    assert invites(shop) == 2
    assert value(shop.program, "invites", member_ids(shop, "b")[0], "2026-03-01") == 2


def test_an_invite_whose_order_does_not_stand_is_taken_off_and_the_next_order_counts(shop: Shop) -> None:
    shop.order("o1", "c")
    shop.order("o2", "c")
    assert invites(shop) == 1
    shop.cancel("o1")
    assert invites(shop) == 0
    shop.cancel("o2")
    assert invites(shop) == 0
    shop.order("o3", "c")
    assert invites(shop) == 1
    shop.refund("o3", "r1", amount=1000)
    assert invites(shop) == 1
    shop.refund("o3", "r2", amount=100)
    shop.cancel("o3")
    assert invites(shop) == 0


def test_who_bought_before_he_was_invited_is_no_invite(shop: Shop) -> None:
    shop.order("o1", "x")
    shop.member("x", "b")
    shop.order("o2", "x")
    shop.cancel("o1")
    shop.order("o3", "x")
    assert invites(shop) == 0


def test_points_count_where_and_when_their_order_was(shop: Shop) -> None:
    (a,) = member_ids(shop, "a")
    order = shop.order("o1", group_id="g", paid_at="2026-03-01T10:00:00Z")
    at = datetime.fromisoformat("2026-03-05T10:00:00Z")
    order_id = plain_id(order["id"])
    with transaction(shop.program.id):
        announce(
            shop.program.id,
            [
                Event("points.earned", at, {"member_id": a, "amount": 30, "order_id": order_id}),
                Event("points.earned", at, {"member_id": a, "amount": 5, "order_id": None}),
                Event("points.taken_back", at, {"member_id": a, "amount": 10, "order_id": order_id}),
            ],
        )
    follow(shop.program)
    assert value(shop.program, "points", a, "2026-03-01") == 20
    assert value(shop.program, "points", a, "2026-03-01", scope="g") == 20
    assert value(shop.program, "points", a, "2026-03-05") == 5


def test_two_readers_at_once_count_each_event_once(app: Flask, shop: Shop) -> None:
    shop.batch([order_body(f"o{number}") for number in range(50)])
    follow_at_once(app, shop.program)
    assert kept(shop.program)["members"] == counted(shop.program, ZONE)["members"]


def test_a_reader_that_dies_in_the_middle_has_counted_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from community.boards import folding

    shop.order("o1")
    add, calls = folding.fold_purchases, []

    def die_once(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 1:
            raise RuntimeError("killed")
        add(*args)

    monkeypatch.setattr(folding, "fold_purchases", die_once)
    with transaction(shop.program.id):
        number_events(shop.program.id)
    publish_where_due(shop.program.id, [SCHEDULES["boards.fold"]])
    run_jobs(shop.program.id, may_fail=True)
    assert kept(shop.program)["members"] == {}
    with transaction(shop.program.id):
        execute("UPDATE outbox SET run_at = created_at WHERE program_id = %(p)s", p=shop.program.id)
    run_jobs(shop.program.id)
    assert kept(shop.program)["members"] == counted(shop.program, ZONE)["members"] != {}


def test_orders_of_many_threads_and_a_reader_beside_them(app: Flask, shop: Shop) -> None:
    ended = threading.Event()

    def sell(number: int) -> None:
        for count in range(8):
            shop.order(f"o{number}-{count}", f"n{number % 2}")
            if count % 3 == 2:
                shop.cancel(f"o{number}-{count}")

    def read() -> None:
        while not ended.is_set():
            with app.app_context():
                follow(shop.program)

    reader = threading.Thread(target=read)
    reader.start()
    together(app, *[lambda number=number: sell(number) for number in range(4)])
    ended.set()
    reader.join()
    follow(shop.program)
    found, expected = kept(shop.program), counted(shop.program, ZONE)
    assert found == expected
