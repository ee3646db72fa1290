"""Kill -9 while posts come due under two schedulers: each is in each group once, and nowhere twice.

The groups are receivers that recognise a repeat by its key: what a dead sender had under way shows once as well.
"""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.community.chat import Chat, played_chat_process
from tests.end_to_end.chatting import rows
from tests.end_to_end.product import ROOT, Caller, Product, eventually

GROUPS, POSTS = 20, 8
FIRST_AFTER, EVERY = timedelta(seconds=15), timedelta(seconds=2)


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with played_chat_process(tmp_path, 0.05) as chat:
        yield chat


@pytest.fixture
def product(chat: Chat) -> Iterator[Product]:
    product = Product(**chat.environment)
    try:
        yield product.start()
    finally:
        product.remove()


@pytest.fixture
def second_scheduler(product: Product) -> Iterator[None]:
    command = [sys.executable, "-m", "core.jobs.scheduler"]
    running = subprocess.Popen(command, cwd=ROOT, env=product.environment)
    yield
    running.terminate()
    running.wait(20)


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("second_scheduler")
def test_each_post_is_in_each_group_once_whoever_dies(product: Product, chat: Chat) -> None:
    first = schedule(product, chat)
    wait_until(first)
    started = time.monotonic()
    for victims in (["worker-notices"], ["scheduler", "relay"], ["worker-notices", "valkey"], ["worker-notices"]):
        time.sleep(EVERY.total_seconds())
        for victim in victims:
            product.wipe_valkey() if victim == "valkey" else product.kill(victim)
    eventually(lambda: said(product) == {"sent": GROUPS * POSTS}, seconds=120, what="everything said")
    print(f"{time.monotonic() - started:.1f} s from the first due time on")
    shown = Counter((one["target"], one["text"]) for one in chat.book("webhook") if one["outcome"] == "accepted")
    assert shown == {(str(number), f"Post {post}"): 1 for number in range(GROUPS) for post in range(POSTS)}
    assert rows(product, "SELECT DISTINCT posted, missed, next_due_at FROM post_targets") == [(1, 0, None)]
    assert rows(product, "SELECT DISTINCT status FROM group_posts") == [("ended",)]


def schedule(product: Product, chat: Chat) -> datetime:
    """Posts that come due one soon after the other, in all groups; when the first is."""
    made = product.flask(
        "program", "create", "--name", "Posts", "--currency", "GBP", "--timezone", "UTC",
        "--owner-email", f"owner-{product.port}@example.org", "--json",
    )  # fmt: skip
    owner = {name: made["owner"][name] for name in ("email", "password")}
    staff = Caller(product, Caller(product, made["api_key"]).post("/v1/auth/staff", owner)["access_token"])
    group_ids = [
        staff.post("/v1/groups", {"name": f"g{n}", "platform": "webhook", "target": chat.target("webhook", n)})["id"]
        for n in range(GROUPS)
    ]
    first = datetime.now(UTC) + FIRST_AFTER
    for number in range(POSTS):
        at = (first + number * EVERY).isoformat()
        staff.post("/v1/posts", {"group_ids": group_ids, "text": f"Post {number}", "at": at})
    return first


def wait_until(at: datetime) -> None:
    time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


def said(product: Product) -> dict[str, int]:
    """Messages of posts by status."""
    return dict(rows(product, "SELECT status, count(*) FROM messages WHERE key LIKE 'post:%' GROUP BY status"))  # type: ignore[arg-type]
