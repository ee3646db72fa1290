"""RFC 9457 answers: every refusal leaves here as application/problem+json. Nothing else builds error bodies."""

from http import HTTPStatus
from typing import Any

import psycopg
import sqlalchemy.exc
import structlog
from flask import Flask, Response, g, request
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from core.db import Collision
from core.errors import Busy, DomainError, Fault, Invalid, Unauthenticated, Unavailable
from core.http.json import dumps

_log = structlog.get_logger(__name__)
_CODES = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}
BUSY = (
    Collision,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
)
DATABASE_DOWN = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.TimeoutError,
)


# details of an error that travel as headers
_HEADERS = {
    "retry_after": "Retry-After",
    "limit": "RateLimit-Limit",
    "remaining": "RateLimit-Remaining",
    "reset": "RateLimit-Reset",
}


def problem(status: int, code: str, title: str, detail: str, **extra: Any) -> Response:
    body = {"type": f"urn:banyan:problem:{code}", "title": title, "status": status, "detail": detail, "code": code}
    body |= extra
    body["request_id"] = g.get("request_id")
    return Response(dumps(body), status, content_type="application/problem+json")


def problem_of(error: DomainError) -> Response:
    """The answer to a rule that said no."""
    extra = dict(error.extra)
    headers = {name: extra.pop(key) for key, name in _HEADERS.items() if key in extra}
    if error.faults:
        extra["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.faults]
    response = problem(error.status, error.code, error.title, error.detail, **extra)
    for name, value in headers.items():
        response.headers[name] = str(value)
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def invalid_from(error: ValidationError, at: str = "") -> Invalid:
    """marshmallow's nested messages as faults with JSON pointers."""
    messages = error.messages if isinstance(error.messages, dict) else {"_schema": error.messages}
    return Invalid(faults=list(_faults(messages, at)))


def _faults(messages: Any, pointer: str) -> list[Fault]:
    if isinstance(messages, str):
        return [Fault(pointer, messages)]
    if isinstance(messages, list):
        return [fault for message in messages for fault in _faults(message, pointer)]
    found: list[Fault] = []
    for key, inner in messages.items():
        step = "" if key == "_schema" else "/" + str(key).replace("~", "~0").replace("/", "~1")
        found += _faults(inner, pointer + step)
    return found


def register_problems(app: Flask) -> None:
    """Install the handlers that turn every exception into a problem."""

    @app.errorhandler(DomainError)
    def domain_error(error: DomainError) -> Response:
        return problem_of(error)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        phrase = HTTPStatus(status).phrase
        code = _CODES.get(status, phrase.lower().replace(" ", "_"))
        answer = problem(status, code, phrase, error.description or phrase)
        for name, value in error.get_headers(request.environ):
            if name.lower() not in {"content-type", "content-length"}:
                answer.headers[name] = value
        return answer

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        return problem_of_unexpected(error)


def problem_of_unexpected(error: Exception) -> Response:
    """The answer to what no rule foresaw: nothing of it is shown, all of it is logged."""
    if isinstance(error, BUSY):
        return problem_of(Busy("Another request holds what this one needs; repeat it.", retry_after=1))
    if isinstance(error, DATABASE_DOWN):
        _log.error("database unavailable", error=type(error).__name__)
        return problem_of(Unavailable("The database cannot be reached; repeat the request.", retry_after=1))
    if isinstance(error, psycopg.DataError):
        # content that every check let pass and the database cannot hold: the caller's fault, and a gap of ours
        _log.error("the database refused a value", exc_info=error)
        return problem_of(Invalid("A value cannot be stored."))
    _log.error("unexpected error", exc_info=error)
    return problem(500, "internal_error", "Internal error", "The error was logged under this request_id.")
