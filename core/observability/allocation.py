"""Metric files that own their blocks from the start: a full disk must not kill who counts.

prometheus_client maps sparse files; on a full disk the kernel answers the first touch of a missing block with SIGBUS,
which ends the process. Import this before the first metric is made.
"""

import os

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

FILE_BYTES = 1 << 20  # about ten thousand series; a file that outgrows it goes on as before


class AllocatedDict(MmapedDict):
    """The library's file of values, with all of its blocks."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        """Raises: OSError when there is no room for them."""
        if not read_mode:
            descriptor = os.open(filename, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.posix_fallocate(descriptor, 0, FILE_BYTES)
            finally:
                os.close(descriptor)
        super().__init__(filename, read_mode)  # type: ignore[no-untyped-call]


values.MmapedDict = AllocatedDict  # type: ignore[attr-defined]
