"""Plans made while a table is empty stay good when it grows: prepared statements and foreign key checks keep theirs."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from core.ids import new_id
from tests.servers import TEMPLATE, Servers, this_worker


@pytest.fixture(scope="module")
def empty_database(servers: Servers) -> Iterator[psycopg.Connection[Any]]:
    """A migrated database without a row."""
    name = f"banyan_empty_{this_worker()}"
    servers.postgres().create_database(name, template=TEMPLATE)
    url = servers.postgres().url("banyan", name).replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        yield connection


def plan_of(connection: psycopg.Connection[Any], table: str) -> str:
    """How a foreign key check finds its row."""
    look = f"SELECT 1 FROM ONLY {table} x WHERE program_id = $1 AND id = $2 FOR KEY SHARE OF x"
    connection.execute(f"PREPARE look (uuid, uuid) AS {look}")
    rows = connection.execute(f"EXPLAIN EXECUTE look ('{new_id()}', '{new_id()}')").fetchall()
    connection.execute("DEALLOCATE look")
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("table", ["members", "orders", "refunds", "commissions", "payouts", "outbox"])
def test_a_row_is_looked_up_by_its_key(empty_database: psycopg.Connection[Any], table: str) -> None:
    plan = plan_of(empty_database, table)
    assert f" pk_{table} " in plan, plan
    assert "Index Cond: ((program_id = $1) AND (id = $2))" in plan, plan
