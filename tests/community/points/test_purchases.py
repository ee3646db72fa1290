"""Points of orders: earned once when the rules say, taken back in proportion, whatever comes first."""

from typing import Any
from uuid import UUID

import pytest

from core.clock import frozen_at
from core.db import transaction
from core.events.reading import number_events
from core.ids import parse_public_id
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import TestProgram
from tests.community.activities.stage import NOON, START, Stage
from tests.community.points.desk import RULES, assert_books, digest, points_booked, told
from tests.factories import LineBody, OrderBody
from tests.jobs import deliver_now, lease_jobs


@pytest.fixture(autouse=True)
def rules(program: TestProgram) -> None:
    """A point for every pound, on payment."""
    set_rules(program)


def set_rules(program: TestProgram, **changes: Any) -> None:
    answer = program.staff("owner").put("/v1/point-rules", {"purchase": RULES["purchase"] | changes})
    assert answer.status_code == 200, answer.text


def order(program: TestProgram, **changes: Any) -> dict[str, Any]:
    """A paid order of the customer `ann`: one line of 100.00."""
    answer = program.client.post("/v1/orders", OrderBody(customer_external_id="ann", **changes))
    assert answer.status_code == 201, answer.text
    return answer.json  # type: ignore[return-value]


def refund(program: TestProgram, placed: dict[str, Any], name: str, **what: Any) -> None:
    body = {"external_id": name, "refunded_at": "2026-01-09T00:00:00Z"} | what
    answer = program.client.post(f"/v1/orders/{placed['id']}/refunds", body)
    assert answer.status_code == 201, answer.text


def complete(program: TestProgram, placed: dict[str, Any]) -> None:
    answer = program.client.post(f"/v1/orders/{placed['id']}/complete", {"completed_at": "2026-01-08T00:00:00Z"})
    assert answer.status_code == 200, answer.text


def ann(program: TestProgram) -> UUID:
    found = parse_public_id("mem", program.client.get("/v1/members/ext:ann").json["id"])  # type: ignore[index]
    assert found is not None
    return found


def points(program: TestProgram) -> int:
    digest(program)
    return points_booked(program, ann(program))


def test_a_paid_order_earns_its_customer_points_once(program: TestProgram) -> None:
    placed = order(program)
    assert points(program) == 100
    complete(program, placed)
    assert points(program) == 100
    (event,) = told(program, ["points.earned"])
    assert event.facts["amount"] == 100
    assert event.facts["source"] == "purchase"
    assert_books(program)


def test_a_job_delivered_twice_gives_once(program: TestProgram) -> None:
    order(program)
    with transaction(program.id):
        number_events(program.id)
    publish_where_due(program.id, [SCHEDULES["points.earn"]])
    (delivery,) = lease_jobs(program.id, "default")
    deliver_now(delivery)
    deliver_now(delivery)
    assert points(program) == 100


def test_points_on_completion(program: TestProgram) -> None:
    set_rules(program, earn_on="completed")
    placed = order(program)
    order(program)
    digest(program)
    assert points_booked(program, ann(program)) == 0
    complete(program, placed)
    assert points(program) == 100


def test_an_order_between_two_versions_is_not_lost_nor_counted_twice(program: TestProgram) -> None:
    set_rules(program, earn_on="completed")
    waits = order(program)
    set_rules(program, earn_on="paid")
    at_once = order(program)
    set_rules(program, earn_on="completed")
    complete(program, waits)
    complete(program, at_once)
    assert points(program) == 200
    set_rules(program, earn_on="paid")
    assert points(program) == 200


def test_nothing_is_earned_without_rules_or_customer(program: TestProgram) -> None:
    assert program.client.post("/v1/orders", OrderBody()).status_code == 201
    program.staff("owner").put("/v1/point-rules", {})
    order(program)
    assert points(program) == 0
    set_rules(program)
    assert points(program) == 0


def test_refunds_leave_the_floor_of_the_kept_part(program: TestProgram) -> None:
    placed = order(program, items=[LineBody(unit_price=3333, quantity=3)])  # 99 points
    assert points(program) == 99
    refund(program, placed, "r1", amount=1)
    assert points(program) == 98
    refund(program, placed, "r2", amount=3332)
    assert points(program) == 66
    refund(program, placed, "r3", amount=3333)
    assert points(program) == 33
    refund(program, placed, "r4", amount=3333)
    assert points(program) == 0
    taken = [event.facts["amount"] for event in told(program, ["points.taken_back"])]
    assert taken == [1, 32, 33, 33]
    assert_books(program)


def test_refunds_in_one_batch_come_to_the_same(program: TestProgram) -> None:
    placed = order(program, items=[LineBody(unit_price=3333, quantity=3)])
    refund(program, placed, "r1", amount=1)
    refund(program, placed, "r2", amount=3332)
    assert points(program) == 66
    assert_books(program)


def test_a_refund_before_completion_earns_the_rest_only(program: TestProgram) -> None:
    set_rules(program, earn_on="completed")
    placed = order(program)
    refund(program, placed, "r1", amount=2500)
    digest(program)
    complete(program, placed)
    assert points(program) == 75
    refund(program, placed, "r2", amount=7500)
    assert points(program) == 0
    assert_books(program)


def test_a_canceled_order_takes_all_its_points(program: TestProgram) -> None:
    placed = order(program)
    assert points(program) == 100
    answer = program.client.post(
        f"/v1/orders/{placed['id']}/cancel", {"canceled_at": "2026-01-08T00:00:00Z", "reason": "lost"}
    )
    assert answer.status_code == 200, answer.text
    assert points(program) == 0
    assert_books(program)


def test_returned_goods_take_their_points_though_the_shop_keeps_the_shipping(program: TestProgram) -> None:
    placed = order(program, shipping=500)
    assert points(program) == 100
    refund(program, placed, "r1", items=[{"sku": placed["items"][0]["sku"], "quantity": 1}])
    assert points(program) == 0


def test_spent_points_that_are_taken_back_are_owed(program: TestProgram) -> None:
    placed = order(program)
    digest(program)
    operator = program.staff("operator")
    gift = operator.post("/v1/rewards", {"name": "Tin", "kind": "gift", "cost": 80}).json["id"]
    assert program.client.post(f"/v1/rewards/{gift}/redemptions", {"member_id": "ext:ann"}).status_code == 201
    refund(program, placed, "r1", amount=10_000)
    digest(program)
    shown = program.client.get("/v1/members/ext:ann/points").json
    assert (shown["balance"], shown["debt"]) == (-80, 80)
    order(program)
    digest(program)
    assert program.member("ext:ann").get("/v1/me/points").json["balance"] == 20
    assert_books(program)


def test_categories_grades_and_shipping_count_as_the_rules_say(program: TestProgram) -> None:
    program.client.post("/v1/members", {"external_id": "ann", "grade": "gold"})
    program.staff("owner").put(
        "/v1/point-rules",
        {
            "purchase": RULES["purchase"] | {"base": "total"},
            "category_multipliers": {"tea": 20_000},
            "grade_multipliers": {"gold": 15_000},
        },
    )
    order(program, items=[LineBody(category="tea"), LineBody()], shipping=1000, tax=1000)
    assert points(program) == (200 + 100 + 20) * 3 // 2


def test_an_order_paid_on_a_member_day_of_an_activity_earns_more(program: TestProgram) -> None:
    with frozen_at(START):
        Stage(program).make("member_day", goal={"multiplier_bps": 15_000})
    order(program)
    assert points(program) == 100
    order(program, paid_at=NOON.isoformat())
    assert points(program) == 250
