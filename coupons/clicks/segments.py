"""Segment files: a process writes its clicks to one of its own, the shipper reads them all and deletes what is loaded.

A segment has its full length from the start and is mapped into memory: what was copied there is the kernel's and
survives the death of any process; a power cut may take the last second. It is locked as long as somebody may still
write to it, and appears under its name only once it is locked. Zeros follow its last record.
"""

import contextlib
import fcntl
import mmap
import os
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from core.ids import base32_of, new_id
from coupons.clicks.records import LONGEST_FRAME, ClickRecord, Frame, frames_in, record_of

SUFFIX = ".seg"
_DRAFT = ".draft"
SEGMENT_BYTES = 8 * 1024 * 1024
SEGMENT_SECONDS = 300  # a shipper that lost its place reads no more than this again
_SYNC_SECONDS = 0.9
_DRAFT_SECONDS = 60  # a draft lives for microseconds; an older one belongs to a process that was killed
_READ_BYTES = 4 * 1024 * 1024
_REFUSED_SECONDS = 0.5  # after a full disk: a visitor need not wait for the next try
_NOTHING = bytes(512)  # so many zeros stand in no record

_writers: "weakref.WeakSet[SegmentWriter]" = weakref.WeakSet()


class NotWritten(OSError):
    """The record is not in the segment: the disk is full, or gone."""


class _Segment:
    """One open file. It is closed, and its lock freed, once nobody refers to it: a thread may just be writing to it."""

    __slots__ = ("_descriptor", "_map", "_synced", "append", "until")

    def __init__(self, folder: Path, most: int) -> None:
        self._descriptor = -1
        self._descriptor = _opened(folder, most)
        self._map = mmap.mmap(self._descriptor, most)
        self._synced = -1  # a new name is for the disk as well
        self.append = self._map.write
        """Copy a record behind the last one, all or nothing, without letting other threads run. ValueError: no room."""
        self.until = time.monotonic() + SEGMENT_SECONDS

    def is_empty(self) -> bool:
        return self._map.tell() == 0

    def sync(self) -> None:
        """Have the disk hold what the kernel holds."""
        written = self._map.tell()
        if written != self._synced:
            self._synced = written  # first: what is written from now on is for the next time
            with contextlib.suppress(OSError):  # the next segment on a bad disk is refused, and that is told
                os.fdatasync(self._descriptor)

    def let_go(self) -> None:
        """Close without touching the file: it is somebody else's."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._map.close()
            os.close(descriptor)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError, AttributeError):  # room it did not need; AttributeError: never mapped
                os.ftruncate(self._descriptor, self._map.tell())
            with contextlib.suppress(AttributeError):
                self._map.close()
            os.close(self._descriptor)


class SegmentWriter:
    """The one writer of a process; threads may share it. Nothing is opened before the first record.

    A record is copied into mapped memory by one call that keeps the interpreter's lock: no lock of ours is needed, and
    no thread waits for another. A system call, or a lock held while others may run, costs half of all redirects.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._most = segment_bytes
        self._lock = threading.Lock()  # for what begins and ends
        self._segment: _Segment | None = None
        self._ended: list[_Segment] = []  # not yet on the disk
        self._refused: OSError | None = None
        self._try_at = 0.0
        self._syncing: threading.Thread | None = None
        _writers.add(self)

    def append(self, frame: bytes) -> None:
        """Give one framed record to the kernel.

        Raises:
            NotWritten: there is no room for it, for half a second nobody will ask the disk again.
        """
        segment = self._segment or self._begun()
        try:
            segment.append(frame)
        except ValueError:
            self._append_to_next(segment, frame)

    def _append_to_next(self, full: _Segment, frame: bytes) -> None:
        if full.is_empty():
            raise NotWritten(None, "the record is longer than a segment")
        self._end(full)
        self.append(frame)

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
            if time.monotonic() > segment.until and not segment.is_empty():
                self._end(segment)
        self._finish_ended()

    def forget(self) -> None:
        """In a forked child: segments and thread are the parent's, which keeps the locks."""
        self._lock = threading.Lock()
        self._syncing = None
        mine, self._segment, self._ended = [self._segment, *self._ended], None, []
        for segment in filter(None, mine):
            segment.let_go()

    def _begun(self) -> _Segment:
        with self._lock:
            if self._segment is None:
                self._segment = self._opened()
            if self._syncing is None:
                self._syncing = threading.Thread(target=_keep_synced, args=(weakref.ref(self),), daemon=True)
                self._syncing.start()
            return self._segment

    def _opened(self) -> _Segment:
        if self._refused is not None and time.monotonic() < self._try_at:
            raise NotWritten(self._refused.errno, self._refused.strerror)
        try:
            opened = _Segment(self._folder, self._most)
        except OSError as error:
            self._refused, self._try_at = error, time.monotonic() + _REFUSED_SECONDS
            raise NotWritten(error.errno, error.strerror) from error
        self._refused = None
        return opened

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


def _opened(folder: Path, size: int) -> int:
    """A fresh segment that owns all its blocks, locked before it has its name: nobody takes it for a finished one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(folder)
    path = folder / f"{base32_of(new_id())}{SUFFIX}"
    draft = path.with_suffix(_DRAFT)
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        # a block that is missing when it is written to would end the process: a full disk has to say so here
        os.posix_fallocate(descriptor, 0, size)
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

    As long as somebody writes, what is not whole is about to become so; afterwards it is damage and passed over.

    Raises:
        FileNotFoundError: the segment is gone.
    """
    with path.open("rb") as file:
        if _is_held(file):
            written = _read(file, offset, min(_READ_BYTES, _end_of(file, offset) - offset))
            frames, used = frames_in(written, most, pass_over=False)
            return frames, offset + used
        at = offset
        while True:
            buffer = _read(file, at, _READ_BYTES)
            frames, used = frames_in(buffer, most)
            if frames:
                return frames, at + used
            if len(buffer) < _READ_BYTES:
                return [], offset
            at += _READ_BYTES - LONGEST_FRAME  # nothing but damage, as a power cut may leave it


def is_finished(path: Path, offset: int) -> bool:
    """Whether nobody writes to the segment any more and nothing whole lies behind the place."""
    with path.open("rb") as file:
        if _is_held(file):
            return False
        # only now: what was written before the lock became free is seen
        file.seek(offset)
        frames, _ = frames_in(file.read(), 1)
        return not frames


def bytes_behind(path: Path, offset: int) -> int:
    """How much was written behind a place; zeros at the end of the last record are not told from those behind it.

    Raises:
        FileNotFoundError: the segment is gone.
    """
    with path.open("rb") as file:
        end = _end_of(file, offset)
        last = max(offset, end - len(_NOTHING))
        return last - offset + len(_read(file, last, end - last).rstrip(b"\0"))


def _is_held(file: BinaryIO) -> bool:
    """Whether somebody may still write to the segment."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _read(file: BinaryIO, offset: int, most: int) -> bytes:
    file.seek(offset)
    return file.read(most)


def _end_of(file: BinaryIO, offset: int) -> int:
    """Where nothing but zeros follows, and at most a block before that; found by halving what is left."""
    low, high = offset, max(offset, os.fstat(file.fileno()).st_size)
    while high - low > len(_NOTHING):
        middle = (low + high) // 2
        if _NOTHING.startswith(_read(file, middle, len(_NOTHING))):
            high = middle
        else:
            low = middle
    return high
