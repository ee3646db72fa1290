"""Health: the process lives; the database is migrated and the queue answers; what it counts."""

from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import redis
import sqlalchemy.exc
from flask import Blueprint, Response, current_app
from marshmallow import Schema, fields

from core.auth.access import PUBLIC
from core.db import lookup, scalar
from core.errors import Unavailable
from core.http.endpoint import endpoint
from core.jobs import valkey
from core.observability.metrics import render_metrics

blueprint = Blueprint("health", __name__)
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


class HealthShape(Schema):
    status = fields.String()


class NotReady(Unavailable):
    code = "not_ready"
    title = "Not ready"


@blueprint.get("/healthz")
@endpoint(PUBLIC, summary="The process lives", answer=HealthShape)
def healthz() -> Any:
    return {"status": "ok"}


@blueprint.get("/readyz")
@endpoint(PUBLIC, summary="The database is migrated and the queue answers", answer=HealthShape, refuses=("not_ready",))
def readyz() -> Any:
    problems = [problem for problem in (_database_problem(), _queue_problem()) if problem]
    if problems:
        raise NotReady(" ".join(problems))
    return {"status": "ready"}


@blueprint.get("/metrics")
@endpoint(PUBLIC, summary="Prometheus metrics", media_type="text/plain")
def metrics() -> Any:
    return Response(render_metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")


@cache
def newest_migration() -> str:
    """The head of the migrations that came with this code: they are numbered, and a test holds it is one chain."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def _database_problem() -> str | None:
    try:
        with lookup():
            present = scalar("SELECT version_num FROM alembic_version")
    except (psycopg.Error, sqlalchemy.exc.SQLAlchemyError):
        return "The database does not answer or is not migrated."
    wanted = newest_migration()
    return None if present == wanted else f"The database is at migration {present}, the code at {wanted}."


def _queue_problem() -> str | None:
    try:
        with valkey.connect(current_app.config["SETTINGS"].redis_url) as client:
            client.ping()
    except redis.RedisError:
        return "The queue does not answer."
    return None
