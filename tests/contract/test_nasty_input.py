"""No input breaks an endpoint: whatever is sent, the answer is one the contract foresees, and never a 5xx."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from core.auth.access import ME, PERMISSIONS, PUBLIC, Role
from core.http.examples import example_of
from core.http.openapi import declared
from tests.clients import ApiClient, TestProgram, make_program

VALUES: list[Any] = [
    None, True, "", "\x00", "a\u2028b", "x" * 300, "x" * 70_000, -1, 0, 1, 10**15 + 1, 2**63 - 1, 2**63, 10**25, 1.5,
    [], [None], {}, {"a": 1}, [[[[]]]], "9000-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00+23:59", "9999-12-31",
    "0000-00-00", "mem_" + "0" * 26, "mem_7" + "z" * 25, "ext:x", "👩‍👧",
    "%00", "'; DROP TABLE members; --", "${7*7}",
]  # fmt: skip
REFS = [
    "ext:nobody",
    "ext:%00",
    "ext:a%0Ab",
    "ext:" + "x" * 201,
    "%F0%9F%98%80",
    "x",
    "mem_" + "0" * 26,
    "ext:%FF",
    "0",
]
QUERIES: list[str] = [
    "limit=0", "limit=9999999999999999999999", "limit=-1", "cursor=AAAA", "cursor=WyIiXQ", "cursor=WyJhIiwiYiJd",
    "cursor=WzFd", "cursor=WyIwMDAwLTAwLTAwIiwieCJd", "nobody=1", "limit=1&limit=2", "from=x", "to=%00",
    "day=9999-12-31",
    "levels=999999999999", "level=-1", "as_of=9999-12-31T00:00:00Z", "interval=%27", "q=%00", "q=%25%25", "status=x",
    "member_id=ext:nobody", "member_id=ext:", "member_id=mem_" + "0" * 26, "order_id=ext:nobody", "order_id=ext:%00",
]  # fmt: skip


def _credential_for(access: str) -> str:
    if access in PERMISSIONS and PERMISSIONS[access].key and not PERMISSIONS[access].roles:
        return "key"
    return {ME: "member", PUBLIC: "anonymous"}.get(access, "owner")


@pytest.fixture(scope="module")
def callers(app: Flask) -> Iterator[dict[str, ApiClient]]:
    with app.app_context():
        program: TestProgram = make_program(app)
        program.client.post("/v1/members", {"external_id": "nobody-special"})
        yield {
            "key": program.client,
            "owner": program.staff(Role.OWNER),
            "member": program.member("ext:nobody-special"),
            "anonymous": program.anonymous,
        }


def _calls(app: Flask) -> list[tuple[str, str, str, Any]]:
    """Method, path pattern, credential and example body of every operation."""
    calls = []
    for rule, method, spec in declared(app):
        caller = _credential_for(spec.access)
        body = example_of(spec.body.schema) if spec.body else None
        calls.append((method, rule.rule, caller, body))
    return calls


def _filled(pattern: str, ref: str) -> str:
    return pattern.replace("<ref:ref>", ref).replace("<ref>", ref).replace("<", "").replace(">", "")


def _spoilt(body: Any, value: Any) -> Iterator[Any]:
    """The body with one value after the other replaced, at every depth."""
    if isinstance(body, dict):
        for name, inner in body.items():
            yield body | {name: value}
            for deeper in _spoilt(inner, value):
                yield body | {name: deeper}
    elif isinstance(body, list) and body:
        for deeper in _spoilt(body[0], value):
            yield [deeper]


def test_no_value_in_any_body_breaks_an_endpoint(app: Flask, callers: dict[str, ApiClient]) -> None:
    """A sample of (endpoint, field, value) of a fixed seed; every field gets several values."""
    chance = random.Random(20_260_131)  # noqa: S311 -- the same sample each time
    wrong: dict[str, str] = {}
    for method, pattern, caller, body in _calls(app):
        if body is None or pattern.startswith("/v1/auth"):
            continue
        for value in chance.sample(VALUES, 7):
            for spoilt in _spoilt(body, value):
                try:
                    answer = callers[caller].call(method, _filled(pattern, "ext:nobody"), spoilt)
                    assert answer.status_code < 500
                except AssertionError as error:
                    wrong.setdefault(f"{method} {pattern}", f"{error} for {str(spoilt)[:500]}")
    assert wrong == {}


@pytest.mark.parametrize("body", [[], "x", 1, None, {"\x00": 1}], ids=repr)
def test_no_body_of_another_kind_breaks_an_endpoint(app: Flask, callers: dict[str, ApiClient], body: Any) -> None:
    for method, pattern, caller, example in _calls(app):
        if example is not None:
            client = callers[caller]
            answer = client.call(
                method, _filled(pattern, "ext:nobody"), data=_json(body), content_type="application/json"
            )
            # chat platforms' documents are theirs, and a wrong call of one learns nothing, not even that
            silent = {404} if pattern.startswith("/v1/chat-callbacks/") else set()
            assert answer.status_code in {401, 422, 429} | silent, f"{method} {pattern}: {answer.text}"


def _json(value: Any) -> bytes:
    import orjson

    return orjson.dumps(value)


@pytest.mark.parametrize("ref", REFS)
def test_no_reference_breaks_an_endpoint(app: Flask, callers: dict[str, ApiClient], ref: str) -> None:
    for method, pattern, caller, body in _calls(app):
        if "<" in pattern:
            answer = callers[caller].call(method, _filled(pattern, ref), body)
            assert answer.status_code < 500, f"{method} {_filled(pattern, ref)}: {answer.text}"


@pytest.mark.parametrize("query", QUERIES)
def test_no_query_breaks_an_endpoint(app: Flask, callers: dict[str, ApiClient], query: str) -> None:
    for method, pattern, caller, _ in _calls(app):
        if method == "GET" and pattern.startswith("/v1/"):
            answer = callers[caller].get(f"{_filled(pattern, 'ext:nobody-special')}?{query}")
            assert answer.status_code < 500, f"{pattern}?{query}: {answer.text}"
