"""How far each segment is shipped: a small file beside it. Losing one costs time, never a click and never two."""

import contextlib
from pathlib import Path

SUFFIX = ".pos"


def place_in(segment: Path) -> int:
    """Where the next record begins; 0 when that is not known."""
    try:
        return int(segment.with_suffix(SUFFIX).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def keep_place(segment: Path, offset: int) -> None:
    """Whole or not at all; not brought to the disk, since nothing depends on it."""
    draft = segment.with_suffix(SUFFIX + ".draft")
    draft.write_text(f"{offset}\n", encoding="ascii")
    draft.replace(segment.with_suffix(SUFFIX))


def remove(segment: Path) -> None:
    """A segment that is shipped, and its place; the place first, so that none is left without its segment."""
    for path in (segment.with_suffix(SUFFIX), segment):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
