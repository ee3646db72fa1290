"""Around every request: its id, its log line, its metrics."""

import re
import time

import structlog
from flask import Flask, Response, g, request

from core.ids import base32_of, new_id
from core.observability import metrics

_log = structlog.get_logger("banyan.request")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")


def register_requests(app: Flask) -> None:
    """Give every request an id (the caller's, if it is a decent one) and tell logs and metrics how it went."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else f"req_{base32_of(new_id())}"
        g.started = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        # a request refused while it was read (too large, bad host) may come here without having begun
        response.headers["X-Request-Id"] = g.get("request_id", "")
        _tell(response)
        return response


def _tell(response: Response) -> None:
    # the route's pattern, never the path: external ids may be personal
    route = request.url_rule.rule if request.url_rule else "unknown"
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    metrics.REQUESTS.labels(request.method, route, response.status_code).inc()
    metrics.REQUEST_SECONDS.labels(route).observe(seconds)
    actor = g.get("actor")
    _log.info(
        "request", method=request.method, route=route, status=response.status_code, seconds=round(seconds, 4),
        request_id=g.get("request_id"), actor=actor and actor.public_id, program=actor and str(actor.program_id),
    )  # fmt: skip
