"""The sender: claims lanes, calls their platforms from several threads, records what came of it, and goes on.

Claiming and recording share one transaction, and the calls are outside of it. A call that takes long keeps one thread
and one lane, never the others.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import sqlalchemy.exc
import structlog
from flask import current_app

from community.delivery import queries
from community.delivery.claiming import LEASE, Sending, claim
from community.delivery.crew import Crew
from community.delivery.pacing import milliseconds
from community.delivery.recording import Answer, record
from community.delivery.waking import wake
from community.platforms.service import Target, Throttled, Unknown, send
from core.clock import now
from core.db import transaction

__all__ = ["call", "send_ready"]

_log = structlog.get_logger(__name__)

MOST_UNDER_WAY = 512  # lanes that are claimed at a time: the threads have work while the database has some
SECONDS = 1.5  # of claiming in one delivery of the job; then others of its queue have a turn
_CALL_MS = 11_000  # what one call may take at the most
_OUTAGES = (psycopg.OperationalError, sqlalchemy.exc.OperationalError, sqlalchemy.exc.TimeoutError)

T = TypeVar("T")


def send_ready(program_id: UUID, *, seconds: float = SECONDS) -> None:
    """Send what is ready, for so long; where more is, the job is published again."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # threads need the application itself
    until = time.monotonic() + seconds
    answers: Sequence[Answer] = ()
    with Crew(call, app.app_context) as crew:
        while True:
            room = MOST_UNDER_WAY - crew.under_way if time.monotonic() < until else 0
            crew.give([(_host(one.target), one) for one in _patiently(partial(_turn, program_id, answers, room))])
            if not crew.under_way:
                break
            answers = crew.results()
    with transaction(program_id):
        if queries.has_ready(program_id, now()):
            wake(program_id)


def _turn(program_id: UUID, answers: Sequence[Answer], room: int) -> list[Sending]:
    with transaction(program_id):
        record(program_id, answers)
        return claim(program_id, room) if room else []


def _host(target: Target) -> str:
    return f"{target.platform} {urlsplit(target.url).netloc}"


def call(sending: Sending) -> Answer:
    """One message to its platform; whatever happens is an answer."""
    if milliseconds(now()) + sending.calls * _CALL_MS > sending.leased_until:
        return Answer(sending, Throttled(0), now(), was_called=False)
    try:
        outcome = send(sending.target, sending.message)
    except Exception as error:  # noqa: BLE001 -- a fault of ours must not lose the lane
        _log.error("a platform's adapter failed", platform=sending.target.platform, exc_info=error)
        outcome = Unknown("adapter_failed")
    return Answer(sending, outcome, now())


def _patiently(turn: Callable[[], T]) -> T:
    """What came of calls is recorded when the database is back, as long as the leases hold: else it would be lost."""
    until = time.monotonic() + LEASE.total_seconds()
    while True:
        try:
            return turn()
        except _OUTAGES as error:
            if time.monotonic() > until:
                raise
            _log.warning("waiting for the database", error=type(error).__name__)
            time.sleep(0.3)
