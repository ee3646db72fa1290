"""The same request twice has the effect of once, at any concurrency."""

from datetime import timedelta
from typing import Any

import pytest

from core.clock import now
from core.db import db, execute, transaction
from core.http.idempotency import expire_answers
from tests.clients import TestProgram
from tests.core.http.conftest import count_effects
from tests.threads import together


def _post(program: TestProgram, key: str, name: str, **more: Any) -> Any:
    return program.client.post("/v1/effects", {"name": name, **more}, headers={"Idempotency-Key": key})


def test_twenty_at_once_have_one_effect_and_one_answer(edge: TestProgram) -> None:
    name = f"race-{edge.id.hex}"
    answers = together(edge.app, *[lambda: _post(edge, "k", name) for _ in range(20)])
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 19
    assert count_effects(name) == 1


def test_another_request_with_the_key_is_409(edge: TestProgram) -> None:
    assert _post(edge, "k", "first").status_code == 201
    for other in (_post(edge, "k", "second"), _post(edge, "k", "first", amount=1)):
        assert (other.status_code, other.json["code"]) == (409, "idempotency_key_reused")


def test_the_same_content_on_another_path_is_another_request(edge: TestProgram) -> None:
    headers = {"Idempotency-Key": "k"}
    assert edge.client.post("/v1/effects/ext:a/touch", headers=headers).status_code == 200
    assert edge.client.post("/v1/effects/ext:b/touch", headers=headers).json["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(("first", "status"), [({}, 422), ({"name": "refuse"}, 409)])
def test_a_refusal_frees_the_key(edge: TestProgram, first: dict[str, Any], status: int) -> None:
    headers = {"Idempotency-Key": "k"}
    assert edge.client.post("/v1/effects", first, headers=headers).status_code == status
    assert edge.client.post("/v1/effects", {"name": "ok"}, headers=headers).status_code == 201


def test_keys_are_apart_by_credential_and_program(edge: TestProgram) -> None:
    name = f"apart-{edge.id.hex}"
    operator = edge.staff("operator")
    assert _post(edge, "k", name).status_code == 201
    other = operator.post("/v1/effects", {"name": name}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, "Idempotent-Replayed" in other.headers) == (201, False)
    assert count_effects(name) == 2


def test_a_get_ignores_the_key(edge: TestProgram) -> None:
    headers = {"Idempotency-Key": "k"}
    assert edge.client.get("/v1/effects", headers=headers).status_code == 200
    assert edge.client.get("/v1/effects?limit=3", headers=headers).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\x7f"])
def test_a_key_that_is_none_is_refused(edge: TestProgram, key: str) -> None:
    assert _post(edge, key, "x").status_code == 422


def test_an_answer_is_forgotten_after_30_days_and_the_key_never(edge: TestProgram) -> None:
    name = f"old-{edge.id.hex}"
    assert _post(edge, "k", name).status_code == 201
    with transaction(edge.id):
        execute(
            "UPDATE idempotency_keys SET created_at = %(at)s WHERE program_id = %(p)s",
            p=edge.id, at=now() - timedelta(days=31),
        )  # fmt: skip
        assert expire_answers(edge.id) == 1
    again = _post(edge, "k", name)
    assert (again.status_code, again.json["code"]) == (409, "idempotency_key_expired")
    assert count_effects(name) == 1


def test_an_empty_answer_is_replayed_empty(edge: TestProgram) -> None:
    headers = {"Idempotency-Key": "k"}
    first = edge.client.post("/v1/effects/ext:a/touch", headers=headers)
    again = edge.client.post("/v1/effects/ext:a/touch", headers=headers)
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_repeat_while_the_first_takes_too_long_is_told_so(edge: TestProgram) -> None:
    """The first holds the key in an open transaction; the repeat gives up when its lock time-out is over."""
    with transaction(edge.id):
        _hold_key(edge, "slow")
        answer = together(edge.app, lambda: _impatient(edge, "slow"))[0]
    assert (answer.status_code, answer.json["code"]) == (409, "request_in_progress")


def _hold_key(program: TestProgram, key: str) -> None:
    execute(
        """INSERT INTO idempotency_keys (program_id, credential_id, key, request_hash, created_at)
           SELECT program_id, id, %(key)s, '', %(at)s FROM api_keys WHERE program_id = %(p)s""",
        p=program.id, key=key, at=now(),
    )  # fmt: skip


def _impatient(program: TestProgram, key: str) -> Any:
    """A call whose connection waits for locks only shortly."""
    db.engine.dispose()  # the next connection is the only one, and is used again
    proxied = db.engine.raw_connection()
    proxied.cursor().execute("SET lock_timeout = '200ms'")
    proxied.close()
    try:
        return _post(program, key, "x")
    finally:
        db.engine.dispose()  # nobody else gets that connection
