"""supervisord in this very process: it starts every program, starts again what dies and stops all in order."""

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from supervisor import events
from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ServerOptions
from supervisor.states import SupervisorStates
from supervisor.supervisord import Supervisor

from core.servers.roster import Program
from core.servers.terminal import Terminal

LONGEST_SLEEP_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 3  # between two tries to start what ends right after its start
CONFIGURATION = """\
[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
loglevel = error
nocleanup = true
minprocs = 64
{user}
"""
PROGRAM = """
[program:{name}]
command = {command}
autorestart = {autorestart}
startsecs = {startsecs}
startretries = 1000000
exitcodes = 0
stopsignal = {stop_signal}
stopwaitsecs = {stop_seconds}
killasgroup = true
redirect_stderr = true
stdout_logfile = NONE
stdout_events_enabled = true
"""


def supervise(programs: Sequence[Program], run_dir: Path, terminal: Terminal) -> int:
    """Run the programs until a signal says stop. Exit status: 0, or 1 when a needed program failed for good."""
    path = run_dir / "supervisord.conf"
    path.write_text(configuration(programs), encoding="utf-8")
    options = ServerOptions()
    options.realize(["-c", str(path)])
    options.pidfile = str(run_dir / "supervisor.pid")
    options.first = True
    options.test = False
    room = _Room(options, programs, run_dir, terminal)
    with contextlib.suppress(ExitNow):  # supervisord's word for: all programs have stopped
        room.main()
    return room.exit_status


def configuration(programs: Sequence[Program]) -> str:
    """supervisord's file. Two groups: those in one stop together, the servers after all others."""
    # without a user it warns every root that he is root
    head = CONFIGURATION.format(user="user = root" if os.geteuid() == 0 else "")
    servers = [program.name for program in programs if program.server]
    others = [program.name for program in programs if not program.server]
    return head + "".join(map(_section, programs)) + _group("servers", 1, servers) + _group("product", 2, others)


class _Room(Supervisor):  # type: ignore[misc]  # supervisor publishes no types
    """supervisord that talks to our terminal and keeps the pid files true."""

    exit_status = 0

    def __init__(self, options: Any, programs: Sequence[Program], run_dir: Path, terminal: Terminal) -> None:
        super().__init__(options)
        self._programs = {program.name: program for program in programs}
        self._run_dir = run_dir
        self._terminal = terminal
        self._ignores_hang_up = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # under nohup

    def runforever(self) -> None:
        # here and not earlier: the steps before clear every subscription and set every signal
        events.subscribe(events.ProcessLogEvent, self._printed)
        events.subscribe(events.ProcessStateBackoffEvent, self._ended_early)
        events.subscribe(events.ProcessStateExitedEvent, self._ended)
        events.subscribe(events.ProcessStateStoppedEvent, self._stopped)
        events.subscribe(events.SupervisorStoppingEvent, lambda _event: self._terminal.say("stopping"))
        # supervisord would start everything anew when the terminal closes
        signal.signal(signal.SIGHUP, signal.SIG_IGN if self._ignores_hang_up else self._hang_up)
        # supervisord looks up once a second; sooner, so that what dies is back at once and stopping is quick
        poller = self.options.poller
        poller.poll = partial(_poll_briefly, poller.poll)
        super().runforever()

    def _printed(self, event: Any) -> None:
        self._terminal.show(event.process.config.name, event.data)

    def _ended_early(self, event: Any) -> None:
        name = self._forget(event)
        event.process.delay = min(event.process.delay, time.time() + LONGEST_PAUSE_SECONDS)
        if self.options.mood == SupervisorStates.RUNNING:
            self._terminal.say(f"{name} ended; starting it again")

    def _ended(self, event: Any) -> None:
        program = self._programs[self._forget(event)]
        if event.expected and program.once:
            return
        if not program.once:
            self._terminal.say(f"{program.name} ended; starting it again")
        elif program.needed:
            self._terminal.say(f"{program.name} failed; the reason stands above")
            self.exit_status = 1
            self.options.mood = SupervisorStates.SHUTDOWN
        else:
            self._terminal.say(f"{program.name} failed; everything else goes on")

    def _stopped(self, event: Any) -> None:
        self._forget(event)

    def _forget(self, event: Any) -> str:
        name = str(event.process.config.name)
        self._terminal.end(name)
        (self._run_dir / f"{name}.pid").unlink(missing_ok=True)
        return name

    def _hang_up(self, _number: int, frame: FrameType | None) -> None:
        self.options.signal_receiver.receive(signal.SIGTERM, frame)


def _poll_briefly(poll: Callable[[float], Any], timeout: float) -> Any:
    return poll(min(timeout, LONGEST_SLEEP_SECONDS))


def _section(program: Program) -> str:
    waits = [word for condition in program.waits_for for word in ("--wait-for", condition)]
    command = [sys.executable, "-m", "core.servers.child", program.name, *waits, "--", *program.command]
    return PROGRAM.format(
        name=program.name,
        command=" ".join(map(_quoted, command)),
        autorestart="false" if program.once else "true",
        startsecs=0 if program.once else 1,
        stop_signal=program.stop_signal,
        stop_seconds=program.stop_seconds,
    )


def _group(name: str, priority: int, members: Sequence[str]) -> str:
    return f"\n[group:{name}]\nprograms = {','.join(members)}\npriority = {priority}\n" if members else ""


def _quoted(word: str) -> str:
    # not in quotation marks: supervisord's file takes " ;" and " #" for a comment even inside them
    return re.sub(r"([^\w@%+=:,./-])", r"\\\1", word).replace("%", "%%") or "''"
