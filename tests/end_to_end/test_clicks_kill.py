"""Kill -9 of web, clicks, shipper and Valkey while visitors follow a link: every answered click is stored, once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from config.settings import load
from core.servers.processes import wait_until
from tests.end_to_end.clicking import Answers, follow_link
from tests.end_to_end.product import Caller, Product, eventually, free_port

CLIENTS = 6
DEATHS: Sequence[Sequence[str]] = (
    ["shipper"],
    ["web"],
    ["clicks"],
    ["valkey"],
    ["shipper", "web", "clicks", "valkey"],
    ["postgres"],
    ["web", "clicks", "shipper"],
)
"""Who dies together, each time in the middle of the traffic."""


@pytest.fixture
def product() -> Iterator[Product]:
    running = Product(WEB_WORKERS="2", CLICKS_PORT=str(free_port()))
    try:
        yield running.start()
    finally:
        running.remove()


@pytest.mark.timeout(600)
def test_every_answered_click_is_stored_once_whoever_dies(product: Product) -> None:
    survive(product, 2_000)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_20000_clicks_are_stored_once_whoever_dies(product: Product) -> None:
    survive(product, 20_000)


def survive(product: Product, clicks: int) -> None:
    made = product.flask(
        "program", "create", "--name", "Clicks", "--currency", "GBP", "--timezone", "UTC", "--owner-email",
        f"owner-{product.port}@example.org", "--json",
    )  # fmt: skip
    shop = Caller(product, made["api_key"])
    shop.post("/v1/members", {"external_id": "seller"})
    link = shop.post("/v1/links", {"member_external_id": "seller", "destination_url": "https://shop.example/p?a=1"})
    answers = Answers(clicks)
    ports = [product.port, int(product.environment["CLICKS_PORT"])]  # both answer, in processes of their own
    follow_link(ports, link["code"], answers, CLIENTS, lambda: kill_meanwhile(product, answers))
    stored = eventually(lambda: stored_when_shipped(product, answers), seconds=120, what="all clicks stored")
    answered_and_stored_agree(answers, stored)
    sums_agree(shop, link, len(stored))


def kill_meanwhile(product: Product, answers: Answers) -> None:
    """Kill them in the middle of each stretch of clicks, and begin the next when the product is whole again."""
    stretch = answers.wanted // len(DEATHS)
    for number, victims in enumerate(DEATHS):
        answers.limit = (number + 1) * stretch
        middle = answers.limit - stretch // 2
        assert wait_until(lambda middle=middle: len(answers.click_ids) >= middle, 120, 0.001)  # type: ignore[misc]
        for victim in victims:
            product.wipe_valkey() if victim == "valkey" else product.kill(victim)
        product.wait_until_ready()
    answers.limit = answers.wanted
    eventually(lambda: len(answers.click_ids) >= answers.wanted, seconds=120, what="the last clicks")


def stored_when_shipped(product: Product, answers: Answers) -> list[UUID] | None:
    """The stored clicks, once every answered one is among them."""
    stored = stored_clicks(product)
    return stored if set(answers.click_ids) <= set(stored) else None


def stored_clicks(product: Product) -> list[UUID]:
    url = load(product.environment).admin_database_url.replace("postgresql+psycopg", "postgresql")
    try:
        with psycopg.connect(url) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM clicks").fetchall()]
    except psycopg.OperationalError as error:
        raise OSError("PostgreSQL is away") from error


def answered_and_stored_agree(answers: Answers, stored: list[UUID]) -> None:
    assert len(answers.click_ids) >= answers.wanted
    assert [one for one, times in Counter(answers.click_ids).items() if times > 1] == []
    assert [one for one, times in Counter(stored).items() if times > 1] == []
    unanswered = set(stored) - set(answers.click_ids)
    assert len(unanswered) <= answers.broken, "more than the connections that died can explain"


def sums_agree(shop: Caller, link: dict[str, Any], stored: int) -> None:
    """Each visitor came once, so all are unique; hours and days say the same."""
    today = datetime.now(UTC)
    since = (today - timedelta(days=1)).date()
    for interval in ("hour", "day"):
        path = f"/v1/links/{link['id']}/stats?interval={interval}&from={since}&to={today.date()}"

        def agree(path: str = path) -> Any:
            found = shop.get(path)
            return found if found["clicks"] == stored else None

        found = eventually(agree, seconds=20, what=f"{stored} clicks in the sums")
        assert (found["unique_clicks"], found["bot_clicks"]) == (stored, 0)
        assert sum(one["clicks"] for one in found["series"]) == stored
