"""Many refunds at once: the same as one by one, each item for itself, results in the order of the request."""

from typing import Any

from tests.clients import TestProgram
from tests.commission.orders.conftest import Shop, earned, order_body, pointers

X1 = [{"sku": "x", "quantity": 1}]
Y1 = [{"sku": "y", "quantity": 1}]


def test_refunds_of_a_batch(shop: Shop, other_program: TestProgram) -> None:
    shop.batch([order_body("o1"), order_body("o2"), order_body("placed", paid_at=None)])
    Shop(other_program).order("theirs")
    results = shop.refunds(
        [
            {"external_id": "r1", "order_external_id": "o2", "items": X1},
            {"external_id": "r2", "order_external_id": "nothing", "items": X1},
            {"external_id": "r3", "order_external_id": "o1", "amount": 100},
            {"external_id": "r4", "order_external_id": "o2", "items": X1 * 3},
            {"external_id": "r5", "order_external_id": "o2", "items": X1 * 2},
            {"external_id": "r1", "order_external_id": "o2", "items": X1},
            {"external_id": "r1", "order_external_id": "o1", "items": X1},
            {"external_id": "r6", "order_external_id": "placed", "items": X1},
            {"external_id": "r7", "order_external_id": "theirs", "items": X1},
            {"external_id": "r8", "order_external_id": "o1"},
            {"external_id": 9},
            "refund",
        ]
    )
    assert [(one["external_id"], one["status"], one["error"] and one["error"]["code"]) for one in results] == [
        ("r1", "created", None), ("r2", "error", "not_found"), ("r3", "created", None),
        ("r4", "error", "refund_exceeds_order"), ("r5", "created", None), ("r1", "exists", None),
        ("r1", "error", "already_exists"), ("r6", "error", "wrong_state"), ("r7", "error", "not_found"),
        ("r8", "error", "invalid"), (None, "error", "invalid"), (None, "error", "invalid"),
    ]  # fmt: skip
    assert pointers(results[3]["error"]) == ["/items/2/quantity"]
    assert pointers(results[9]["error"]) == [""]
    assert (shop.shown("o1")["refunded"], shop.shown("o2")["refunded"]) == (100, 999)
    assert [one["id"] for one in shop.shown("o2")["refunds"]] == [results[0]["id"], results[4]["id"]]
    again = shop.refunds([{"external_id": "r3", "order_external_id": "o1", "amount": 100}])
    assert (again[0]["status"], again[0]["id"]) == ("exists", results[2]["id"])


def test_a_batch_of_refunds_is_the_same_as_one_by_one(shop: Shop) -> None:
    shop.batch([order_body("o1", shipping=9), order_body("o2", shipping=9)])
    steps: list[dict[str, Any]] = [{"amount": 77}, {"items": X1}, {"amount": 500}, {"items": Y1}, {"amount": 8}]
    shop.refunds([{"external_id": f"b{n}", "order_external_id": "o1"} | terms for n, terms in enumerate(steps)])
    for number, terms in enumerate(steps):
        shop.refund("o2", f"s{number}", **terms)
    one, other = shop.shown("o1"), shop.shown("o2")
    assert earned(one) == earned(other)
    assert (one["items"], one["refunded"]) == (other["items"], other["refunded"])
    assert [refund["value"] for refund in one["refunds"]] == [refund["value"] for refund in other["refunds"]]


def test_what_is_no_batch_is_refused_as_a_whole(shop: Shop) -> None:
    for body in ({"refunds": []}, {"refunds": [{}] * 1001}, {}, [], {"refunds": [{}], "more": 1}):
        answer = shop.client.post("/v1/refunds/batch", body)
        assert (answer.status_code, pointers(answer)) == (422, ["/refunds"])
