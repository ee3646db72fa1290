"""An installation that sold before it had boards finds in them what was sold: the same as had they been there."""

import importlib.util
from collections import namedtuple
from datetime import date
from typing import Any

import psycopg
import pytest

from core.clock import frozen_at
from core.db import execute, fetch_all, transaction
from tests.commission.orders.conftest import Shop
from tests.community.activities.stage import NOON, Stage
from tests.community.boards.groups import join, make_group
from tests.community.boards.reading import counted, follow, kept
from tests.community.boards.test_fans import check_in, fans
from tests.community.boards.test_folding import ZONE, Life, invites
from tests.house.source import ROOT
from tests.telling import forget

BOARDS, RETURNS = "0017_boards", "0024_returns_and_check_ins"
TABLES = {
    "board_sums": "period, starts_on, scope, member_id, sales, orders, commission",
    "day_sums": "day, scope, sales, orders, commission, new_members, new_customers",
    "product_days": "day, scope, sku, name, quantity, sales",
    "customer_sums": "customer_id, first_order_at, last_order_at, orders, spent",
    "fan_days": "scope, day, member_id, orders, spent",
}


def statements(migration: str) -> tuple[str, ...]:
    """What a migration fills the tables with."""
    path = ROOT / "migrations" / "versions" / f"{migration}.py"
    spec = importlib.util.spec_from_file_location(f"migration_{migration}", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FILL  # type: ignore[no-any-return]


def everything(shop: Shop) -> dict[str, list[tuple[Any, ...]]]:
    """Rows that are not nothing: where all came back, a reader keeps a row of noughts."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with transaction(shop.program.id, read_only=True):
        for table, columns in TABLES.items():
            statement = f"SELECT {columns} FROM {table} WHERE program_id = %(p)s"
            rows = fetch_all(_row_of(columns), statement, p=shop.program.id)
            kept = [row for row in rows if any(isinstance(value, int) and value for value in row)]
            found[table] = sorted((tuple(map(str, row)) for row in kept), key=str)
    return found


def _row_of(columns: str) -> Any:
    return namedtuple("Row", columns.split(", "))


def fill(shop: Shop, database_environment: dict[str, str]) -> None:
    """The program as it would be had there been neither boards nor a log, brought up to them."""
    forget(shop.program)
    with transaction(shop.program.id):
        for table in (*TABLES, "product_returns", "check_in_days"):
            execute(f"DELETE FROM {table} WHERE program_id = %(p)s", p=shop.program.id)
    migrate(shop, database_environment)


def migrate(shop: Shop, database_environment: dict[str, str], *migrations: str) -> None:
    """As these do it; those that made boards and what was added to them, unless said."""
    url = database_environment["DATABASE_ADMIN_URL"].replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as connection:
        # other tests' programs are none of this one's business
        connection.execute(f"CREATE TEMP VIEW programs AS SELECT * FROM public.programs WHERE id = '{shop.program.id}'")
        for migration in migrations or (BOARDS, RETURNS):
            for statement in statements(migration):
                connection.execute(statement)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [11, 12])
def test_what_was_sold_before_is_filled_in(shop: Shop, database_environment: dict[str, str], seed: int) -> None:
    life = Life(shop, seed)
    for _ in range(40):
        life.step()
    follow(shop.program)
    expected = everything(shop)
    fill(shop, database_environment)
    found = everything(shop)
    for table, rows in expected.items():
        assert found[table] == rows, table
    assert all(len(rows) > 3 for rows in expected.values())


def test_refunds_and_cancels_of_what_was_filled_in_are_followed(
    shop: Shop, database_environment: dict[str, str]
) -> None:
    for name in ("o1", "o2", "o3", "o4"):
        shop.order(name, group_id="g")
    shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 1}])
    shop.refund("o2", "r2", amount=100)
    shop.refund("o3", "r3", amount=1100)
    shop.refund("o4", "r4", amount=1)
    shop.cancel("o4")
    fill(shop, database_environment)
    assert kept(shop.program)["products"] == counted(shop.program, ZONE)["products"]
    shop.refund("o1", "r5", amount=7)
    shop.cancel("o2")
    shop.refund("o3", "r6", items=[{"sku": "x", "quantity": 3}])
    follow(shop.program)
    found = kept(shop.program)["products"]
    assert found == counted(shop.program, ZONE)["products"] != {}
    assert {row[0] for row in found} == {date(2026, 3, 1)}


def test_what_came_back_before_anybody_read_of_it_is_taken_off_once(
    shop: Shop, database_environment: dict[str, str]
) -> None:
    """Boards that are older than that, with events that wait: orders, refunds, and the cancel of a refunded order."""
    for name in ("o1", "o2"):
        shop.order(name)
        shop.refund(name, f"r-{name}", items=[{"sku": "x", "quantity": 1}])
    shop.cancel("o2")
    migrate(shop, database_environment, RETURNS)
    follow(shop.program)
    assert kept(shop.program)["products"] == counted(shop.program, ZONE)["products"] != {}


def test_check_ins_that_were_never_told_are_filled_in(shop: Shop, database_environment: dict[str, str]) -> None:
    with frozen_at(NOON):
        stage = Stage(shop.program)
        group = make_group(shop.program)
        join(shop.program, group, "a", "b")
        of_group, of_all = stage.run(group_ids=[group["id"]]), stage.run()
        poll = stage.run("poll")
        for activity, member in ((of_group, "a"), (of_all, "a"), (of_all, "b"), (of_all, "c")):
            check_in(stage, activity, member)
        check_in(stage, poll, "b", option="tea")
        told = fans(shop.program, group)
        fill(shop, database_environment)
        assert fans(shop.program, group) == told == [("a", 2, 0, 2), ("b", 1, 0, 1)]


def test_invites_whose_first_order_stands_are_filled_in_and_followed(
    shop: Shop, database_environment: dict[str, str]
) -> None:
    shop.member("e", "b")
    for order, customer in (("o1", "c"), ("o2", "d"), ("o3", "e"), ("o4", "e")):
        shop.order(order, customer)
    shop.cancel("o2")
    fill(shop, database_environment)
    assert invites(shop) == 2
    shop.cancel("o3")
    assert invites(shop) == 1
    shop.order("o5", "d")
    assert invites(shop) == 2


def test_a_program_with_events_is_left_to_its_reader(shop: Shop, database_environment: dict[str, str]) -> None:
    shop.order("o1")
    migrate(shop, database_environment, BOARDS)
    assert not any(everything(shop).values())
