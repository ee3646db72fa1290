"""What Linux offers to keep processes together; nothing here waits longer than it is told."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")
MARK = "BANYAN_RUN"  # in the environment of every supervised process: the DATA_DIR it belongs to
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)  # loaded once: after a fork nothing may be imported


def set_death_signal(death_signal: signal.Signals) -> None:
    """Have the kernel send this signal to the caller when the thread that started it ends.

    Survives exec of an ordinary program; a change of user clears it, so change the user first.
    """
    if _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def die_with_parent() -> None:
    """In a process made by multiprocessing (a granian worker): end when the parent does, at once and without mercy.

    Anywhere else nothing happens, so the module of the WSGI app may call it whoever imports it.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    set_death_signal(signal.SIGKILL)
    if os.getppid() != parent.pid:  # it died before the call above
        os._exit(1)


def process_exists(pid: int) -> bool:
    """Whether the process lives; one that has ended and only waits to be collected does not."""
    try:
        state = (PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in {"Z", "X"}


def working_directory(pid: int) -> Path | None:
    """Where the process works; None when it has ended or may not be looked at."""
    try:
        return Path(os.readlink(PROC / str(pid) / "cwd"))
    except OSError:
        return None


def processes_in(folder: Path, program: str) -> list[int]:
    """The living processes of this program that work in this folder."""
    home = Path(os.path.realpath(folder))
    return [pid for pid in _all_pids() if working_directory(pid) == home and _program(pid) == program]


def marked_processes(data_dir: Path) -> list[int]:
    """Processes that a supervisor of this DATA_DIR started, found by their environment and not by a number on disk."""
    mark = b"\0" + os.fsencode(f"{MARK}={data_dir}") + b"\0"
    marked = [pid for pid in _all_pids() if mark in b"\0" + _environment(pid)]
    return [pid for pid in marked if pid != os.getpid() and process_exists(pid)]


def end_processes(pids: Iterable[int], *, grace_seconds: float) -> None:
    """SIGTERM, then SIGKILL to what is left after the grace; returns when all are gone."""
    everybody = list(pids)
    for death in (signal.SIGTERM, signal.SIGKILL):
        for pid in filter(process_exists, everybody):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, death)
        wait_until(lambda: not any(map(process_exists, everybody)), grace_seconds)


def wait_until(condition: Callable[[], bool], timeout_seconds: float, pause_seconds: float = 0.02) -> bool:
    """Ask again and again until the condition holds; False when it did not within the time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause_seconds)
    return True


def _all_pids() -> Iterator[int]:
    return (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit())


def _program(pid: int) -> str | None:
    try:
        return Path(os.readlink(PROC / str(pid) / "exe").removesuffix(" (deleted)")).name
    except OSError:
        return None


def _environment(pid: int) -> bytes:
    try:
        return (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""
