"""Each process's reading of what was changed: a thread that looks twice a second and tells whoever keeps copies.

Whoever follows a topic hears of every change at least once after its commit, within 2 s while the database answers.
While it does not answer nothing can change, so copies stay good; after a silence longer than changes are looked back
for, everybody is told to forget everything.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from flask import Flask

from core.caching.service import CacheChange
from core.clock import now
from core.db import engine_options
from core.observability.metrics import counter

POLL_SECONDS = 0.5
WINDOW = timedelta(seconds=300)
"""How far back changes are looked for: covers a silence, and a transaction that commits long after it wrote them."""
_LONGEST_SILENCE_SECONDS = 150

_FAILURES = counter("banyan_cache_feed_failures", "Readings of changes that failed", [])
_log = structlog.get_logger(__name__)

Forget = Callable[[Collection[str] | None], None]
"""Called with the keys that changed; None: everything may have changed."""


class ChangeFeed:
    """Follows the table of changes on a connection of its own. Nothing happens before `start`."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url.replace("postgresql+psycopg:", "postgresql:", 1)
        self._followers: dict[str, list[Forget]] = defaultdict(list)
        self._connection: psycopg.Connection[Any] | None = None
        self._known: set[UUID] = set()
        self._read_at: float | None = None  # by a clock that goes on while the machine sleeps
        self._failing = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def follow(self, topic: str, forget: Forget) -> None:
        """Have `forget` called for every change of a topic, from the feed's thread."""
        self._followers[topic].append(forget)

    @property
    def has_read(self) -> bool:
        """Whether the changes of the last minutes are known."""
        return self._read_at is not None

    def start(self) -> None:
        """Begin to read, once; later calls do nothing."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="cache-feed", daemon=True)
                    self._thread.start()

    def stop(self) -> None:
        """End the thread; for tests and commands that must leave nothing behind."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._turn()
            self._stopped.wait(POLL_SECONDS)
        self._hang_up()

    def _turn(self) -> None:
        try:
            self._read()
        except psycopg.Error as error:
            self._hang_up()
            _FAILURES.inc()
            if not self._failing:
                _log.warning("changes cannot be read, copies stay as they are", error=type(error).__name__)
            self._failing = True
        except Exception as error:  # noqa: BLE001 -- a thread that ended here would leave stale copies for ever
            _FAILURES.inc()
            _log.error("the reading of changes failed", exc_info=error)
        else:
            if self._failing:
                _log.warning("changes are read again")
            self._failing = False

    def _read(self) -> None:
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        present = self._rows()
        if self._read_at is not None and began - self._read_at > _LONGEST_SILENCE_SECONDS:
            self._forget_everything()
        self._tell([change for change in present if change.id not in self._known])
        # last: until everybody was told, it is not read
        self._known = {change.id for change in present}
        self._read_at = began

    def _rows(self) -> list[CacheChange]:
        if self._connection is None:
            self._connection = psycopg.connect(self._url, **engine_options(1)["connect_args"])
        since = now() - WINDOW
        cursor = self._connection.cursor()
        cursor.execute("SELECT id, topic, key FROM cache_changes WHERE changed_at > %(since)s", {"since": since})
        return [CacheChange(*row) for row in cursor.fetchall()]

    def _tell(self, changes: list[CacheChange]) -> None:
        by_topic: dict[str, set[str]] = defaultdict(set)
        for change in changes:
            by_topic[change.topic].add(change.key)
        for topic, keys in by_topic.items():
            for forget in self._followers.get(topic, ()):
                forget(keys)

    def _forget_everything(self) -> None:
        for followers in self._followers.values():
            for forget in followers:
                forget(None)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def feed_of(app: Flask) -> ChangeFeed:
    """The one feed of this process's application."""
    found: ChangeFeed | None = app.extensions.get("change_feed")
    if found is None:
        made = ChangeFeed(app.config["SETTINGS"].database_url)
        found = app.extensions.setdefault("change_feed", made)
    return found
