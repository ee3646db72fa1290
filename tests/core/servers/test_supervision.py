"""What dies comes back, what must stop stops, and nothing is left behind; tried on small stand-ins."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.servers.processes import PROC, marked_processes, process_exists, wait_until

ROOT = Path(__file__).parents[3]
Start = Callable[[str], "Running"]


class Running:
    """A supervisor of stand-ins in a session of its own, with its output in a file."""

    def __init__(self, roster: str, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._log = data_dir.with_suffix(".log")
        command = [sys.executable, "-m", "tests.core.servers.standin", roster]
        environment = os.environ | {"DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT)}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def pid(self, name: str) -> int | None:
        """The living process that the pid file names, once it has become the real command."""
        try:
            pid = int((self.data_dir / "run" / f"{name}.pid").read_text())
            is_real = b"core.servers.child" not in (PROC / str(pid) / "cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if is_real and process_exists(pid) else None

    def pid_soon(self, name: str, other_than: int | None = None) -> int:
        wait_until(lambda: self.pid(name) not in {None, other_than} or self.process.poll() is not None, 20)
        pid = self.pid(name)
        assert pid not in {None, other_than}, self.output()
        return pid or 0

    def output(self) -> str:
        return self._log.read_text()

    def says(self, text: str) -> bool:
        wait_until(lambda: text in self.output() or self.process.poll() is not None, 20)
        return text in self.output()

    def is_gone(self) -> bool:
        return wait_until(lambda: self.process.poll() is not None and not marked_processes(self.data_dir), 10)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def start_roster(roster: str) -> Running:
        started.append(Running(roster, tmp_path / "data"))
        return started[-1]

    yield start_roster
    for running in started:
        running.process.kill()
        running.process.wait()
    assert all(running.is_gone() for running in started)


def test_the_whole_life(start: Start) -> None:
    running = start("usual")
    plain, store, forking = (running.pid_soon(name) for name in ("plain", "store", "forking"))

    # what is printed reaches the terminal, whatever is in it
    assert running.says("odd            | 100 % 'a' ; b # c \\ \"d\"\n")
    # what waits, waits
    assert "at last" not in running.output()
    (running.data_dir / "run" / "migrated").touch()
    assert running.says("later          | migrated at last\n")
    assert running.output().count("odd  ") == 1, "a program that runs once was started again"

    # what is killed comes back under another number, in the file too
    assert running.says("store          | up")
    os.kill(plain, signal.SIGKILL)
    again = running.pid_soon("plain", other_than=plain)
    assert running.says("plain ended; starting it again")
    # and takes its children with it
    assert running.says("forking        | worker")
    worker = int(running.output().split("forking        | worker ")[1].split()[0])
    assert process_exists(worker)
    os.kill(forking, signal.SIGKILL)
    assert wait_until(lambda: not process_exists(worker), 5)
    running.pid_soon("forking", other_than=forking)

    # told to stop, nothing is left, and the servers were asked when all others were gone
    os.killpg(running.process.pid, signal.SIGTERM)
    assert running.process.wait(10) == 0
    assert running.is_gone()
    assert not process_exists(again)
    assert not process_exists(store)
    assert running.output().index("plain          | down") < running.output().index("store          | down")
    assert not list((running.data_dir / "run").glob("*.pid"))


def test_killing_the_supervisor_takes_everybody_along_and_a_second_start_works(start: Start) -> None:
    first = start("usual")
    pids = [first.pid_soon(name) for name in ("plain", "store", "forking")]
    first.process.kill()
    assert wait_until(lambda: not any(map(process_exists, pids)), 5)
    assert first.is_gone()
    second = start("usual")
    assert second.pid_soon("plain") not in pids


def test_a_program_that_will_not_stop_is_killed_and_ctrl_c_is_enough(start: Start) -> None:
    running = start("stubborn")
    assert running.says("stubborn       | up")
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.process.wait(10) == 0
    assert running.is_gone()


def test_a_failed_migration_stops_everything_with_a_status(start: Start) -> None:
    running = start("broken")
    assert running.process.wait(20) == 1
    assert "migrate        | no\n" in running.output()
    assert "migrate failed" in running.output()
    assert running.is_gone()


def test_a_failed_demo_stops_nothing(start: Start) -> None:
    running = start("failing demo")
    assert running.says("demo failed; everything else goes on")
    assert running.pid_soon("plain")


def test_what_ends_at_once_is_tried_again_and_again(start: Start) -> None:
    running = start("crashing")
    assert wait_until(lambda: running.output().count("crashing       | again") >= 3, 20)


def test_a_closed_terminal_stops_it(start: Start) -> None:
    running = start("usual")
    running.pid_soon("plain")
    running.process.send_signal(signal.SIGHUP)
    assert running.process.wait(10) == 0
    assert running.is_gone()
