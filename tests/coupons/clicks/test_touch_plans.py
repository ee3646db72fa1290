"""How PostgreSQL carries out the look-up that stands in every order's way: planned once, along indexes, pruned."""

import re
from datetime import timedelta
from typing import NamedTuple

import pytest

from core.clock import now
from core.db import connection, fetch_all, scalar, scalars, transaction
from core.ids import new_id
from coupons.clicks.service import Named, touches_of
from coupons.clicks.touch_queries import _CLICKS
from tests.clients import TestProgram
from tests.coupons.clicks.clicking import clicked, token_of

PARAMETERS = ["number", "visitor_key", "customer_id", "paid_at", "program_id", "window"]


class Plans(NamedTuple):
    """How often a prepared statement was planned anew, and how often its one plan was used again."""

    custom: int
    generic: int


@pytest.fixture(autouse=True)
def a_year_of_partitions(program: TestProgram) -> None:
    with transaction(program.id):
        scalar("SELECT ensure_click_partitions(current_date - 400, current_date + 62)")


@pytest.mark.parametrize("look_up", ["octet_length(known", "named.link_id"])
def test_one_order_is_not_planned_each_time(program: TestProgram, look_up: str) -> None:
    """Planning all partitions takes ten times as long as looking into those that matter."""
    settled = program.now()
    token = token_of(program, clicked(program, new_id(), "v", now()))
    with transaction(program.id):
        connection().execute("DEALLOCATE ALL")
        connection()._prepared.clear()
        for _ in range(20):
            touches_of(settled, [Named(token, None, None, new_id(), now())])
        (plans,) = fetch_all(
            Plans,
            """SELECT custom_plans, generic_plans FROM pg_prepared_statements
               WHERE statement LIKE %(like)s AND NOT statement LIKE '%%pg_prepared%%'""",
            like=f"%{look_up}%",
        )
    assert plans.custom <= 5
    assert plans.generic >= 10


@pytest.mark.parametrize("model", ["last", "first"])
def test_only_the_windows_partitions_are_opened_and_each_by_its_index(program: TestProgram, model: str) -> None:
    statement = _CLICKS[True, model]
    for number, name in enumerate(PARAMETERS, 1):
        statement = statement.replace(f"%({name})s", f"${number}")
    given = f"0, NULL, '{new_id()}', '{now().isoformat()}', '{program.id}', '{timedelta(days=30).days} days'"
    with transaction(program.id):
        connection().execute("SET LOCAL plan_cache_mode = force_generic_plan")
        connection().execute(f"PREPARE looked (int, bytea, uuid, timestamptz, uuid, interval) AS {statement}")
        plan = "\n".join(scalars(f"EXPLAIN EXECUTE looked({given})"))
        connection().execute("DEALLOCATE looked")
        partitions = scalar("SELECT count(*) FROM pg_inherits WHERE inhparent = 'clicks'::regclass")
    assert "Seq Scan" not in plan, plan
    assert "visitor_key_clicked_at_idx" in plan
    within, before = map(int, re.findall(r"Subplans Removed: (\d+)", plan))
    assert partitions - within <= 3  # 30 days touch three months at most
    assert before >= 2  # the months after that in which the window begins
