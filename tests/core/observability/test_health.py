"""Health: the process lives, is ready only with everything it needs, and can be measured even when it is not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import psycopg
import pytest
from flask import Flask

from config.settings import load
from core.app import create_app
from tests.clients import ApiClient, TestProgram


def _client(app: Flask) -> ApiClient:
    return ApiClient(app, None)


def test_a_process_that_has_all_it_needs_is_ready(app: Flask) -> None:
    assert _client(app).get("/healthz").json == {"status": "ok"}
    assert _client(app).get("/readyz").json == {"status": "ready"}


@pytest.fixture
def admin(app: Flask) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    url = app.config["SETTINGS"].admin_database_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def test_a_database_behind_the_code_is_not_ready(app: Flask, admin: psycopg.Connection[tuple[object, ...]]) -> None:
    row = admin.execute("SELECT version_num FROM alembic_version").fetchone()
    assert row is not None
    admin.execute("UPDATE alembic_version SET version_num = '0000'")
    try:
        answer = _client(app).get("/readyz")
    finally:
        admin.execute("UPDATE alembic_version SET version_num = %s", row)
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert "0000" in answer.json["detail"]
    assert _client(app).get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("variable", "address"),
    [("REDIS_URL", "redis://127.0.0.1:1/0"), ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")],
)
def test_without_valkey_or_postgresql_it_lives_but_is_not_ready(
    database_environment: dict[str, str], variable: str, address: str
) -> None:
    app = create_app(load(database_environment | {variable: address}))
    started = perf_counter()
    answer = _client(app).get("/readyz")
    assert perf_counter() - started < 10, "a probe does not wait for what is away"
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert _client(app).get("/healthz").status_code == 200
    assert _client(app).get("/metrics").status_code == 200


def test_a_request_without_database_is_503_with_a_hint_to_repeat(database_environment: dict[str, str]) -> None:
    app = create_app(load(database_environment | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}))
    answer = ApiClient(app, "sk_1_x").get("/v1/program")
    assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (503, "unavailable", "1")


def test_metrics_count_requests_by_route_and_jobs_by_status(program: TestProgram) -> None:
    program.client.get("/v1/program")
    program.client.call("BREW", "/v1/program")
    text = program.anonymous.get("/metrics").text
    assert 'banyan_requests_total{method="GET",route="/v1/program",status="200"}' in text
    assert 'method="other"' in text
    assert "BREW" not in text
    assert "banyan_database_up 1.0" in text
    assert "# HELP banyan_outbox_jobs" in text


_COUNTING = """
import os, sys
from core.observability.metrics import count_request, render_metrics
from core.observability import metrics
metrics.OutboxCollector.collect = lambda self: iter(())
for _ in range(int(sys.argv[1])):
    count_request("GET", "/v1/x", 200, 0.01)
print(render_metrics().decode())
"""


def test_the_processes_of_a_machine_add_up_also_when_one_has_died(tmp_path: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    outputs = [
        subprocess.run(
            [sys.executable, "-c", _COUNTING, str(times)], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for times in (3, 4)
    ]
    line = 'banyan_requests_total{method="GET",route="/v1/x",status="200"}'
    assert f"{line} 3.0" in outputs[0]
    assert f"{line} 7.0" in outputs[1]
