"""Tells every process that something it may hold a copy of was changed. Callers hold the transaction."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from core.clock import now
from core.db import execute
from core.ids import new_id

LINKS = "link"


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
