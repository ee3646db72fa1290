"""An application with a few endpoints of its own, so that the edge is tested without any feature."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask import Blueprint, Flask

from config.settings import load
from core.app import create_app
from core.auth.actor import Actor
from core.clock import now
from core.db import Collision, execute, json, scalar, transaction
from core.errors import Conflict
from core.http.endpoint import endpoint
from core.http.fields import Amount, Attributes, Instant, Note, Text
from core.http.schemas import Body, Page, page_of
from tests.clients import TestProgram, make_program


class EffectBody(Body):
    name = Text(80, required=True)
    amount = Amount()
    at = Instant()
    note = Note(500)
    attributes = Attributes()


class EffectShape(EffectBody):
    count = Amount()


class Refused(Conflict):
    code = "effect_refused"
    title = "The effect was refused, after it was made"


_met: dict[str, int] = {}


def effects_blueprint() -> Blueprint:  # noqa: C901 -- one endpoint after the other
    """Endpoints whose effects can be counted."""
    blueprint = Blueprint("effects", __name__)

    @blueprint.post("/v1/effects")
    @endpoint(
        "members:write", summary="Have an effect", body=EffectBody, answer=EffectShape, status=201,
        refuses=("effect_refused",),
    )  # fmt: skip
    def effect(actor: Actor, body: dict[str, Any]) -> Any:
        make_effect(body["name"])
        if body["name"].startswith("refuse"):
            raise Refused()
        return {"name": body.pop("name"), "count": 1}

    @blueprint.get("/v1/effects")
    @endpoint("members:read", summary="Count effects", query=Page, answer=EffectShape, paged=True)
    def effects(actor: Actor, query: dict[str, Any]) -> Any:
        return page_of([])

    @blueprint.post("/v1/effects/<ref:ref>/touch")
    @endpoint("members:write", summary="Touch", answer=EffectShape)
    def touch(actor: Actor, ref: str) -> Any:
        return {"name": ref}

    @blueprint.delete("/v1/effects")
    @endpoint("members:write", summary="Nothing to answer", status=204)
    def nothing(actor: Actor) -> Any:
        return None

    @blueprint.post("/v1/collisions")
    @endpoint("members:write", summary="Meet somebody the first time", body=EffectBody, answer=EffectShape)
    def collide(actor: Actor, body: dict[str, Any]) -> Any:
        name = body.pop("name")
        make_effect(name)
        _met[name] = _met.get(name, 0) + 1
        if _met[name] <= body.get("amount", 1):
            raise Collision()
        return {"name": name, "count": _met[name]}

    @blueprint.get("/v1/broken")
    @endpoint("members:read", summary="Break", answer=EffectShape)
    def broken(actor: Actor) -> Any:
        raise ZeroDivisionError("the secret number 4711")

    return blueprint


def make_effect(name: str) -> None:
    execute(
        "INSERT INTO operation_flags (name, detail, set_at) VALUES (%(name)s, %(detail)s, %(at)s)",
        name=f"{name}-{uuid4().hex}", detail=json({}), at=now(),
    )  # fmt: skip


def count_effects(name: str) -> int:
    with transaction(read_only=True):
        return int(scalar("SELECT count(*) FROM operation_flags WHERE name LIKE %(like)s", like=f"{name}-%"))


@pytest.fixture(scope="package")
def edge_app(database_environment: dict[str, str]) -> Flask:
    app = create_app(load(database_environment))
    app.register_blueprint(effects_blueprint())
    return app


@pytest.fixture
def edge(edge_app: Flask) -> Iterator[TestProgram]:
    """A fresh program of that application."""
    with edge_app.app_context():
        yield make_program(edge_app)
