"""Supervises small stand-ins in the place of the product: `python -m tests.core.servers.standin ROSTER`."""

import multiprocessing
import os
import signal
import sys
import time

from config.settings import load
from core.servers.child import SUPERVISOR
from core.servers.processes import MARK, die_with_parent
from core.servers.roster import Program
from core.servers.supervision import supervise
from core.servers.terminal import Terminal

ASLEEP = [sys.executable, "-m", __spec__.name, "sleep"]
ROSTERS = {
    "usual": [
        Program(name="store", command=ASLEEP, server=True),
        Program(name="plain", command=ASLEEP),
        Program(name="forking", command=[sys.executable, "-m", __spec__.name, "fork"]),
        Program(name="odd", command=["echo", "100 % 'a' ; b # c \\ \"d\""], once=True),
        Program(name="later", command=["echo", "migrated at last"], waits_for=("migrated",), once=True),
    ],
    "stubborn": [Program(name="stubborn", command=[sys.executable, "-m", __spec__.name, "stay"], stop_seconds=1)],
    "broken": [
        Program(name="plain", command=ASLEEP),
        Program(name="migrate", command=["sh", "-c", "echo no; exit 3"], once=True),
    ],
    "failing demo": [
        Program(name="plain", command=ASLEEP),
        Program(name="demo", command=["false"], once=True, needed=False),
    ],
    "crashing": [Program(name="crashing", command=["sh", "-c", "echo again"])],
}


def worker() -> None:
    """A child as a granian worker is one."""
    die_with_parent()
    print("worker", os.getpid(), flush=True)
    time.sleep(600)


def fork() -> None:
    """A process with a child, as granian's master is one."""
    multiprocessing.get_context("fork").Process(target=worker).start()
    time.sleep(600)


def sleep() -> None:
    """A process that tells when it begins and when it is asked to stop."""

    def stop(*_signal: object) -> None:
        time.sleep(0.3)
        print("down", flush=True)
        sys.exit()

    signal.signal(signal.SIGTERM, stop)
    print("up", flush=True)
    time.sleep(600)


def stay() -> None:
    """A process that will not stop when asked."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("up", flush=True)
    time.sleep(600)


def run(roster: str) -> int:
    """What `make run` does, without its preparations."""
    settings = load()
    settings.run_dir.mkdir(exist_ok=True)
    os.environ.update({MARK: str(settings.data_dir), SUPERVISOR: str(os.getpid())})
    return supervise(ROSTERS[roster], settings.run_dir, Terminal(sys.stdout.buffer))


if __name__ == "__main__":
    alone = {"fork": fork, "sleep": sleep, "stay": stay}.get(sys.argv[1])
    if alone is not None:
        alone()
    sys.exit(run(sys.argv[1]))
