"""The same orders from many threads at once, each with a connection of its own: one effect, exact sums, no 5xx."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Barrier
from time import sleep
from typing import Any

import orjson
from werkzeug.test import TestResponse

from commission.orders.intake import place_orders
from commission.orders.loading import load_order
from commission.orders.new_order import NewOrder
from core.db import scalar, transaction
from tests.clients import ApiClient
from tests.commission.orders.books import assert_sound
from tests.commission.orders.conftest import COMPLETED_AT, PAID_AT, REFUNDED_AT, Shop, earned, order_body
from tests.threads import together

Call = Callable[[], TestResponse]
X2 = [{"sku": "x", "quantity": 2}]


def calling(shop: Shop, path: str, body: Any) -> Call:
    """A call by a client of its own."""
    return partial(ApiClient(shop.program.app, shop.program.api_key).post, path, body)


def refund(shop: Shop, order: str, external_id: str, **terms: Any) -> Call:
    body = {"external_id": external_id, "refunded_at": REFUNDED_AT} | terms
    return calling(shop, f"/v1/orders/ext:{order}/refunds", body)


def at_once(shop: Shop, *calls: Call) -> list[TestResponse]:
    return together(shop.program.app, *calls)


def statuses(answers: list[TestResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def names(count: int) -> list[str]:
    return [f"o{number:02}" for number in range(count)]


def test_one_order_posted_fifty_times_at_once_is_one_order(shop: Shop) -> None:
    answers = at_once(shop, *[calling(shop, "/v1/orders", order_body()) for _ in range(50)])
    assert statuses(answers) == [200] * 49 + [201]
    assert all(answer.json == answers[0].json for answer in answers)
    assert len(shop.client.get("/v1/orders").json["data"]) == 1  # type: ignore[index]
    assert shop.pending("b", "a") == [110, 55]
    assert_sound(shop.program.id)


def test_one_order_of_a_new_customer_at_once_makes_one_member(shop: Shop) -> None:
    bodies = [order_body("o1", "new"), order_body("o1", "new", shipping=1)]
    answers = at_once(shop, *[calling(shop, "/v1/orders", bodies[number % 2]) for number in range(16)])
    assert statuses(answers) == [200] * 7 + [201] + [409] * 8
    assert len({answer.json["customer_id"] for answer in answers if answer.status_code < 300}) == 1  # type: ignore[index]
    assert [one["external_id"] for one in shop.client.get("/v1/members").json["data"]].count("new") == 1  # type: ignore[index]


def test_one_refund_sent_many_times_at_once_is_one_refund(shop: Shop) -> None:
    shop.order()
    answers = at_once(shop, *[refund(shop, "o1", "r1", items=X2) for _ in range(10)])
    assert statuses(answers) == [200] * 9 + [201]
    assert all(answer.json == answers[0].json for answer in answers)
    assert earned(shop.shown()) == [(1, 110, 67), (2, 55, 34)]
    assert_sound(shop.program.id)


def test_one_refund_id_for_two_orders_at_once_is_given_to_one(shop: Shop) -> None:
    for number in range(5):
        shop.batch([order_body(f"a{number}"), order_body(f"b{number}")])
        answers = at_once(shop, *[refund(shop, f"{side}{number}", f"r{number}", items=X2) for side in "ab"])
        assert statuses(answers) == [201, 409]
        assert {answer.json.get("code") for answer in answers} == {None, "already_exists"}  # type: ignore[union-attr]
    assert_sound(shop.program.id)


def test_of_two_refunds_that_together_exceed_the_line_one_is_accepted(shop: Shop) -> None:
    for name in names(8):
        shop.order(name)
        answers = at_once(shop, refund(shop, name, f"{name}-1", items=X2), refund(shop, name, f"{name}-2", items=X2))
        assert statuses(answers) == [201, 409]
        assert {answer.json.get("code") for answer in answers} == {None, "refund_exceeds_order"}  # type: ignore[union-attr]
        assert shop.shown(name)["items"][0]["refunded_quantity"] == 2
    assert_sound(shop.program.id)


def test_amounts_refunded_at_once_never_exceed_the_total(shop: Shop) -> None:
    shop.order(shipping=100)
    answers = at_once(shop, *[refund(shop, "o1", f"r{number}", amount=300) for number in range(8)])
    assert statuses(answers) == [201] * 4 + [409] * 4
    assert shop.shown()["refunded"] == 1200
    assert shop.pending("b", "a") == [0, 0]
    assert_sound(shop.program.id)


def test_an_order_paid_many_times_at_once_is_paid_once(shop: Shop) -> None:
    shop.order("o1", paid_at=None)
    same = at_once(shop, *[calling(shop, "/v1/orders/ext:o1/pay", {"paid_at": PAID_AT}) for _ in range(10)])
    assert statuses(same) == [200] * 10
    assert all(answer.json == same[0].json for answer in same)
    shop.order("o2", paid_at=None)
    instants = [f"2026-03-01T10:00:{number:02}Z" for number in range(10)]
    other = at_once(shop, *[calling(shop, "/v1/orders/ext:o2/pay", {"paid_at": instant}) for instant in instants])
    assert statuses(other) == [200] + [409] * 9
    assert shop.pending("b", "a") == [220, 110]
    assert_sound(shop.program.id)


def test_cancel_and_refund_at_once_take_all_exactly_once(shop: Shop) -> None:
    for name in names(8):
        shop.order(name, shipping=40)
        cancel = calling(shop, f"/v1/orders/ext:{name}/cancel", {"canceled_at": REFUNDED_AT, "reason": "r"})
        canceled, refunded = at_once(shop, cancel, refund(shop, name, name, items=X2))
        assert (canceled.status_code, refunded.status_code) in {(200, 201), (200, 409)}
        shown = shop.shown(name)
        assert (shown["status"], shown["refunded"], len(shown["refunds"])) == (
            "canceled", 1140, 2 if refunded.status_code == 201 else 1,
        )  # fmt: skip
    assert shop.pending("b", "a") == [0, 0]
    assert_sound(shop.program.id)


def test_refunds_completions_after_sales_and_maturation_at_once(shop: Shop) -> None:
    orders = names(12)
    shop.batch([order_body(name) for name in orders])
    completions = {"orders": [{"external_id": name, "completed_at": COMPLETED_AT} for name in reversed(orders)]}
    batch = {"refunds": [
        {"external_id": f"{name}-b", "order_external_id": name, "refunded_at": REFUNDED_AT, "amount": 11}
        for name in reversed(orders)
    ]}  # fmt: skip

    def mature_often() -> list[TestResponse]:
        for _ in range(6):
            shop.mature()
        return []

    def after_sales(part: int) -> list[TestResponse]:
        client = ApiClient(shop.program.app, shop.program.api_key)
        paths = [f"/v1/orders/ext:{name}/after-sale" for name in orders[part::2]]
        return [client.put(path, {"open": is_open}) for is_open in (True, False) for path in paths]

    def refunds(part: int) -> list[TestResponse]:
        return [refund(shop, name, f"{name}-{part}", items=[{"sku": "x", "quantity": 1}])() for name in orders]

    jobs: list[Callable[[], list[TestResponse]]] = [
        mature_often, mature_often, partial(after_sales, 0), partial(after_sales, 1), partial(refunds, 0),
        partial(refunds, 1),
        lambda: [calling(shop, "/v1/orders/complete-batch", completions)() for _ in range(3)],
        lambda: [calling(shop, "/v1/refunds/batch", batch)() for _ in range(3)],
    ]  # fmt: skip
    answers = [answer for done in together(shop.program.app, *jobs) for answer in done]
    assert {answer.status_code for answer in answers} == {200, 201}
    assert_sound(shop.program.id)
    shop.mature()
    left = [sum(one["amount"] - one["reversed"] for one in shop.shown(name)["commissions"]) for name in orders]
    assert (shop.pending("b", "a"), sum(shop.available("b", "a"))) == ([0, 0], sum(left))
    assert [shop.shown(name)["refunded"] for name in orders] == [2 * 333 + 11] * 12


def test_overlapping_batches_in_opposite_orders_both_come_in(shop: Shop) -> None:
    orders = [order_body(name, f"new-{number % 7}" if number % 2 else "c") for number, name in enumerate(names(60))]
    batches = [orders, orders[::-1], orders[20:] + orders[:20], orders[::-2] + orders[::2]]
    answers = at_once(shop, *[calling(shop, "/v1/orders/batch", {"orders": batch}) for batch in batches])
    assert statuses(answers) == [200] * 4
    results = [one for answer in answers for one in answer.json["results"]]  # type: ignore[index]
    assert sorted(one["external_id"] for one in results if one["status"] == "created") == names(60)
    assert {one["status"] for one in results} == {"created", "exists"}
    assert len({(one["external_id"], one["id"]) for one in results}) == 60
    assert shop.pending("b", "a") == [30 * 110, 30 * 55]
    assert_sound(shop.program.id)


def test_overlapping_batches_of_refunds_in_opposite_orders_both_come_in(shop: Shop) -> None:
    shop.batch([order_body(name) for name in names(40)])
    wanted = [
        {"external_id": f"{name}-{n}", "order_external_id": name, "refunded_at": REFUNDED_AT, "amount": 50 + n}
        for name in names(40)
        for n in range(2)
    ]
    batches = [wanted, wanted[::-1], wanted[30:] + wanted[:30]]
    answers = at_once(shop, *[calling(shop, "/v1/refunds/batch", {"refunds": batch}) for batch in batches])
    assert statuses(answers) == [200] * 3
    results = [one for answer in answers for one in answer.json["results"]]  # type: ignore[index]
    assert [one["status"] for one in results].count("created") == 80
    assert {one["status"] for one in results} == {"created", "exists"}
    assert {shop.shown(name)["refunded"] for name in names(40)} == {101}
    assert_sound(shop.program.id)


class Undone(Exception):
    """Makes a transaction roll back."""


def test_batches_take_their_orders_in_one_order_so_that_they_cannot_deadlock(shop: Shop) -> None:
    """Straight at the service, where nobody would run a call again after a deadlock."""
    program = shop.program.now()
    first, middle, last = (load_order(orjson.dumps(order_body(name))) for name in ("o1", "o2", "o3"))

    def place(batch: list[NewOrder]) -> list[str]:
        with transaction(program.id):
            return [placed.outcome.value for placed in place_orders(program, batch)]

    def hold_the_middle_one() -> list[str]:
        with suppress(Undone), transaction(program.id):
            place_orders(program, [middle])
            ready.wait(5)
            wait_for_waiting(2)
            raise Undone
        return []

    def place_when_held(batch: list[NewOrder]) -> list[str]:
        ready.wait(5)
        return place(batch)

    ready = Barrier(3)
    _, one, other = together(
        shop.program.app,
        hold_the_middle_one,
        partial(place_when_held, [first, middle, last]),
        partial(place_when_held, [last, middle, first]),
    )
    assert sorted([one, other]) == [["created"] * 3, ["exists"] * 3]
    assert_sound(program.id)


def wait_for_waiting(count: int) -> None:
    """Until that many transactions wait for a lock."""
    for _ in range(500):
        scalar("SELECT pg_stat_clear_snapshot()")
        waiting = scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        if waiting >= count:
            return
        sleep(0.01)
    raise AssertionError("nobody waits")
