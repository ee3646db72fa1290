"""Endpoints that commit by themselves: when the edge opens no transaction for them, and when it does after all."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask

from config.settings import load
from core.app import create_app
from core.auth.actor import Actor
from core.db import Collision, in_transaction, transaction
from core.http.endpoint import endpoint
from tests.clients import TestProgram, make_program
from tests.core.http.conftest import EffectBody, EffectShape, count_effects, make_effect

_seen: list[bool] = []


def own_blueprint() -> Blueprint:
    blueprint = Blueprint("own", __name__)

    @blueprint.post("/v1/own")
    @endpoint("members:write", summary="Act", body=EffectBody, answer=EffectShape, transactional=False)
    def act(actor: Actor, body: dict[str, Any]) -> Any:
        name = body.pop("name")
        _seen.append(in_transaction())
        if name.startswith("meets") and len(_seen) < 3:
            raise Collision()
        if in_transaction():
            make_effect(name)
        else:
            with transaction(actor.program_id):
                make_effect(name)
        return {"name": name, "count": 1}

    return blueprint


@pytest.fixture(scope="module")
def own_app(database_environment: dict[str, str]) -> Flask:
    app = create_app(load(database_environment))
    app.register_blueprint(own_blueprint())
    return app


@pytest.fixture
def shop(own_app: Flask) -> Iterator[TestProgram]:
    _seen.clear()
    with own_app.app_context():
        yield make_program(own_app)


def test_the_view_runs_without_a_transaction(shop: TestProgram) -> None:
    name = f"own-{shop.id.hex}"
    assert shop.client.post("/v1/own", {"name": name}).status_code == 200
    assert (_seen, count_effects(name)) == ([False], 1)


def test_under_a_key_the_answer_is_kept_in_the_transaction_of_the_effect(shop: TestProgram) -> None:
    name, headers = f"keyed-{shop.id.hex}", {"Idempotency-Key": "k"}
    first, again = (shop.client.post("/v1/own", {"name": name}, headers=headers) for _ in range(2))
    assert (first.status_code, again.data) == (200, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (_seen, count_effects(name)) == ([True], 1)


def test_what_staff_does_is_audited_in_its_transaction(shop: TestProgram) -> None:
    name = f"staff-{shop.id.hex}"
    owner = shop.staff("owner")
    assert owner.post("/v1/own", {"name": name}).status_code == 200
    assert (_seen, count_effects(name)) == ([True], 1)
    assert len(owner.get("/v1/audit-events").json["data"]) == 1


def test_a_collision_is_repeated_in_a_transaction_with_the_whole_input(shop: TestProgram) -> None:
    name = f"meets-{shop.id.hex}"
    assert shop.client.post("/v1/own", {"name": name}).json == {"name": name, "count": 1}
    assert (_seen, count_effects(name)) == ([False, True, True], 1)
