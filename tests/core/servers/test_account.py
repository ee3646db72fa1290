"""Which folder stands in the unprivileged server's way."""

import os
from pathlib import Path

import pytest

from core.servers.account import closed_folder, let_pass

STRANGER = 54321


@pytest.fixture
def way(open_folder: Path) -> Path:
    deepest = open_folder / "one" / "two" / "three"
    deepest.mkdir(parents=True, exist_ok=True)
    for folder in (open_folder / "one", open_folder / "one" / "two", deepest):
        folder.chmod(0o711)
    return deepest


def test_an_open_way_has_no_closed_folder(way: Path) -> None:
    assert closed_folder(way, STRANGER, STRANGER) is None
    assert closed_folder(way / "not there yet" / "file", STRANGER, STRANGER) is None


def test_the_topmost_closed_folder_is_named(way: Path) -> None:
    way.chmod(0o700)
    assert closed_folder(way, STRANGER, STRANGER) == way
    way.parent.chmod(0o766)
    assert closed_folder(way, STRANGER, STRANGER) == way.parent


def test_owner_and_group_have_bits_of_their_own(way: Path) -> None:
    status = way.stat()
    way.chmod(0o011)
    assert closed_folder(way, status.st_uid, STRANGER) == way
    way.chmod(0o701)
    assert closed_folder(way, STRANGER, status.st_gid) == way
    way.chmod(0o710)
    assert closed_folder(way, STRANGER, status.st_gid) is None


def test_the_folder_behind_a_link_counts(way: Path) -> None:
    way.chmod(0o700)
    link = way.parent / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(way)
    assert closed_folder(link / "file", STRANGER, STRANGER) == way


def test_only_root_s_folder_is_opened_and_only_for_passing(way: Path) -> None:
    way.parent.chmod(0o700)
    way.chmod(0o750)
    let_pass(way)
    assert way.stat().st_mode & 0o777 == (0o751 if os.geteuid() == 0 else 0o750)
    assert way.parent.stat().st_mode & 0o777 == 0o700
