"""What a process may wait for before it starts. Each condition only looks; none of them changes anything."""

import http.client
from collections.abc import Callable
from pathlib import Path

from config.settings import Settings

REPLY_SECONDS = 5.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where one reaches a server that listens everywhere


def web_host(settings: Settings) -> str:
    """Where this machine reaches the web."""
    return EVERYWHERE.get(settings.host, settings.host)


def migrated_mark(run_dir: Path) -> Path:
    """Exists once this start's migrations are through."""
    return run_dir / "migrated"


def is_migrated(settings: Settings) -> bool:
    """Whether this start's migrations are through."""
    return migrated_mark(settings.run_dir).exists()


def database_answers(settings: Settings) -> bool:
    """Whether the owner's role can connect to its database, or to the embedded server that will hold it."""
    import psycopg

    url = settings.admin_database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    if settings.embedded_postgres:
        url = url.replace("@/banyan?", "@/postgres?", 1)
    try:
        psycopg.connect(url, connect_timeout=int(REPLY_SECONDS)).close()
    except psycopg.OperationalError:
        return False
    return True


def queue_answers(settings: Settings) -> bool:
    """Whether Valkey takes commands."""
    from core.servers.valkey import answers

    return answers(settings.redis_url)


def web_is_ready(settings: Settings) -> bool:
    """Whether /readyz says 200."""
    connection = http.client.HTTPConnection(web_host(settings), settings.port, timeout=REPLY_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


CONDITIONS: dict[str, Callable[[Settings], bool]] = {
    "migrated": is_migrated,
    "database": database_answers,
    "queue": queue_answers,
    "web": web_is_ready,
}
