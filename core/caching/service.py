"""Tells every process that something it may hold a copy of was changed. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from core.clock import now
from core.db import execute
from core.ids import new_id

LINKS = "link"
_KEPT = timedelta(hours=1)  # far longer than any process looks back


class CacheChange(NamedTuple):
    """One change as processes read it."""

    id: UUID
    topic: str
    key: str


def announce(topic: str, keys: Sequence[str]) -> None:
    """Copies of these things are forgotten everywhere within 2 s of the commit. Only for what is there already."""
    execute(
        """INSERT INTO cache_changes (id, topic, key, changed_at)
           SELECT id, %(topic)s, key, %(at)s FROM unnest(%(ids)s::uuid[], %(keys)s::text[]) AS given (id, key)""",
        topic=topic, ids=[new_id() for _ in keys], keys=list(keys), at=now(),
    )  # fmt: skip


def prune_changes() -> None:
    """Forget changes that every process has read long ago."""
    execute("DELETE FROM cache_changes WHERE changed_at < %(until)s", until=now() - _KEPT)
