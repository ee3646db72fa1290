"""Redirects in real processes: changed links, killed workers, proxies in front."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from flask import Flask, request

from config.settings import load
from core.app import create_app
from core.caching.feed import feed_of
from core.caching.service import LINKS, announce
from core.db import execute, transaction
from core.servers.roster import granian
from coupons.clicks.segments import segments_in
from tests.clients import TestProgram
from tests.coupons.clicks.following import change_link, eventually, follow, make_link, written
from tests.end_to_end.product import free_port

NEW = "https://shop.example/new"
WEB, CLICKS_ONLY = "wsgi:app", "coupons.clicks.web:app"


@contextmanager
def web(database_environment: dict[str, str], target: str = WEB) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A web of one process, as the product runs it."""
    port = free_port()
    process = subprocess.Popen(
        granian(target, "127.0.0.1", port, workers=1, threads=4), env=os.environ | database_environment
    )
    try:
        eventually(lambda: answers(port), 60)
        yield port, process
    finally:
        process.terminate()
        process.wait()


def followed(port: int, code: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}/r/{code}", trust_env=False)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def test_two_real_processes_obey_within_two_seconds(program: TestProgram, database_environment: dict[str, str]) -> None:
    link = make_link(program, "https://shop.example/old")
    with ExitStack() as stack:
        ports = [stack.enter_context(web(database_environment))[0] for _ in range(2)]

        def led_to() -> set[str]:
            answered = [followed(port, link.code) for port in ports]
            return {re.sub(r"\?.*", "", one.headers["Location"]) for one in answered}

        assert led_to() == {"https://shop.example/old"}
        time.sleep(1)
        change_link(program, link, NEW)
        eventually(lambda: led_to() == {NEW}, 2)
        with transaction(program.id):
            execute(
                "UPDATE links SET deleted_at = now() WHERE program_id = %(p)s AND id = %(id)s", p=program.id, id=link.id
            )
            announce(LINKS, [link.code])
        eventually(lambda: {followed(port, link.code).status_code for port in ports} == {410}, 2)


@pytest.mark.parametrize("target", [WEB, CLICKS_ONLY])
def test_a_web_killed_in_the_middle_has_written_every_click_it_answered(
    program: TestProgram, database_environment: dict[str, str], tmp_path: Path, target: str
) -> None:
    link = make_link(program)
    answered: set[str] = set()
    own = database_environment | {"DATA_DIR": str(tmp_path)}
    with web(own, target) as (port, process), httpx.Client(trust_env=False) as client:
        (worker,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[-1:])
        for number in range(500):
            if number == 300:
                os.kill(worker, signal.SIGKILL)
            try:
                answer = client.get(f"http://127.0.0.1:{port}/r/{link.code}")
            except httpx.HTTPError:
                break
            answered.add(answer.headers["Location"])
    app = create_app(load(own))
    assert len(segments_in(tmp_path / "clicks")) >= 1
    assert 300 <= len(answered) < 500
    assert len(answered) <= len(written(app, program)) <= len(answered) + 1


def test_a_process_for_clicks_answers_nothing_else(program: TestProgram, database_environment: dict[str, str]) -> None:
    link = make_link(program)
    with web(database_environment, CLICKS_ONLY) as (port, _):
        root, key = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {program.api_key}"}
        with httpx.Client(base_url=root, headers=key, trust_env=False) as client:
            assert client.get(f"/r/{link.code}").status_code == 302
            assert client.get("/r/nobody").json()["code"] == "not_found"
            made = client.post("/v1/clicks", json={"code": link.code, "visitor_id": "ann"})
            assert (made.status_code, made.json()["visitor_id"]) == (201, "ann")
            assert client.get("/readyz").status_code == 200
            for path in ("/", "/v1/members", "/docs", "/openapi.json", "/metrics", "/v1/clicks/", "/r", "//r/x"):
                refused = client.get(path)
                assert (refused.status_code, refused.json()["code"]) == (404, "not_found"), path


def test_behind_proxies_the_client_is_whom_the_outermost_trusted_one_saw(
    app: Flask, database_environment: dict[str, str], program: TestProgram
) -> None:
    behind = create_app(load(database_environment | {"PROXY_HOPS": "2"}))
    link = make_link(program)
    try:
        chains = ["203.0.113.1, 198.51.100.1", "6.6.6.6, 203.0.113.1, 198.51.100.2", "203.0.113.2, 198.51.100.1"]
        for chain in chains:
            follow(behind, link.code, X_Forwarded_For=chain)
        first, second, third = (one.address_hash for one in written(behind, program))
        assert first == second != third
        secure = follow(behind, link.code, X_Forwarded_For=chains[0], X_Forwarded_Proto="https")
        assert secure.headers["Set-Cookie"].endswith("; Secure")
        plain = follow(app, link.code, X_Forwarded_Proto="https")
        assert not plain.headers["Set-Cookie"].endswith("; Secure")
    finally:
        feed_of(behind).stop()


def test_behind_proxies_sign_in_is_limited_by_the_clients_address(database_environment: dict[str, str]) -> None:
    behind = create_app(load(database_environment | {"PROXY_HOPS": "1"}))
    seen: list[str | None] = []

    @behind.before_request
    def look() -> None:
        seen.append(request.remote_addr)

    behind.test_client().get("/healthz", headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9"})
    assert seen == ["203.0.113.9"]
