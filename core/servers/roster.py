"""Who runs: every process of the product, what it waits for and how it is stopped."""

import sys
from dataclasses import dataclass

from config.settings import Settings
from core.jobs.registry import QUEUES
from core.servers.conditions import web_host

CLICKS_THREADS = 1  # see coupons/clicks/web.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One supervised process. Servers start first and stop last; one that runs `once` is not started again."""

    name: str
    command: list[str]
    waits_for: tuple[str, ...] = ()
    server: bool = False
    once: bool = False
    needed: bool = True  # when a `once` program fails, everything stops
    stop_signal: str = "TERM"
    stop_seconds: int = 10


def roster(settings: Settings, columns: int | None = None) -> list[Program]:
    """The processes these settings ask for. `columns` is the width of the terminal, None where there is none."""
    return [*_servers(settings), *_once(settings, columns), *_always(settings)]


def _servers(settings: Settings) -> list[Program]:
    postgres = Program(
        name="postgres",
        command=_module("core.servers.postgres"),
        server=True,
        stop_signal="INT",  # rolls back, writes everything, ends; TERM would wait for every client
        stop_seconds=60,
    )
    valkey = Program(name="valkey", command=_module("core.servers.valkey"), server=True)
    return [*([postgres] if settings.embedded_postgres else []), *([valkey] if settings.embedded_valkey else [])]


def _once(settings: Settings, columns: int | None) -> list[Program]:
    address = f"http://{web_host(settings)}:{settings.port}"
    greeting = f"Banyan answers at {address} - the contract is at {address}/docs - Ctrl-C stops it"
    migrate = Program(name="migrate", command=_module("core.servers.migrate"), waits_for=("database",), once=True)
    ready = Program(name="ready", command=["echo", greeting], waits_for=("web",), once=True, needed=False)
    # the demo prints into a pipe; this tells its progress bar that a terminal is at the end of it
    terminal = ["env", "TTY_COMPATIBLE=1", f"COLUMNS={columns}"] if columns else []
    load = [*terminal, *_module("demo", "load")]
    demo = Program(name="demo", command=load, waits_for=("web", "queue"), once=True, needed=False)
    return [migrate, ready, *([demo] if settings.demo else [])]


def _always(settings: Settings) -> list[Program]:
    workers = [
        Program(
            name=f"worker-{queue}",
            command=_module("core.jobs.worker", queue),
            waits_for=("migrated", "database", "queue"),
        )
        for queue in QUEUES
    ]
    return [
        Program(name="web", command=_web(settings), waits_for=("migrated",)),
        *([_clicks(settings, settings.clicks_port)] if settings.clicks_port else []),
        Program(name="relay", command=_module("core.jobs.relay"), waits_for=("migrated", "database", "queue")),
        *workers,
        Program(name="shipper", command=_module("coupons.clicks.shipper"), waits_for=("migrated", "database")),
        Program(name="scheduler", command=_module("core.jobs.scheduler"), waits_for=("migrated", "database")),
        *([] if settings.sandbox_url else [_sandbox(settings)]),
        *([_chats(settings)] if settings.plays_chats else []),
    ]


def _web(settings: Settings) -> list[str]:
    return granian("wsgi:app", settings.host, settings.port, settings.web_workers, settings.web_threads)


def _clicks(settings: Settings, port: int) -> Program:
    command = granian("coupons.clicks.web:app", settings.host, port, settings.clicks_workers, CLICKS_THREADS)
    return Program(name="clicks", command=command, waits_for=("migrated",))


def granian(target: str, host: str, port: int, workers: int, threads: int) -> list[str]:
    """The command that serves a WSGI app."""
    return _module(
        "granian",
        "--interface",
        "wsgi",
        "--no-ws",
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        str(workers),
        "--blocking-threads",
        str(threads),
        "--respawn-failed-workers",
        "--respawn-interval",
        "0.2",
        "--workers-kill-timeout",
        "5",
        "--log-level",
        "warning",
        target,
    )  # fmt: skip - an option beside its value


def _sandbox(settings: Settings) -> Program:
    command = _module(
        "commission.payouts.rails.sandbox.server",
        "--data-dir",
        str(settings.data_dir / "sandbox"),
        "--port",
        "0",
        "--address-file",
        str(settings.run_dir / "sandbox.json"),
    )  # fmt: skip - an option beside its value
    return Program(name="sandbox", command=command)


def _chats(settings: Settings) -> Program:
    command = _module(
        "community.platforms.played",
        "--window-scale",
        str(settings.chat_window_scale),
        "--data",
        str(settings.data_dir / "chats.jsonl"),
        "--address-file",
        str(settings.run_dir / "chats.json"),
    )  # fmt: skip - an option beside its value
    return Program(name="chats", command=command)


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]
