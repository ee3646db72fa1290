"""Segment files: a process appends its clicks to one of its own, the shipper reads them all and deletes what is loaded.

A write that returned survives the death of any process, since the kernel has it; a power cut may take the last second.
A segment is locked as long as somebody may still write to it, and appears under its name only once it is locked.
"""

import contextlib
import fcntl
import os
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

from core.ids import base32_of, new_id
from coupons.clicks.records import LONGEST_FRAME, ClickRecord, Frame, frames_in, record_of

SUFFIX = ".seg"
_DRAFT = ".draft"
SEGMENT_BYTES = 16 * 1024 * 1024
SEGMENT_SECONDS = 300  # a shipper that lost its place reads no more than this again
_SYNC_SECONDS = 0.9
_DRAFT_SECONDS = 60  # a draft lives for microseconds; an older one belongs to a process that was killed
_READ_BYTES = 4 * 1024 * 1024

_writers: "weakref.WeakSet[SegmentWriter]" = weakref.WeakSet()


class NotWritten(OSError):
    """The record is not in the segment: the disk is full, or gone."""


class _Segment:
    """One open file. It is closed, and its lock freed, once nobody refers to it: a thread may just be writing to it."""

    __slots__ = ("bytes", "descriptor", "dirty", "until")

    def __init__(self, folder: Path) -> None:
        self.descriptor = -1
        self.descriptor = _opened(folder)
        self.bytes = 0  # threads may overwrite each other's sum: a little less than there is
        self.dirty = True  # a new name is for the disk as well
        self.until = time.monotonic() + SEGMENT_SECONDS

    def sync(self) -> None:
        """Have the disk hold what the kernel holds."""
        if self.dirty:
            self.dirty = False  # first: what is written from now on is for the next time
            with contextlib.suppress(OSError):  # a bad disk refuses the next write, and that is told
                os.fdatasync(self.descriptor)

    def close(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    __del__ = close


class SegmentWriter:
    """The one writer of a process; threads may share it. Nothing is opened before the first record.

    Writes are not serialised here: the kernel appends whole records one after another, and a lock that is held while
    the interpreter lets other threads run costs half of all redirects.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._most = segment_bytes
        self._lock = threading.Lock()  # for what begins and ends
        self._segment: _Segment | None = None
        self._ended: list[_Segment] = []  # not yet on the disk
        self._syncing: threading.Thread | None = None
        _writers.add(self)

    def append(self, frame: bytes) -> None:
        """Give one framed record to the kernel, by one write.

        Raises:
            NotWritten: it is not there, or not whole; nothing that follows is harmed by it.
        """
        segment = self._segment or self._begun()
        try:
            written = os.write(segment.descriptor, frame)
        except OSError as error:
            if segment.bytes:  # an empty one is kept: a full disk is not strewn with empty files
                self._end(segment)
            raise NotWritten(error.errno, error.strerror) from error
        segment.dirty = True
        segment.bytes += written
        if written != len(frame):
            self._end(segment)
            raise NotWritten(None, "the disk took only a part of the record")
        if segment.bytes >= self._most:
            self._end(segment)

    def close(self) -> None:
        """End the segment, on the disk; the next record begins another."""
        if self._segment is not None:
            self._end(self._segment)
        self._finish_ended()

    def sync(self) -> None:
        """Bring everything to the disk, and end a segment that is old enough."""
        segment = self._segment
        if segment is not None:
            segment.sync()
            if segment.bytes and time.monotonic() > segment.until:
                self._end(segment)
        self._finish_ended()

    def forget(self) -> None:
        """In a forked child: segments and thread are the parent's, which keeps the locks."""
        self._lock = threading.Lock()
        self._syncing = None
        mine, self._segment, self._ended = [self._segment, *self._ended], None, []
        for segment in filter(None, mine):
            segment.close()

    def _begun(self) -> _Segment:
        with self._lock:
            if self._segment is None:
                try:
                    self._segment = _Segment(self._folder)
                except OSError as error:
                    raise NotWritten(error.errno, error.strerror) from error
            if self._syncing is None:
                self._syncing = threading.Thread(target=_keep_synced, args=(weakref.ref(self),), daemon=True)
                self._syncing.start()
            return self._segment

    def _end(self, segment: _Segment) -> None:
        with self._lock:
            if self._segment is segment:
                self._segment = None
                self._ended.append(segment)

    def _finish_ended(self) -> None:
        while self._ended:
            with contextlib.suppress(IndexError):  # another thread finishes it
                self._ended.pop().sync()


def _keep_synced(writer: "weakref.ref[SegmentWriter]") -> None:
    while True:
        time.sleep(_SYNC_SECONDS)
        living = writer()
        if living is None:
            return
        living.sync()
        del living


def _forget_in_child() -> None:
    for writer in list(_writers):
        writer.forget()


os.register_at_fork(after_in_child=_forget_in_child)


def _opened(folder: Path) -> int:
    """A fresh segment, locked before it has its name: a reader never takes it for a finished one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(folder)
    path = folder / f"{base32_of(new_id())}{SUFFIX}"
    draft = path.with_suffix(_DRAFT)
    descriptor = os.open(draft, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(path)
    except BaseException:
        os.close(descriptor)
        draft.unlink(missing_ok=True)
        raise
    return descriptor


def _sweep(folder: Path) -> None:
    for draft in folder.glob(f"*{_DRAFT}"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
                draft.unlink()


def segments_in(folder: Path) -> Sequence[Path]:
    """The segments there are, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def read(path: Path, offset: int, most: int) -> tuple[list[ClickRecord], int]:
    """As `read_frames`, decoded."""
    frames, end = read_frames(path, offset, most)
    return list(map(record_of, frames)), end


def read_frames(path: Path, offset: int, most: int) -> tuple[list[Frame], int]:
    """Up to `most` records from a place in a segment, and the place after them. No records: nothing new by now.

    Raises:
        FileNotFoundError: the segment is gone.
    """
    with path.open("rb") as file:
        while True:
            file.seek(offset)
            buffer = file.read(_READ_BYTES)
            frames, used = frames_in(buffer, most)
            if frames or len(buffer) < _READ_BYTES:
                return frames, offset + used
            offset += _READ_BYTES - LONGEST_FRAME  # nothing but damage, as a power cut may leave it


def is_finished(path: Path, offset: int) -> bool:
    """Whether nobody writes to the segment any more and nothing whole lies behind the place."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # only now: what was written before the lock became free is seen
        file.seek(offset)
        frames, _ = frames_in(file.read(), 1)
        return not frames
