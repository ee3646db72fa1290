"""What waits to be shipped and how much room is left: a look at the folder, by whoever wants to know."""

import contextlib
import shutil
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from core.clock import now
from coupons.clicks.judging import instant_of
from coupons.clicks.places import place_in
from coupons.clicks.segments import bytes_behind, read, segments_in


class Backlog(NamedTuple):
    """Segments not shipped to their end, their bytes, and the time of the oldest click in them."""

    segments: int
    bytes: int
    oldest: datetime | None

    @property
    def lag_seconds(self) -> float:
        """The age of the oldest click that waits."""
        return 0.0 if self.oldest is None else max(0.0, (now() - self.oldest).total_seconds())


def backlog_of(folder: Path) -> Backlog:
    """Reads one record of each segment at most."""
    segments, size, oldest = 0, 0, None
    for path in segments_in(folder):
        with contextlib.suppress(FileNotFoundError):  # shipped meanwhile
            waiting, first = _waiting_in(path)
            segments += waiting > 0
            size += waiting
            oldest = min(filter(None, (oldest, first)), default=None)
    return Backlog(segments, size, oldest)


def _waiting_in(path: Path) -> tuple[int, datetime | None]:
    place = place_in(path)
    waiting = bytes_behind(path, place)
    records, _ = read(path, place, 1) if waiting else ([], 0)
    return waiting, instant_of(records[0].id.int >> 80) if records else None


def free_bytes(folder: Path) -> int:
    """Room on the disk that the folder is on, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
