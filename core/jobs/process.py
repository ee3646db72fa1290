"""What the processes beside the web share: signals, the loop, and the application they work in."""

import signal
import time
from collections.abc import Callable
from types import FrameType

import psycopg
import redis
import sqlalchemy.exc
import structlog
from flask import Flask

from core.app import create_app
from core.servers.processes import die_with_parent

_log = structlog.get_logger(__name__)
OUTAGES = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.TimeoutError,
    redis.RedisError,
)
_OUTAGE_WAIT_SECONDS = 0.5


class Stop:
    """Set by SIGTERM and SIGINT; a loop ends at its next turn."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def run_loop(name: str, turn: Callable[[], bool], *, pause_seconds: float) -> None:
    """Call `turn` until told to stop; it says whether there was work, and only idleness pauses.

    The database or Valkey being away is waited out: nothing is lost meanwhile, because everything is in the outbox.
    """
    stop = Stop()
    _log.info("started", process=name)
    while not stop.asked:
        try:
            worked = turn()
        except OUTAGES as error:
            _log.warning("waiting for a server", process=name, error=type(error).__name__)
            time.sleep(_OUTAGE_WAIT_SECONDS)
            continue
        if not worked:
            time.sleep(pause_seconds)
    _log.info("stopped", process=name)


def process_app(name: str) -> Flask:
    """The application for a process of its own, tied to the life of its supervisor."""
    die_with_parent()
    return create_app(process=name)
