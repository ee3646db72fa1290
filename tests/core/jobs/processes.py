"""The real processes with the trial jobs on board: `python -m tests.core.jobs.processes core.jobs.worker default`."""

import os
import runpy
import signal
import sys

import tests.core.jobs.handlers  # noqa: F401 -- registers the jobs
from core.jobs import valkey


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1] == "--die-before-enqueue":
        del sys.argv[1]
        valkey.enqueue = _die
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=False)
