"""A backup is restored after money went out that it does not know of: nothing is paid again, and the books agree."""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.product import ROOT, Product
from tests.end_to_end.selling import set_scene

SELLERS = 6


@pytest.fixture
def product() -> Iterator[Product]:
    running = Product().start()
    yield running
    running.remove()


def backup(product: Product, verb: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "core.servers.backup", verb, str(folder)]
    return subprocess.run(command, cwd=ROOT, env=product.environment, capture_output=True, text=True, check=False)


@pytest.mark.timeout(300)
def test_restored_books_pass_the_audit_and_pay_nothing_twice(product: Product) -> None:
    scene = set_scene(product, SELLERS)
    run = scene.prepared_settlement()
    scene.checker.post(f"/v1/settlements/{run['id']}/approve", {"digest": run["digest"]})
    folder = product.folder / "backup"
    succeed(backup(product, "create", folder))
    assert folder.stat().st_mode & 0o077 == 0
    scene.checker.post(f"/v1/settlements/{run['id']}/execute", {})
    scene.wait_for(run["id"], "completed")

    lose_the_database(product)
    succeed(backup(product, "restore", folder))
    product.start()

    assert scene.audit()["ok"]
    assert product.flask("payouts", "status")["locked"]
    scene.checker.post(f"/v1/settlements/{run['id']}/execute", {})  # as of the backup it was approved only
    report = product.flask("payouts", "reconcile")
    assert report["open"] == 0, report
    product.flask("payouts", "unlock")
    scene.wait_for(run["id"], "completed")
    moved = httpx.get(f"{product.sandbox()}/book").json()["transfers"]
    assert Counter(transfer["account"] for transfer in moved) == {f"acc-s{number}": 1 for number in range(SELLERS)}
    assert scene.audit()["ok"]


@pytest.mark.timeout(120)
def test_backups_and_databases_are_never_overwritten(product: Product) -> None:
    folder = product.folder / "backup"
    succeed(backup(product, "create", folder))
    assert "not empty" in backup(product, "create", folder).stderr
    assert "exists" in backup(product, "restore", folder).stderr
    assert "not a finished backup" in backup(product, "restore", product.folder).stderr


def succeed(run: "subprocess.CompletedProcess[str]") -> None:
    assert run.returncode == 0, run.stderr


def lose_the_database(product: Product) -> None:
    """The machine is gone but for what the rail did, which is not ours to lose."""
    product.stop()
    shutil.rmtree(product.data_dir / "postgres")
    shutil.rmtree(product.data_dir / "secrets")
