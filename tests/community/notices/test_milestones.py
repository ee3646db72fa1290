"""Milestones: each told once, whatever is refunded, moved, or consumed twice."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from community.notices.milestones import Sold, passed
from core.db import fetch_all, transaction
from core.events.reading import number_events
from core.events.service import Event
from core.ids import new_id
from core.jobs.registry import JOBS
from tests.community.notices.stage import Stage
from tests.threads import together

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def paid(member_id: UUID | None, total: int = 100) -> Event:
    facts = {
        "order_id": new_id(), "customer_id": None, "member_id": member_id, "total": total, "commission_base": total,
        "currency": "GBP", "group_id": None, "is_first": False, "inviter_id": None,
    }  # fmt: skip
    return Event("order.attributed", AT, facts)


def refunded(member_id: UUID, amount: int) -> Event:
    return Event("order.refunded", AT, {"order_id": new_id(), "member_id": member_id, "amount": amount})


def reached(stage: Stage) -> list[tuple[Any, ...]]:
    from community.notices.milestones import _Reached

    with transaction(stage.program.id, read_only=True):
        rows = fetch_all(
            _Reached,
            """SELECT member_id, milestone, value, reached_at FROM milestones WHERE program_id = %(p)s
               ORDER BY member_id, value""",
            p=stage.program.id,
        )
    return [(row.member_id, row.milestone, row.value) for row in rows]


@pytest.mark.parametrize(
    ("before", "after", "marks"),
    [
        (Sold(0, 0), Sold(1, 100), [("first_order", 1)]),
        (Sold(9, 0), Sold(10, 0), [("orders_10", 10)]),
        (Sold(10, 0), Sold(11, 0), []),
        (Sold(5, 0), Sold(150, 0), [("orders_10", 10), ("orders_100", 100)]),
        (Sold(5, 99_999), Sold(6, 100_000), [("sales_1000", 100_000)]),
        (Sold(5, 100_000), Sold(6, 200_000), []),
        (Sold(5, 200_000), Sold(4, 90_000), []),
    ],
)
def test_marks_between_two_sums(before: Sold, after: Sold, marks: list[tuple[str, int]]) -> None:
    assert list(passed(before, after, "GBP")) == marks


def test_sales_marks_are_whole_units_of_any_currency() -> None:
    assert list(passed(Sold(1, 0), Sold(1, 1_000), "JPY")) == [("sales_1000", 1_000)]
    assert list(passed(Sold(1, 0), Sold(1, 1_000_000), "KWD")) == [("sales_1000", 1_000_000)]


def test_a_first_order_is_told_once_to_the_seller_and_the_groups(stage: Stage) -> None:
    stage.group("all", "milestone")
    stage.member("ada")
    stage.member("carl", "ada")
    stage.order("carl")
    stage.tell()
    stage.order("carl")
    stage.tell()
    assert stage.texts("all") == ["A∗∗ has sold 1 order!"]
    assert stage.heard("ada").count("You have sold 1 order!") == 1


def test_sales_are_told_with_the_sum_where_amounts_are_shown(stage: Stage) -> None:
    stage.group("open", "milestone")
    stage.group("shy", "milestone", show_amounts=False, language="zh")
    ada = stage.member("ada")
    stage.happen(paid(ada, 60_000), paid(ada, 60_000))
    stage.tell()
    assert stage.texts("open") == ["A∗∗ has sold 1 order!", "A∗∗ has sold goods of £1,000.00!".replace(",", "")]
    assert stage.texts("shy") == ["恭喜 A∗∗ 累计成交 1 单！", "恭喜 A∗∗ 销售额再创新高！"]


def test_refunds_and_cancels_count_down_and_nothing_is_told_again(stage: Stage) -> None:
    ada = stage.member("ada")
    stage.happen(paid(ada, 90_000), refunded(ada, 50_000))
    stage.tell()
    stage.happen(paid(ada, 50_000))
    stage.tell()
    assert [one[1] for one in reached(stage)] == ["first_order"]
    stage.happen(paid(ada, 20_000))
    stage.tell()
    assert [one[1] for one in reached(stage)] == ["first_order", "sales_1000"]
    canceled = {"order_id": new_id(), "customer_id": None, "member_id": ada, "was_paid": True, "group_id": None}
    stage.happen(refunded(ada, 100_000), *(Event("order.canceled", AT, canceled) for _ in range(3)))
    stage.tell()
    stage.happen(paid(ada, 200_000))
    stage.tell()
    assert [one[1] for one in reached(stage)] == ["first_order", "sales_1000"]


def test_a_moved_order_counts_for_its_new_seller(stage: Stage) -> None:
    ada, bob = stage.member("ada"), stage.member("bob")
    moved = {"order_id": new_id(), "member_before_id": ada, "member_id": bob, "total": 150_000, "refunded": 20_000,
             "paid_at": AT}  # fmt: skip
    stage.happen(paid(ada, 150_000), refunded(ada, 20_000), Event("order.reattributed", AT, moved), paid(None, 10**9))
    stage.tell()
    assert {one[:2] for one in reached(stage)} == {(bob, "first_order"), (bob, "sales_1000")}


def test_orders_consumed_at_once_pass_a_mark_once(app: Flask, stage: Stage) -> None:
    ada = stage.member("ada")
    stage.happen(*(paid(ada) for _ in range(10)))
    with transaction(stage.program.id):
        number_events(stage.program.id)

    def consume() -> None:
        with transaction(stage.program.id):
            JOBS["notices.count"].handler(stage.program.id)

    together(app, consume, consume, consume)
    assert [one[1:] for one in reached(stage)] == [("first_order", 1), ("orders_10", 10)]
    stage.tell()
    assert stage.heard("ada").count("You have sold 10 orders!") == 1
