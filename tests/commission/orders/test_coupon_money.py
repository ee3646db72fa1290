"""Orders with codes through their life: refunds, cancels, repeats, races, crashes. Books and quantities hold."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from time import sleep
from typing import Any

import psycopg
import pytest

from commission.orders.intake import place_orders
from commission.orders.loading import load_order
from core.auth.service import program_of
from core.db import db, execute, scalar, transaction
from core.http.json import dumps
from tests.commission.orders.books import assert_sound
from tests.commission.orders.conftest import REFUNDED_AT, Shop, earned, order_body
from tests.commission.orders.selling import coupon, taken_of
from tests.commission.orders.test_races import at_once, calling, refund, statuses

X1 = [{"sku": "x", "quantity": 1}]
ALL = [{"sku": "x", "quantity": 3}, {"sku": "y", "quantity": 1}]


@pytest.fixture(autouse=True)
def sound_books(shop: Shop) -> Iterator[None]:
    """Whatever happened, the books are sound at the end."""
    yield
    assert_sound(shop.program.id)


def redemptions(shop: Shop) -> list[tuple[str, int]]:
    with transaction(shop.program.id, read_only=True):
        rows: Any = scalar(
            """SELECT coalesce(json_agg(json_build_array(status, amount) ORDER BY id), '[]') FROM coupon_redemptions
               WHERE program_id = %(p)s""",
            p=shop.program.id,
        )  # fmt: skip
    return [(status, amount) for status, amount in rows]


def test_a_partial_refund_is_of_the_price_after_the_coupon(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", "b", total_quantity=1)
    order = shop.order(coupon_codes=["ONE"])
    # 100 off 999 and 101: 908 and 92 are left, so a third of x is worth floor(908 / 3) = 302, not 333
    assert [line["base"] for line in order["items"]] == [908, 92]
    assert earned(order) == [(1, 100, 0), (2, 50, 0)]
    assert shop.refund("o1", "r1", items=X1)["value"] == 302
    # level 1 has 91 of x and keeps floor(91 x 606 / 908) = 60; level 2 has 45 and keeps 30
    assert earned(shop.shown()) == [(1, 100, 31), (2, 50, 15)]
    assert (taken_of(shop, coupon_id), redemptions(shop)) == (1, [("redeemed", 100)])


def test_refunds_add_up_to_what_was_paid_and_then_the_code_is_back(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", "b", total_quantity=1)
    shop.order(coupon_codes=["ONE"], shipping=30)
    values = [shop.refund("o1", f"r{number}", items=X1)["value"] for number in range(3)]
    assert (sum(values), taken_of(shop, coupon_id)) == (908, 1)
    shop.refund("o1", "r3", items=[{"sku": "y", "quantity": 1}])
    assert (taken_of(shop, coupon_id), redemptions(shop)) == (0, [("given_back", 100)])
    shop.refund("o1", "r4", amount=30)
    assert (taken_of(shop, coupon_id), shop.shown()["refunded"]) == (0, 1030)
    assert shop.pending("b", "a") == [0, 0]
    assert shop.order("o2", coupon_codes=["ONE"])["coupon_discount"] == 100


def test_all_the_money_back_is_a_full_refund_too(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", total_quantity=1)
    shop.order(coupon_codes=["ONE"])
    shop.refund("o1", "r1", amount=999)
    assert taken_of(shop, coupon_id) == 1
    shop.refund("o1", "r2", amount=1)
    assert taken_of(shop, coupon_id) == 0


def test_an_order_that_cost_nothing_is_refunded_in_full_by_its_last_unit(shop: Shop) -> None:
    coupon_id = coupon(shop, "FREE", amount=5000, total_quantity=1)
    assert shop.order(coupon_codes=["FREE"])["total"] == 0
    shop.refund("o1", "r1", items=X1)
    assert taken_of(shop, coupon_id) == 1
    shop.refund("o1", "r2", items=[{"sku": "x", "quantity": 2}, {"sku": "y", "quantity": 1}])
    assert taken_of(shop, coupon_id) == 0


@pytest.mark.parametrize(
    ("rule", "after_refund", "after_cancel"),
    [("cancel_or_full_refund", 0, 0), ("cancel_only", 1, 0), ("never", 1, 1)],
)
def test_each_coupon_says_when_it_comes_back(shop: Shop, rule: str, after_refund: int, after_cancel: int) -> None:
    refunded = coupon(shop, "FIRST", total_quantity=1, give_back=rule)
    canceled = coupon(shop, "SECOND", total_quantity=1, give_back=rule)
    shop.order("o1", coupon_codes=["FIRST"])
    shop.order("o2", coupon_codes=["SECOND"])
    shop.refund("o1", "r1", items=ALL)
    shop.cancel("o2")
    assert (taken_of(shop, refunded), taken_of(shop, canceled)) == (after_refund, after_cancel)
    shop.cancel("o1")  # of what is refunded already
    assert taken_of(shop, refunded) == after_cancel


@pytest.mark.parametrize("paid", [True, False])
def test_a_cancel_gives_back_once_however_often_it_is_said(shop: Shop, *, paid: bool) -> None:
    coupon_id = coupon(shop, "ONE", "b", total_quantity=1, per_customer_limit=1)
    shop.order(coupon_codes=["ONE"], **({} if paid else {"paid_at": None}))
    assert shop.cancel()["refunded"] == (1000 if paid else 0)
    assert taken_of(shop, coupon_id) == 0
    assert shop.cancel() == shop.shown()
    assert taken_of(shop, coupon_id) == 0
    assert shop.order("o2", coupon_codes=["ONE"])["coupon_discount"] == 100
    assert taken_of(shop, coupon_id) == 1


def test_recorded_codes_have_nothing_to_give_back(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", "b", total_quantity=1)
    shop.order("o1", coupon_codes=["ONE"])
    told = {"coupon_policy": "record", "coupon_discounts": [{"code": "ONE", "amount": 300}]}
    assert earned(shop.order("o2", **told)) == [(1, 80, 0), (2, 40, 0)]
    shop.cancel("o2")
    assert taken_of(shop, coupon_id) == 1


def test_repeats_of_everything_change_nothing(shop: Shop) -> None:
    coupon_id = coupon(shop, "TWO", "b", total_quantity=2)
    body = order_body(coupon_codes=["TWO"])
    for _ in range(2):
        assert shop.client.post("/v1/orders", body).status_code in {200, 201}
        assert (taken_of(shop, coupon_id), shop.pending("b", "a")) == (1, [100, 50])
    terms = {"external_id": "r1", "refunded_at": REFUNDED_AT, "items": ALL}
    for _ in range(2):
        assert shop.client.post("/v1/orders/ext:o1/refunds", terms).status_code in {200, 201}
        assert (taken_of(shop, coupon_id), shop.pending("b", "a")) == (0, [0, 0])
    assert shop.client.post("/v1/orders", body).status_code == 200
    assert taken_of(shop, coupon_id) == 0


def test_an_idempotency_key_repeats_the_answer_of_a_redemption(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", total_quantity=1)
    key = {"Idempotency-Key": "k1"}
    first = shop.client.post("/v1/orders", order_body(coupon_codes=["ONE"]), headers=key)
    again = shop.client.post("/v1/orders", order_body(coupon_codes=["ONE"]), headers=key)
    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    assert (again.headers["Idempotent-Replayed"], taken_of(shop, coupon_id)) == ("true", 1)


# --- at the same moment ---


def test_one_order_posted_at_once_redeems_once_and_every_answer_is_that_order(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", "b", total_quantity=1, per_customer_limit=1)
    body = order_body(coupon_codes=["ONE"])
    answers = at_once(shop, *[calling(shop, "/v1/orders", body) for _ in range(12)])
    assert statuses(answers) == [200] * 11 + [201]
    assert all(answer.json == answers[0].json for answer in answers)
    assert (taken_of(shop, coupon_id), shop.pending("b", "a")) == (1, [100, 50])


def test_a_repeat_that_is_judged_just_after_the_first_was_written_is_still_a_repeat(shop: Shop) -> None:
    """It did not see the order when it looked for it, and sees the code used when it judges it."""
    coupon(shop, "ONE", "b", total_quantity=1)
    body = order_body(coupon_codes=["ONE"])

    def repeat() -> int:
        with shop.program.app.app_context():
            return calling(shop, "/v1/orders", body)().status_code

    with ThreadPoolExecutor(1) as pool:
        with transaction(shop.program.id):
            execute("LOCK TABLE coupon_codes IN ACCESS EXCLUSIVE MODE")
            repeated = pool.submit(repeat)
            while not scalar("SELECT 1 FROM pg_locks WHERE relation = 'coupon_codes'::regclass AND NOT granted"):
                sleep(0.01)
            place(shop, body)
        assert repeated.result() == 200


def test_of_many_orders_at_once_as_many_get_the_coupon_as_there_are(shop: Shop) -> None:
    coupon_id = coupon(shop, "FOUR", "b", total_quantity=4)
    bodies = [order_body(f"o{number}", coupon_codes=["FOUR"]) for number in range(12)]
    answers = at_once(shop, *[calling(shop, "/v1/orders", body) for body in bodies])
    assert statuses(answers) == [201] * 4 + [422] * 8
    refused = [answer.json for answer in answers if answer.status_code == 422]
    assert {one["refused"][0]["reason"] for one in refused} == {"sold_out"}  # type: ignore[index]
    assert (taken_of(shop, coupon_id), shop.pending("b")) == (4, [400])


def test_two_of_one_customer_at_once_are_held_to_his_limit(shop: Shop) -> None:
    coupon(shop, "EACH", per_customer_limit=1)
    bodies = [order_body(f"o{number}", coupon_codes=["EACH"]) for number in range(2)]
    answers = at_once(shop, *[calling(shop, "/v1/orders", body) for body in bodies])
    assert statuses(answers) == [201, 422]


def test_refund_cancel_and_the_next_buyer_at_once_keep_the_quantity(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", "b", total_quantity=1)
    shop.order("o1", coupon_codes=["ONE"])
    answers = at_once(
        shop,
        refund(shop, "o1", "r1", items=ALL),
        calling(shop, "/v1/orders/ext:o1/cancel", {"canceled_at": REFUNDED_AT, "reason": "not wanted"}),
        calling(shop, "/v1/orders", order_body("o2", coupon_codes=["ONE"])),
    )
    assert answers[1].status_code == 200
    assert answers[2].status_code in {201, 422}
    assert taken_of(shop, coupon_id) == (1 if answers[2].status_code == 201 else 0)
    assert shop.shown()["refunded"] == 1000


# --- crashes ---


def written(shop: Shop) -> list[int]:
    tables = ("orders", "order_lines", "commissions", "ledger_postings", "coupon_redemptions", "team_deltas",
              "traffic_deltas", "members")  # fmt: skip
    with transaction(shop.program.id, read_only=True):
        return [
            int(scalar(f"SELECT count(*) FROM {table} WHERE program_id = %(p)s", p=shop.program.id))  # type: ignore[arg-type]
            for table in tables
        ]


def place(shop: Shop, body: dict[str, Any]) -> None:
    (placed,) = place_orders(program_of(shop.program.id), [load_order(dumps(body))])
    assert placed.view is not None


def test_a_crash_before_the_commit_leaves_nothing(shop: Shop) -> None:
    coupon_id = coupon(shop, "ONE", "b", total_quantity=1)
    before = written(shop)
    with suppress(KeyboardInterrupt), transaction(shop.program.id):
        place(shop, order_body("o1", "new", coupon_codes=["ONE"]))
        raise KeyboardInterrupt
    assert (written(shop), taken_of(shop, coupon_id)) == (before, 0)
    assert shop.order("o1", "new", coupon_codes=["ONE"])["coupon_discount"] == 100


@contextmanager
def no_redemption_can_be_written() -> Iterator[None]:
    """Another connection keeps the table; reading it goes on."""
    other = db.engine.raw_connection()
    driver: Any = other.driver_connection
    driver.execute("BEGIN")
    driver.execute("LOCK TABLE coupon_redemptions IN EXCLUSIVE MODE")
    try:
        yield
    finally:
        driver.execute("ROLLBACK")
        other.close()


def test_an_order_whose_code_cannot_be_redeemed_after_all_is_not_written(shop: Shop) -> None:
    """The failure comes between the order's row and its redemption."""
    coupon_id = coupon(shop, "ONE", "b", total_quantity=1)
    before = written(shop)
    with no_redemption_can_be_written(), suppress(psycopg.errors.LockNotAvailable), transaction(shop.program.id):
        execute("SET LOCAL lock_timeout = '100ms'")
        place(shop, order_body("o1", "new", coupon_codes=["ONE"]))
        raise AssertionError("it was written")
    assert (written(shop), taken_of(shop, coupon_id)) == (before, 0)
    assert shop.order("o1", "new", coupon_codes=["ONE"])["coupon_discount"] == 100
