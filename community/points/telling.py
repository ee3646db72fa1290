"""Points' events: told to the log, and counted. Callers hold the transaction."""

from collections.abc import Sequence
from uuid import UUID

from community.points.health import POINTS
from core.events.service import Event, announce


def tell(program_id: UUID, events: Sequence[Event]) -> None:
    """Announce movements of points, each with its amount."""
    for event in events:
        POINTS.labels(event.kind.removeprefix("points.")).inc(event.facts["amount"])
    announce(program_id, events)
