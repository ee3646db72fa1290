"""Structured logs: one JSON object a line on standard error, with the request id, never with personal data."""

import contextlib
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog
from flask import g, has_request_context

_NOISY = ("rq", "httpx", "httpcore", "alembic", "faker")
# where PostgreSQL repeats the values of the row that it refuses
_WITH_VALUES = re.compile(r"^(?:DETAIL|CONTEXT):.*\n?(?:.+\n?)*", re.MULTILINE)

Event = MutableMapping[str, Any]


def configure_logging(level: str, process: str) -> None:
    """Send structlog and the standard library's loggers as JSON to standard error. `process` stands in every line."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Context(process),
        _exception,
    ]
    structlog.configure(
        processors=[*shared, _rendered],
        logger_factory=lambda *_names: _StandardError(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=False,  # a second application in a process may log otherwise
    )
    handler = _StandardErrorHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _rendered]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)


def without_values(text: str) -> str:
    """An error's text without the lines in which PostgreSQL repeats a row's values: they may be personal."""
    return _WITH_VALUES.sub("", text).strip()


class _Context:
    """Adds who logs. Not through context variables: the server's threads would not inherit them."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, _logger: Any, _method: str, event: Event) -> Event:
        event.setdefault("process", self._process)
        if has_request_context():
            event.setdefault("request_id", g.get("request_id"))
        return event


def _exception(_logger: Any, _method: str, event: Event) -> Event:
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if error is True:
        error = sys.exception()
    if isinstance(error, BaseException):
        event["exception"] = without_values("".join(traceback.format_exception(error)))
    return event


def _rendered(_logger: Any, _method: str, event: Event) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class _StandardError:
    """structlog's end: whole lines to what standard error is at that moment (commands and tests exchange it)."""

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError):  # on a full disk: a log line never breaks what it tells about
            sys.stderr.write(line + "\n")

    debug = info = warning = error = critical = exception = fatal = msg


class _StandardErrorHandler(logging.Handler):
    """The same for the standard library's loggers."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 -- a log line never breaks what it tells about
            self.handleError(record)
