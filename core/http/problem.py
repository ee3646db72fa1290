"""RFC 9457 answers: every refusal leaves here as application/problem+json. Nothing else builds error bodies."""

import logging
from http import HTTPStatus
from typing import Any

import psycopg
import sqlalchemy.exc
from flask import Flask, Response, g, request
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from core.errors import DomainError, Fault, Invalid, Unauthenticated
from core.http.json import dumps

_log = logging.getLogger(__name__)
_CODES = {400: "malformed", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
DATABASE_DOWN = (psycopg.OperationalError, psycopg.InterfaceError, sqlalchemy.exc.OperationalError, sqlalchemy.exc.TimeoutError)


def problem(status: int, code: str, title: str, detail: str, **extra: Any) -> Response:
    body = {"type": f"urn:banyan:problem:{code}", "title": title, "status": status, "detail": detail, "code": code}
    body |= extra
    body["request_id"] = g.get("request_id")
    return Response(dumps(body), status, content_type="application/problem+json")


def problem_of(error: DomainError) -> Response:
    """The answer to a rule that said no."""
    extra = dict(error.extra)
    retry_after = extra.pop("retry_after", None)
    if error.faults:
        extra["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.faults]
    response = problem(error.status, error.code, error.title, error.detail, **extra)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def invalid_from(error: ValidationError, at: str = "") -> Invalid:
    """marshmallow's nested messages as faults with JSON pointers."""
    return Invalid(faults=list(_faults(error.normalized_messages(), at)))


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
        answer = problem(status, _CODES.get(status, phrase.lower().replace(" ", "_")), phrase, error.description or phrase)
        for name, value in error.get_headers(request.environ):
            if name.lower() not in {"content-type", "content-length"}:
                answer.headers[name] = value
        return answer

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        if isinstance(error, psycopg.errors.LockNotAvailable):
            return _unavailable("busy", "Another request holds what this one needs; repeat it.")
        if isinstance(error, DATABASE_DOWN):
            _log.error("database unavailable", extra={"error": type(error).__name__})
            return _unavailable("unavailable", "The database cannot be reached; repeat the request.")
        _log.exception("unexpected error")
        return problem(500, "internal_error", "Internal error", "The error was logged under this request_id.")


def _unavailable(code: str, detail: str) -> Response:
    response = problem(503, code, "Temporarily unavailable", detail)
    response.headers["Retry-After"] = "1"
    return response
