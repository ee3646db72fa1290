"""`make run`: prepare DATA_DIR, then supervise everything in this process until a signal says stop."""

import os
import shutil
import signal
import sys
from pathlib import Path

from config.settings import Settings, SettingsError, load
from core.servers import preparation
from core.servers.child import SUPERVISOR
from core.servers.errors import ServerError
from core.servers.processes import MARK, PROC, set_death_signal
from core.servers.roster import roster
from core.servers.supervision import supervise
from core.servers.terminal import Terminal


def main() -> int:
    """Exit status: 0 stopped when told to, 1 the migrations failed, 2 the settings or the machine forbid a start."""
    try:
        settings = load()
        _stop_with_make()
        preparation.make_folders(settings)
        with preparation.only_copy(settings.run_dir):
            return _run(settings)
    except (SettingsError, ServerError) as error:
        print(error, file=sys.stderr)
    except PermissionError as error:  # files that another user's start made
        print(
            f"{error.filename} belongs to somebody else: start as its owner, or choose another DATA_DIR",
            file=sys.stderr,
        )
    return 2


def _run(settings: Settings) -> int:
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    terminal = Terminal(sys.stdout.buffer, raw=frozenset({"demo"}) if columns else frozenset())
    left = preparation.clear_left_overs(settings)
    if left:
        terminal.say(f"ended what an earlier start had left: {', '.join(map(str, left))}")
    preparation.require_free_ports(settings)
    preparation.make_servers(settings)
    preparation.empty_metrics(settings.run_dir)
    os.environ.update(_environment(settings))
    terminal.say(f"starting on {settings.data_dir}, port {settings.port}")
    status = supervise(roster(settings, columns), settings.run_dir, terminal)
    terminal.say("stopped")
    return status


def _environment(settings: Settings) -> dict[str, str]:
    """What every process finds in its environment beside the operator's own variables."""
    return {
        "DATA_DIR": str(settings.data_dir),
        "PYTHONUNBUFFERED": "1",  # a line is shown when it is printed
        "PROMETHEUS_MULTIPROC_DIR": str(settings.run_dir / "metrics"),  # what all processes count together
        MARK: str(settings.data_dir),
        SUPERVISOR: str(os.getpid()),
    }


def _stop_with_make() -> None:
    """Stop in order when make was killed alone; started in any other way, the starter may go."""
    parent = os.getppid()
    try:
        name = Path(PROC / str(parent) / "comm").read_text(encoding="utf-8").strip()
    except OSError:
        return
    if "MAKELEVEL" in os.environ and name in {"make", "gmake"}:
        set_death_signal(signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
