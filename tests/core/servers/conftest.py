"""A folder that the unprivileged PostgreSQL may reach when the tests run as root."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """pytest's own temporary folders are closed to everybody else."""
    folder = Path(tempfile.mkdtemp(prefix="banyan-servers-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
