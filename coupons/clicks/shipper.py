"""The shipper: reads every segment of this machine as it grows and ships it. One at a time; it may die anywhere.

A place beside each segment says how far it is, only to save time: what is shipped twice has no effect.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
import psycopg
import structlog

from core.clock import now
from core.errors import NotFound
from core.jobs.process import process_app, run_loop
from coupons.clicks.backlog import backlog_of, free_bytes
from coupons.clicks.damage import keep_damage
from coupons.clicks.health import CLICKS, PUT_ASIDE
from coupons.clicks.places import keep_place, place_in, remove
from coupons.clicks.records import Frame, record_of
from coupons.clicks.segments import is_finished, read_frames, segments_in
from coupons.clicks.shipping import by_program, ship_for

_log = structlog.get_logger(__name__)
MOST = 20_000  # records of one turn: under a second
POLL_SECONDS = 0.2
PAUSE_SECONDS = 0.5  # between turns that did not find plenty: a few large batches cost less than many small ones
PLENTY = 5_000
RESTS = 2  # times as long as a turn took
LONGEST_REST_SECONDS = 4.0
NICENESS = 19  # visitors are sent on before they are counted
WATCH_SECONDS = 10
LATE_SECONDS = 60
ENOUGH_BYTES = 256 * 1024 * 1024
_EARLY = timedelta(days=1)  # a clock that was ahead may be forgiven that much
REFUSALS = (psycopg.DataError, psycopg.IntegrityError, UnicodeError, NotFound)
"""What is wrong with a record and will always be. Anything else is a server's trouble, or ours: the records wait."""


class Shipper:
    """Works through one folder. `retention_days`: clicks older than that have no partition to go to."""

    def __init__(self, folder: Path, retention_days: int) -> None:
        self._folder = folder
        self._kept = timedelta(days=retention_days)
        self._places: dict[Path, int] = {}
        self._watch_at = 0.0

    def turn(self) -> bool:
        """Ship up to MOST records; whether there were any."""
        return self._turn() > 0

    def hurried_turn(self) -> bool:
        """The same; whether there were so many that more are likely to wait.

        Then it rests twice as long as it has worked: while visitors come in crowds, most of the time is theirs and the
        orders'. The clicks lie safely in their segments meanwhile.
        """
        began = time.monotonic()
        hurried = self._turn() >= PLENTY
        if hurried:
            time.sleep(min(LONGEST_REST_SECONDS, RESTS * (time.monotonic() - began)))
        return hurried

    def _turn(self) -> int:
        self._watch()
        records, places = self._read()
        self._ship_all(records)
        for segment, place in places.items():
            self._places[segment] = place
            with contextlib.suppress(OSError):  # a full disk: only segments that go make room
                keep_place(segment, place)
        return len(records)

    def _read(self) -> tuple[list[Frame], dict[Path, int]]:
        """The next records of all segments, and the places after them. A fair share each, so that none waits long."""
        segments = segments_in(self._folder)
        share = MOST // max(1, len(segments)) + 1
        records: list[Frame] = []
        places: dict[Path, int] = {}
        for segment in segments:
            start = self._place(segment)
            found, end = read_frames(segment, start, share)
            if end > start:
                self._keep_damage(segment, start, end, len(found))
                places[segment] = end
                records += found
            elif is_finished(segment, start):
                self._remove(segment, start)
        return records, places

    def _remove(self, segment: Path, place: int) -> None:
        """Nothing whole is left in it and nobody writes to it."""
        self._keep_damage(segment, place, segment.stat().st_size, 0)
        remove(segment)
        self._places.pop(segment, None)

    def _place(self, segment: Path) -> int:
        if segment not in self._places:
            self._places[segment] = place_in(segment)
        return self._places[segment]

    def _keep_damage(self, segment: Path, start: int, end: int, records: int) -> None:
        try:
            size = keep_damage(segment, start, end, records)
        except OSError as error:
            _log.error("damage could not be kept aside", segment=segment.name, offset=start, error=str(error))
            return
        if size:
            PUT_ASIDE.labels("damaged_bytes").inc(size)
            _log.error("a segment is damaged", segment=segment.name, offset=start, bytes=size)

    def _ship_all(self, records: Sequence[Frame]) -> None:
        oldest, newest = _first_id_at(now() - self._kept), _first_id_at(now() + _EARLY)
        fit = [record for record in records if oldest <= record.id < newest]
        if len(fit) < len(records):
            for record in records:
                if not oldest <= record.id < newest:
                    self._reject(record, "its time lies outside of what is kept")
        for program_id, own in by_program(fit):
            self._ship(program_id, own)

    def _ship(self, program_id: UUID, records: Sequence[Frame]) -> None:
        """Ship them, halving where something is refused, until what is refused stands alone."""
        try:
            shipped = ship_for(program_id, records)
        except REFUSALS as error:
            if len(records) == 1:
                self._reject(records[0], type(error).__name__)
                return
            middle = len(records) // 2
            self._ship(program_id, records[:middle])
            self._ship(program_id, records[middle:])
        else:
            for kind, count in shipped.kinds.items():
                CLICKS.labels(kind).inc(count)

    def _reject(self, frame: Frame, reason: str) -> None:
        """Put a record aside as JSON, under its id: doing it again changes nothing."""
        folder = self._folder / "rejected"
        folder.mkdir(mode=0o700, exist_ok=True)
        record = record_of(frame)
        content = orjson.dumps(record._asdict() | {"reason": reason}, default=_shown)
        draft = folder / f".{record.id}.{os.getpid()}"
        draft.write_bytes(content)
        draft.replace(folder / f"{record.id}.json")
        PUT_ASIDE.labels("rejected").inc()
        _log.error("a click was refused and put aside", click=str(record.id), reason=reason)

    def _watch(self) -> None:
        """Now and then: tell of clicks that wait too long, and of a disk that fills up."""
        if time.monotonic() < self._watch_at:
            return
        self._watch_at = time.monotonic() + WATCH_SECONDS
        backlog = backlog_of(self._folder)
        if backlog.lag_seconds > LATE_SECONDS:
            _log.warning("clicks wait", seconds=round(backlog.lag_seconds), bytes=backlog.bytes)
        free = free_bytes(self._folder)
        if free < ENOUGH_BYTES:
            _log.error("the disk of the clicks is almost full", folder=str(self._folder), free_bytes=free)


def _first_id_at(at: datetime) -> bytes:
    """The lowest id of a click at that moment, as far as ids tell it."""
    return round(at.timestamp() * 1000).to_bytes(6, "big")


def _shown(value: object) -> str:
    """What JSON has no word for: 8 bytes as hexadecimal digits, a text that is no UTF-8 as far as it is."""
    return value.hex() if isinstance(value, bytes) else str(value).encode("utf-8", "replace").decode()


@contextmanager
def only_shipper(folder: Path) -> Iterator[None]:
    """Wait until no other shipper works here; the kernel frees the lock however that one ends."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "shipper.lock").open("a") as lock:
        while not _locked(lock.fileno()):
            time.sleep(POLL_SECONDS)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main() -> None:
    os.nice(NICENESS)
    app = process_app("shipper")
    settings = app.config["SETTINGS"]
    shipper = Shipper(settings.clicks_dir, settings.click_retention_days)
    with app.app_context(), only_shipper(settings.clicks_dir):
        run_loop("shipper", shipper.hurried_turn, pause_seconds=PAUSE_SECONDS)


if __name__ == "__main__":
    main()
