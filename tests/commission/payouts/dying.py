"""Deaths at chosen moments: rails that take their worker with them, in this process or by kill -9 in one of their own.

Run as `python -m tests.commission.payouts.dying POINT URL DELIVERY`: a worker that delivers one job and kills itself
with SIGKILL before or after its third call.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from uuid import UUID

import orjson

from commission.payouts.rails import register
from commission.payouts.rails.protocol import Outcome, Rail, SendOutcome, Timeouts, TransferRequest
from commission.payouts.rails.sandbox.client import SandboxRail
from core.app import create_app
from core.jobs.delivery import deliver

IMPATIENT = Timeouts(1, 0.3, 0.5)  # the tests' sandbox takes 0.8 s when it is slow


class Death(BaseException):
    """The worker dies: nobody may catch this, as nobody can catch SIGKILL."""


def die() -> None:
    raise Death


class FatalRail:
    """A rail around another; its `number`-th send ends the worker, `before` or `after` the call. Once."""

    kind = "sandbox"

    def __init__(self, inner: Rail, point: str, end: Callable[[], None] = die, *, number: int = 3) -> None:
        self._inner, self._point, self._end, self._number = inner, point, end, number
        self._sends = 0
        self._lock = threading.Lock()
        self.capabilities = inner.capabilities

    def send(self, request: TransferRequest) -> SendOutcome:
        with self._lock:
            self._sends += 1
            fatal = self._sends == self._number
        if fatal and self._point == "before":
            self._end()
        outcome = self._inner.send(request)
        if fatal and self._point == "after":
            self._end()
        return outcome

    def query(self, key: str, expected: TransferRequest | None = None) -> Outcome:
        return self._inner.query(key, expected)


def main(point: str, url: str, delivery: str) -> None:
    program_id, outbox_id, job, arguments, attempt = orjson.loads(delivery)
    with create_app(process="dying").app_context():
        register(FatalRail(SandboxRail(lambda: url, IMPATIENT), point, lambda: os.kill(os.getpid(), signal.SIGKILL)))
        deliver(str(UUID(program_id)), outbox_id, job, arguments, attempt)


if __name__ == "__main__":
    main(*sys.argv[1:])
