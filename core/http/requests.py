"""Around every request: its id, its log line, its metrics."""

import re
import time

import structlog
from flask import Flask, Response, g, request

from core.ids import base32_of, new_id
from core.observability.metrics import count_request

_log = structlog.get_logger("banyan.request")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")


def register_requests(app: Flask) -> None:
    """Give every request an id (the caller's, if it is a decent one) and tell logs and metrics how it went."""

    @app.before_request
    def begin() -> None:
        _begin()

    @app.after_request
    def end(response: Response) -> Response:
        if "started" not in g:  # refused before anything was read of it
            _begin()
        response.headers["X-Request-Id"] = g.request_id
        response.headers.setdefault("Cache-Control", "no-store")
        _tell(response)
        return response


def _begin() -> None:
    given = request.headers.get("X-Request-Id")
    g.request_id = given if given and _REQUEST_ID.fullmatch(given) else f"req_{base32_of(new_id())}"
    g.started = time.perf_counter()


def _tell(response: Response) -> None:
    # the route's pattern, never the path: external ids may be personal
    rule = request.url_rule
    route = rule.rule if rule else "unknown"
    seconds = time.perf_counter() - g.started
    count_request(request.method, route, response.status_code, seconds)
    actor = g.get("actor")
    _log.info(
        "request", method=request.method, route=route, status=response.status_code, seconds=round(seconds, 4),
        actor=actor and actor.public_id, program=actor and str(actor.program_id),
    )  # fmt: skip
