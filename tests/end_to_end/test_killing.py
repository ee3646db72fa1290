"""Kill -9 of everything in the middle of a settlement: it ends by itself, and each payout moved money exactly once."""

import random
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.end_to_end.product import Product
from tests.end_to_end.selling import Scene, set_scene

VICTIMS = ("worker-money", "relay", "web", "valkey", "postgres", "worker-default", "scheduler")


@pytest.fixture
def product() -> Iterator[Product]:
    running = Product().start()
    yield running
    running.remove()


def paid_out_under_fire(scene: Scene, rounds: int) -> None:
    """Execute a settlement over a slow rail that loses answers, while process after process is killed."""
    run = scene.prepared_settlement()
    assert run["totals"]["payout_count"] == scene.sellers
    assert run["totals"]["gross"] == scene.sellers * scene.amount
    scene.checker.post(f"/v1/settlements/{run['id']}/approve", {"digest": run["digest"]})
    faults = {"slow": 0.02, "error_before": 0.05, "error_after": 0.05, "lose_answer": 0.1, "processing": 0.1, "seed": 7}
    httpx.put(f"{scene.product.sandbox()}/faults", json=faults).raise_for_status()
    scene.checker.post(f"/v1/settlements/{run['id']}/execute", {})
    chance = random.Random(7)  # noqa: S311 -- the same order of accidents every time
    for number in range(rounds):
        victim = VICTIMS[number % len(VICTIMS)]
        time.sleep(chance.uniform(0.3, 1.5))
        scene.product.wipe_valkey() if victim == "valkey" and number % 2 else scene.product.kill(victim)
        if victim in {"web", "postgres", "valkey"}:
            scene.product.wait_until_ready()
    httpx.put(f"{scene.product.sandbox()}/faults", json={}).raise_for_status()
    scene.wait_for(run["id"], "completed", seconds=240)
    settled_exactly_once(scene, run["id"])


def settled_exactly_once(scene: Scene, settlement_id: str) -> None:
    """The judge is the rail's own book."""
    payouts = scene.maker.all(f"/v1/settlements/{settlement_id}/payouts")
    assert Counter(payout["status"] for payout in payouts) == {"paid": scene.sellers}
    moved = httpx.get(f"{scene.product.sandbox()}/book").json()["transfers"]
    by_account = Counter(transfer["account"] for transfer in moved)
    assert [transfer for transfer in moved if by_account[transfer["account"]] > 1] == []
    assert len(by_account) == scene.sellers
    assert {transfer["amount"] for transfer in moved} == {scene.amount}
    audit = scene.audit()
    assert audit["ok"], audit["problems"]
    accounts = {one["code"]: one["balance"] for one in scene.maker.get("/v1/ledger/trial-balance")["accounts"]}
    assert accounts.get("member_in_payout", 0) == 0
    assert abs(accounts["cash_sandbox"]) == scene.sellers * scene.amount


@pytest.mark.timeout(300)
def test_a_settlement_survives_the_death_of_every_process(product: Product) -> None:
    paid_out_under_fire(set_scene(product, 60), rounds=7)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_settlement_of_500_survives_two_deaths_of_every_process(product: Product) -> None:
    paid_out_under_fire(set_scene(product, 500), rounds=14)


@pytest.mark.timeout(240)
def test_after_kill_of_the_whole_group_a_second_start_goes_on(product: Product) -> None:
    scene = set_scene(product, 20)
    run = scene.prepared_settlement()
    scene.checker.post(f"/v1/settlements/{run['id']}/approve", {"digest": run["digest"]})
    scene.checker.post(f"/v1/settlements/{run['id']}/execute", {})
    product.kill_everything()
    product.start()
    scene.wait_for(run["id"], "completed")
    settled_exactly_once(scene, run["id"])
