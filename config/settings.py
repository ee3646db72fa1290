"""The typed settings of one process; `load` reads them, everything else receives them."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from config import keys, paths
from config.environment import Environment, SettingsError, http_url, postgres_url, redis_url

__all__ = ["Settings", "SettingsError", "load"]

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
EMBEDDED_CONNECTIONS = 100  # max_connections of the embedded PostgreSQL
REAL_CHATS = "platforms"  # CHAT_URL that keeps the demo from playing them
CONNECTIONS_FOR_OTHERS = 20  # relay, workers, scheduler, tools, and PostgreSQL's own reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the environment decides. Keys and database addresses stay out of its repr."""

    data_dir: Path
    host: str
    port: int
    database_url: str = field(repr=False)  # the application's role: cannot rewrite the books
    admin_database_url: str = field(repr=False)  # the owner's role: migrations only
    redis_url: str = field(repr=False)
    embedded_postgres: bool
    embedded_valkey: bool
    demo: bool
    signing_key: bytes = field(repr=False)
    encryption_keys: Mapping[str, bytes] = field(repr=False)  # id → 32 bytes; the first encrypts, all decrypt
    lookup_key: bytes = field(repr=False)  # keyed hashes of look-ups; never changes during a database's life
    web_workers: int
    web_threads: int
    clicks_port: int | None  # where processes of their own answer clicks; None: there are none, the web does it
    clicks_workers: int
    job_lease_seconds: int
    relay_poll_seconds: float
    rail_timeout_seconds: float
    log_level: str
    sandbox_url: str | None
    public_url: str | None  # how the outside reaches the web, for short links; None: as each request names it
    proxy_hops: int  # trusted proxies in front of the web, each of which adds to X-Forwarded-For
    click_retention_days: int  # after which the raw clicks of a month are dropped; sums stay
    wechat_url: str  # the WeChat API, or what plays it in tests
    chat_url: str | None  # what plays the chat platforms, as CHAT_URL says
    plays_chats: bool  # `make run` plays them itself, for the demo
    chat_window_scale: float  # of what plays them: how much shorter its minutes are
    allow_private_urls: bool  # whether addresses that others name may lie in private networks; for development

    @property
    def clicks_dir(self) -> Path:
        """Segment files of clicks that this machine's web has answered and its shipper has not loaded yet."""
        return paths.clicks_dir(self.data_dir)

    @property
    def run_dir(self) -> Path:
        """Pid files, addresses and the supervisor's own files."""
        return paths.run_dir(self.data_dir)

    def sandbox_address(self) -> str | None:
        """Where the sandbox rail answers now: SANDBOX_URL, else what its server wrote; None while there is none."""
        return self.sandbox_url or self._written_address("sandbox.json")

    def chat_address(self) -> str | None:
        """What plays the chat platforms now: CHAT_URL, else the demo's; None: they are reached themselves."""
        return self.chat_url or (self._written_address("chats.json") if self.plays_chats else None)

    def _written_address(self, name: str) -> str | None:
        try:
            return str(json.loads((self.run_dir / name).read_text(encoding="utf-8"))["url"])
        except FileNotFoundError:
            return None


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this environment; the first start with the embedded database also makes the keys.

    Raises: SettingsError naming every wrong variable at once.
    """
    environment = Environment(environ)
    data_dir = _data_dir(environment)
    embedded = not environment.text("DATABASE_URL")
    database_url = environment.parsed_by("DATABASE_URL", postgres_url, embedded_url(data_dir, "banyan_app"))
    admin_url = embedded_url(data_dir, "banyan") if embedded else database_url
    if embedded and environment.text("DATABASE_ADMIN_URL"):
        environment.problems.append("DATABASE_ADMIN_URL is given without DATABASE_URL: expected both or neither")
    port, clicks_port = _ports(environment)
    clicks_workers = environment.integer("CLICKS_WORKERS", 1, 1, 64)
    workers, threads = _web_size(environment, clicks_workers if clicks_port else 0, embedded=embedded)
    demo, chats = environment.flag("DEMO", default=embedded), environment.text("CHAT_URL")
    settings = Settings(
        data_dir=data_dir,
        host=environment.text("HOST", "127.0.0.1"),
        port=port,
        database_url=database_url,
        admin_database_url=environment.parsed_by("DATABASE_ADMIN_URL", postgres_url, admin_url),
        redis_url=environment.parsed_by("REDIS_URL", redis_url, f"unix://{quote(str(paths.valkey_socket(data_dir)))}"),
        embedded_postgres=embedded,
        embedded_valkey=not environment.text("REDIS_URL"),
        demo=demo,
        signing_key=b"",
        encryption_keys={},
        lookup_key=b"",
        web_workers=workers,
        web_threads=threads,
        clicks_port=clicks_port,
        clicks_workers=clicks_workers,
        job_lease_seconds=environment.integer("JOB_LEASE_SECONDS", 60, 5, 3600),
        relay_poll_seconds=environment.seconds("RELAY_POLL_SECONDS", 0.1, 0.01, 60),
        rail_timeout_seconds=environment.seconds("RAIL_TIMEOUT_SECONDS", 10, 0.1, 300),
        log_level=environment.choice("LOG_LEVEL", "info", LOG_LEVELS),
        sandbox_url=environment.parsed_by("SANDBOX_URL", http_url, None),
        public_url=environment.parsed_by("PUBLIC_URL", http_url, None),
        proxy_hops=environment.integer("PROXY_HOPS", 0, 0, 10),
        # at least the longest click window and a month: attribution reads raw clicks
        click_retention_days=environment.integer("CLICK_RETENTION_DAYS", 400, 400, 36_500),
        wechat_url=environment.parsed_by("WECHAT_URL", http_url, "https://api.weixin.qq.com"),
        chat_url=None if chats == REAL_CHATS else environment.parsed_by("CHAT_URL", http_url, None),
        plays_chats=demo and not chats,
        chat_window_scale=environment.seconds("CHAT_WINDOW_SCALE", 1, 0.001, 1),
        allow_private_urls=environment.flag("ALLOW_PRIVATE_URLS", default=False),
    )
    found = keys.find(environment, data_dir / "secrets", may_create=embedded)  # last: a wrong start makes no keys
    environment.finish()
    return replace(settings, signing_key=found.signing, encryption_keys=found.encryption, lookup_key=found.lookup)


def embedded_url(data_dir: Path, role: str, database: str = "banyan") -> str:
    """The address of the embedded PostgreSQL of this DATA_DIR."""
    return f"postgresql+psycopg://{role}@/{database}?host={quote(str(paths.postgres_socket_dir(data_dir)))}"


def _data_dir(environment: Environment) -> Path:
    given = environment.text("DATA_DIR", "var")
    path = Path(os.path.abspath(Path(given).expanduser()))  # not resolved: a link may be moved to another disk
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        environment.refuse("DATA_DIR", str(path), f"a folder this user may write to ({error.strerror})")
    return path


def _ports(environment: Environment) -> tuple[int, int | None]:
    """Of the web, and of the processes that answer clicks only."""
    port = environment.integer("PORT", 8000, 1, 65535)
    clicks_port = environment.integer("CLICKS_PORT", 0, 0, 65535) or None
    if clicks_port == port:
        environment.problems.append(f"CLICKS_PORT is {clicks_port}: expected another one than PORT, or 0 for none")
    return port, clicks_port


def _web_size(environment: Environment, others: int, *, embedded: bool) -> tuple[int, int]:
    """Worker processes and threads in each; every thread may hold one database connection.

    A process has one interpreter, which threads take from one another: two in each of some processes do more than
    many in few. `others`: connections that the processes for clicks may hold.
    """
    cores = os.cpu_count() or 1
    workers = environment.integer("WEB_WORKERS", min(4, cores + 1), 1, 64)
    threads = environment.integer("WEB_THREADS", 2, 1, 128)
    room = EMBEDDED_CONNECTIONS - CONNECTIONS_FOR_OTHERS - others
    if embedded and workers * threads > room:
        environment.problems.append(
            f"WEB_WORKERS × WEB_THREADS is {workers} × {threads}: expected at most {room} in all, "
            "the embedded PostgreSQL has no more connections for the web"
        )
    return workers, threads
