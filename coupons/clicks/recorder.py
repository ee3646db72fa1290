"""The one recorder of clicks in a process: a click is in the kernel's hands before anybody is told of it.

Nothing here is opened, started or connected before the first click or look-up.
"""

import time
from uuid import UUID

import structlog
from flask import Flask
from uuid_utils import uuid7

from core.observability.metrics import counter
from coupons.clicks.cache import TargetCache
from coupons.clicks.records import Part, framed
from coupons.clicks.segments import NotWritten, SegmentWriter
from coupons.clicks.targets import Target
from coupons.clicks.tokens import click_keys
from coupons.clicks.visits import Addresses

_LOST = counter("banyan_clicks_lost", "Clicks that could not be written to a segment", [])
_TOLD_EVERY_SECONDS = 10.0
_log = structlog.get_logger(__name__)


class Recorder:
    """Knows the links and writes their clicks."""

    def __init__(self, app: Flask) -> None:
        settings = app.config["SETTINGS"]
        keys = click_keys(settings.lookup_key)
        self.targets = TargetCache(app)
        self.addresses = Addresses(keys, settings.proxy_hops)
        self._writer = SegmentWriter(settings.clicks_dir)
        self._append = self._writer.append
        self._lost = 0
        self._tell_at = 0.0

    def record(
        self, target: Target, visitor: str, address_hash: bytes, agent: Part, flags: int, static: Part | None = None
    ) -> str | None:
        """The public id of the click, which is durable from now on; None when it could not be written.

        `address_hash`: 8 bytes, empty when not known. `flags`: PREFETCH | BY_API. `static`: instead of the link's own.
        """
        click_id = uuid7().bytes
        sealer = target.sealer
        visitor_key = sealer.visitor_key(visitor)
        try:
            self._append(framed(click_id, visitor_key, address_hash, agent, flags, static or target.static))
        except NotWritten as error:
            self._tell_lost(target.facts.program_id, error)
            return None
        return sealer.token(click_id + target.link_bytes + visitor_key)

    def close(self) -> None:
        """End the segment, on the disk."""
        self._writer.close()

    def _tell_lost(self, program_id: UUID, error: NotWritten) -> None:
        _LOST.inc()
        self._lost += 1
        if time.monotonic() >= self._tell_at:
            self._tell_at = time.monotonic() + _TOLD_EVERY_SECONDS
            _log.error("clicks are lost", lost=self._lost, program=str(program_id), error=error.strerror)


def recorder_of(app: Flask) -> Recorder:
    """The recorder of this process's application."""
    found: Recorder | None = app.extensions.get("clicks")
    if found is None:
        found = app.extensions.setdefault("clicks", Recorder(app))
    return found
