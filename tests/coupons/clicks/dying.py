"""A shipper that kills itself at a chosen step, in a process of its own. A step is a statement or a file changed."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from core import db
from coupons.clicks import shipper
from coupons.clicks.shipper import Shipper


def ship_and_die(folder: Path, step: int) -> bool:
    """Ship everything in the folder unless the process dies before its `step`-th step; whether it died."""
    child = os.fork()
    if child == 0:
        try:
            db.db.engine.dispose(close=False)  # the parent's connections are the parent's
            _work_towards_death(folder, step)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), "it failed instead of dying"
    return code != 0


def _work_towards_death(folder: Path, step: int) -> None:
    steps = iter(range(1, 1_000_000))

    def deadly(work: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any, **named: Any) -> Any:
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return work(*arguments, **named)

        return dying

    psycopg.Connection.execute = deadly(psycopg.Connection.execute)  # type: ignore[method-assign]
    db._commit = deadly(db._commit)
    shipper.keep_place = deadly(shipper.keep_place)
    shipper.remove = deadly(shipper.remove)
    working = Shipper(folder, 400)
    while working.turn() or list(folder.glob("*.seg")):
        pass
    os._exit(0)
