"""The first step of every supervised process: `python -m core.servers.child NAME [--wait-for WHAT]… -- COMMAND…`.

It ties the process to its supervisor's life, leaves its number in DATA_DIR/run/NAME.pid, waits for what the command
needs and becomes the command: the number in the file is the real process's.
"""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from config.settings import Settings, load
from core.servers.conditions import CONDITIONS
from core.servers.processes import set_death_signal

SUPERVISOR = "BANYAN_SUPERVISOR"  # the supervisor's process number, in the environment of its children
PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 15.0  # waiting longer than this is worth a line in the log


def main(arguments: list[str]) -> None:
    """Does not return."""
    asked = _parser().parse_args(arguments)
    tie_to_supervisor()
    settings = load()
    write_pid(settings.run_dir / f"{asked.name}.pid")
    for condition in asked.wait_for:
        wait_for(condition, settings, asked.name)
    os.execvp(asked.command[0], asked.command)  # noqa: S606 - the supervisor's own command line


def tie_to_supervisor() -> None:
    """Die when the supervisor does, however it dies; also when it is already gone."""
    set_death_signal(signal.SIGKILL)
    if str(os.getppid()) != os.environ.get(SUPERVISOR, str(os.getppid())):
        sys.exit("the supervisor is gone")


def write_pid(path: Path) -> None:
    """Leave this process's number, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(f"{os.getpid()}\n", encoding="ascii")
    draft.replace(path)


def wait_for(condition: str, settings: Settings, name: str) -> None:
    """Return once the condition holds, however long that takes; a long wait is told, once."""
    started, told = time.monotonic(), False
    while not CONDITIONS[condition](settings):
        if not told and time.monotonic() - started > PATIENCE_SECONDS:
            print(f"{name} still waits: {condition}", flush=True)
            told = True
        time.sleep(PAUSE_SECONDS)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core.servers.child")
    parser.add_argument("name")
    parser.add_argument("--wait-for", action="append", default=[], choices=CONDITIONS)
    parser.add_argument("command", nargs="+")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
