"""What the edge does with a request before and after a view: reading, refusing, answering."""

from typing import Any

import pytest

from core.http.endpoint import endpoint
from tests.clients import ApiClient, TestProgram
from tests.core.http.conftest import count_effects

NASTY: list[Any] = [
    "", " ", "\x00", "a\x00b", "\x1b[2J", "x" * 100_000, 0, -1, 10**15 + 1, 2**63, 2**64, 10**30, -(10**30), 1.5, 1e308,
    True, None, [], {}, [[]], {"a": {"b": {"c": {"d": 1}}}}, "2026-02-30T00:00:00Z", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00", "2026-01-01", "mem_00000000000000000000000000", "ext:", "\u2028", "\ufffe", "👍" * 200,
]  # fmt: skip


def test_anonymous_is_refused(edge: TestProgram) -> None:
    assert edge.anonymous.post("/v1/effects", {"name": "x"}).status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b'{"name": "a"} x', 400, "malformed"),
        (b'{"name": "\xff"}', 400, "malformed"),
        (b'{"name": "\\ud800"}', 400, "malformed"),
        (b'{"name": NaN}', 400, "malformed"),
        (b"[" * 100_000, 400, "malformed"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "malformed"),
        (b"[]", 422, "invalid"),
        (b'"text"', 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"{}", 422, "invalid"),
        (b'{"name": "\\u0000"}', 422, "invalid"),
        (b'{"name": "a", "name": 1}', 422, "invalid"),
        (b'{"name": "a", "\\u0000": 1}', 422, "invalid"),
        (b'{"name": "a", "amount": 1e400}', 400, "malformed"),
        (b'{"name": "a", "amount": 99999999999999999999999999}', 422, "invalid"),
    ],
)
def test_a_body_that_cannot_be_used_is_the_callers_fault(
    edge: TestProgram, body: bytes, status: int, code: str
) -> None:
    answer = edge.client.post("/v1/effects", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("field", ["name", "amount", "at", "note", "attributes", "unknown"])
@pytest.mark.parametrize("value", NASTY, ids=lambda value: repr(value)[:24])
def test_no_value_of_any_field_breaks_the_edge(edge: TestProgram, field: str, value: Any) -> None:
    answer = edge.client.post("/v1/effects", {"name": "nasty", field: value})
    assert answer.status_code in {201, 422}
    if answer.status_code == 422:
        assert answer.json["errors"][0]["pointer"].startswith(f"/{field}")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None])
def test_another_content_type_is_415(edge: TestProgram, kind: str | None) -> None:
    answer = edge.client.post("/v1/effects", data=b'{"name": "a"}', content_type=kind)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


def test_a_body_over_32_mib_is_413(edge: TestProgram) -> None:
    body = b'{"name": "' + b"x" * (32 * 1024 * 1024) + b'"}'
    answer = edge.client.post("/v1/effects", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/effects?limit=0", "/limit"),
        ("/v1/effects?limit=201", "/limit"),
        ("/v1/effects?limit=ten", "/limit"),
        ("/v1/effects?limit=", "/limit"),
        (f"/v1/effects?limit={'9' * 5000}", "/limit"),
        ("/v1/effects?cursor=%00", "/cursor"),
        ("/v1/effects?colour=red", "/colour"),
        ("/v1/effects?limit=1&limit=2", "/limit"),
        ("/v1/broken?colour=red", "/colour"),
    ],
)
def test_a_query_is_checked_like_a_body(edge: TestProgram, path: str, pointer: str) -> None:
    answer = edge.client.get(path)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/nothing"), ("GET", "/"), ("POST", "/v1/effects/ext:/touch"), ("GET", "/v1//x")]
)
def test_an_unknown_path_is_a_problem_as_well(edge: TestProgram, method: str, path: str) -> None:
    answer = edge.client.call(method, path)
    assert answer.status_code in {404, 405}
    assert answer.content_type == "application/problem+json"


def test_a_wrong_method_names_the_right_ones(edge: TestProgram) -> None:
    answer = edge.client.put("/v1/effects", {})
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_an_endpoint_without_a_body_takes_an_empty_object_and_nothing_else(edge: TestProgram) -> None:
    path = "/v1/effects/ext:a%2Fb/touch"
    assert edge.client.post(path).json == {"name": "ext:a/b"}
    assert edge.client.post(path, {}).status_code == 200
    answer = edge.client.post(path, {"force": True})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/force")


def test_nothing_to_answer_is_204_without_a_body(edge: TestProgram) -> None:
    answer = edge.client.delete("/v1/effects")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers


def test_head_reads_like_get_and_writes_nothing(edge: TestProgram) -> None:
    owner = edge.staff("owner")
    assert owner.call("HEAD", "/v1/effects").status_code == 200
    assert owner.get("/v1/audit-events").json["data"] == []


def test_what_breaks_is_a_500_that_tells_nothing(edge: TestProgram) -> None:
    unchecked = ApiClient(edge.app, edge.api_key, strict_contract=False)  # a 500 is never part of the contract
    answer = unchecked.get("/v1/broken")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "4711" not in answer.text


@pytest.mark.parametrize("given", ["abc-1", "0190:x.y_z", "a" * 80])
def test_a_decent_request_id_is_kept(edge: TestProgram, given: str) -> None:
    assert edge.client.get("/v1/effects", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a b", "a" * 81, "<script>", "ä", 'x"y'])
def test_another_request_id_is_replaced(edge: TestProgram, given: str) -> None:
    shown = edge.client.get("/v1/effects", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert shown.startswith("req_")
    assert len(shown) == 30


def test_an_answer_is_not_for_caches(edge: TestProgram) -> None:
    assert edge.client.get("/v1/effects").headers["Cache-Control"] == "no-store"


def test_a_refused_request_leaves_nothing(edge: TestProgram) -> None:
    name = f"refuse-{edge.id.hex}"
    assert edge.client.post("/v1/effects", {"name": name}).json["code"] == "effect_refused"
    assert count_effects(name) == 0


def test_a_collision_is_run_again_with_its_whole_input(edge: TestProgram) -> None:
    """The view takes its body apart; the second run must find it whole, and the first must have left nothing."""
    name = f"collision-{edge.id.hex}"
    answer = edge.client.post("/v1/collisions", {"name": name})
    assert (answer.status_code, answer.json) == (200, {"name": name, "count": 2})
    assert count_effects(name) == 1


def test_a_collision_that_does_not_end_is_not_repeated_for_ever(edge: TestProgram) -> None:
    name = f"stubborn-{edge.id.hex}"
    assert edge.client.post("/v1/collisions", {"name": name, "amount": 99}).status_code == 503
    assert count_effects(name) == 0


def test_an_endpoint_is_declared_with_a_permission_of_the_table() -> None:
    with pytest.raises(ValueError, match="orders:paint"):
        endpoint("orders:paint", summary="Paint")
