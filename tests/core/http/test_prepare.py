"""What an endpoint does before its transaction: once for all tries, with the view's arguments, and with none open."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask

from config.settings import load
from core.app import create_app
from core.auth.actor import Actor
from core.db import Collision, connection, scalar, transaction
from core.errors import Conflict
from core.http.endpoint import endpoint
from tests.clients import TestProgram, make_program
from tests.core.http.conftest import EffectBody, EffectShape, count_effects, make_effect

_prepared: list[str] = []
_seen: list[str] = []


class NotPrepared(Conflict):
    code = "not_prepared"
    title = "Preparing failed"


def _prepare(actor: Actor, body: dict[str, Any]) -> str:
    with pytest.raises(RuntimeError, match="no transaction is open"):
        connection()
    with transaction(actor.program_id, read_only=True):
        assert scalar("SELECT 1") == 1
    name = str(body.pop("name"))  # it may take its input apart: the view has its own
    _prepared.append(name)
    if name.startswith("fail"):
        raise NotPrepared()
    return name.upper()


def prepared_blueprint() -> Blueprint:
    blueprint = Blueprint("prepared", __name__)

    @blueprint.post("/v1/prepared")
    @endpoint(
        "members:write", summary="Prepare, then act", body=EffectBody, answer=EffectShape, prepare=_prepare,
        refuses=("not_prepared",),
    )  # fmt: skip
    def act(actor: Actor, body: dict[str, Any], prepared: str) -> Any:
        make_effect(body["name"])
        _seen.append(prepared)
        if body["name"].startswith("collide") and _seen.count(prepared) < 3:
            raise Collision()
        return {"name": prepared, "count": 1}

    return blueprint


@pytest.fixture(scope="module")
def prepared_app(database_environment: dict[str, str]) -> Flask:
    app = create_app(load(database_environment))
    app.register_blueprint(prepared_blueprint())
    return app


@pytest.fixture
def shop(prepared_app: Flask) -> Iterator[TestProgram]:
    _prepared.clear()
    _seen.clear()
    with prepared_app.app_context():
        yield make_program(prepared_app)


def test_the_view_gets_what_was_prepared(shop: TestProgram) -> None:
    answer = shop.client.post("/v1/prepared", {"name": "tea"})
    assert (answer.status_code, answer.json["name"]) == (200, "TEA")
    assert count_effects("tea") == 1


def test_a_collision_repeats_the_view_and_not_the_preparation(shop: TestProgram) -> None:
    answer = shop.client.post("/v1/prepared", {"name": "collide"})
    assert (answer.status_code, answer.json["name"]) == (200, "COLLIDE")
    assert (_prepared, _seen) == (["collide"], ["COLLIDE"] * 3)
    assert count_effects("collide") == 1


def test_a_refusal_while_preparing_is_the_answer(shop: TestProgram) -> None:
    answer = shop.client.post("/v1/prepared", {"name": "fail"})
    assert (answer.status_code, answer.json["code"]) == (409, "not_prepared")
    assert _seen == []


def test_nobody_is_prepared_for_who_may_not_call(shop: TestProgram) -> None:
    assert shop.anonymous.post("/v1/prepared", {"name": "tea"}).status_code == 401
    assert shop.client.post("/v1/prepared", {"amount": -1}).status_code == 422
    assert _prepared == []


def test_a_repeat_under_a_key_has_its_first_answer(shop: TestProgram) -> None:
    headers = {"Idempotency-Key": "one"}
    first = shop.client.post("/v1/prepared", {"name": "tea"}, headers=headers)
    again = shop.client.post("/v1/prepared", {"name": "tea"}, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json == first.json
    assert _seen == ["TEA"]
