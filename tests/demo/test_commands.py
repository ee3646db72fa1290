"""The commands as a person types them: their refusals, and a replay through a product of its own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.servers.processes import process_exists, wait_until
from demo.load import DATA
from demo.retail import RetailFolder
from tests.demo.test_cut import FULL_SET, REPOSITORY

OWN = {"DATABASE_URL", "DATABASE_ADMIN_URL", "REDIS_URL", "DATA_DIR", "PORT"}


def command(*words: str | Path, data_dir: Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """`python -m demo …` on a DATA_DIR where nothing runs."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN} | {"DATA_DIR": str(data_dir)}
    return subprocess.run(
        [sys.executable, "-m", "demo", *map(str, words)], cwd=REPOSITORY, env=environment, text=True,
        capture_output=True, timeout=timeout, check=False,
    )  # fmt: skip


def test_a_folder_without_data_is_refused_before_anything_starts(tmp_path: Path) -> None:
    done = command("replay", tmp_path, data_dir=tmp_path / "data")
    assert done.returncode == 1
    assert "is not there: name the folder of the Online Retail data" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("words", [("replay",), ("replay", ".", "--batch", "0")])
def test_a_wrong_command_tells_the_usage(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = command(*words, data_dir=tmp_path / "data")
    assert done.returncode == 2
    assert "usage: python -m demo" in done.stderr


def test_cutting_tells_what_it_wrote(tmp_path: Path) -> None:
    done = command("cut", DATA, "--to", tmp_path / "cut", data_dir=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert "1,559 orders with 40,635 lines" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_replay_brings_its_own_product_and_leaves_nothing(tmp_path: Path, retail_slice: RetailFolder) -> None:
    done = command("replay", retail_slice.path, "--twice", "--shuffle", "5", data_dir=tmp_path / "data", timeout=280)
    assert done.returncode == 0, done.stderr + done.stdout
    assert re.search("^  ledger balanced 账平 +yes 是$", done.stdout, re.MULTILINE)
    assert "every balance is as it was to the cent" in done.stdout
    assert "orders/s" in done.stdout
    assert not (tmp_path / "data").exists()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Where PostgreSQL may pass although root's tests start it."""
    folder = Path(tempfile.mkdtemp(prefix="bt-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_replay_takes_its_product_with_it(open_folder: Path, retail_slice: RetailFolder) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in OWN} | {"TMPDIR": str(open_folder)}
    process = subprocess.Popen(
        [sys.executable, "-m", "demo", "replay", str(retail_slice.path)], cwd=REPOSITORY, env=environment,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert wait_until(lambda: any(open_folder.glob("*/run/sandbox.json")), 60)
    started = [int(path.read_text()) for path in open_folder.glob("*/run/*.pid")]
    assert all(map(process_exists, started))
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert wait_until(lambda: not any(map(process_exists, started)), 60)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not FULL_SET.is_dir(), reason="the full set is not on this machine: name it in DATA")
def test_the_full_set_ends_the_same_in_any_order_and_twice(tmp_path: Path) -> None:
    plain = command("replay", FULL_SET, "--twice", data_dir=tmp_path / "data", timeout=440)
    mixed = command("replay", FULL_SET, "--batch", "73", "--shuffle", "7", data_dir=tmp_path / "data", timeout=440)
    assert (plain.returncode, mixed.returncode) == (0, 0), plain.stderr + mixed.stderr
    results = [_result(one.stdout) for one in (plain, mixed)]
    assert results[0] == results[1]
    assert any("9,659 with 236,365 lines" in line for line in results[0])


def _result(printed: str) -> list[str]:
    """The lines under "What came out"; the fingerprint over all balances is one of them."""
    lines = printed.splitlines()
    start = lines.index("What came out 结果")
    return lines[start : lines.index("", start)]
