"""Kill -9 of workers and a wiped Valkey while groups hear of orders: nothing is lost, in order, within limits.

The judge is the book of who was posted to. What a sender that died had under way may be there twice; nothing else is.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.community.chat import Chat, played_chat_process
from tests.end_to_end.chatting import Group, Shop, Shown, judged, read, rows, statuses
from tests.end_to_end.product import Product, eventually

DEATHS: Sequence[Sequence[str]] = (
    ["worker-notices"],
    ["valkey"],
    ["worker-notices", "worker-default", "valkey"],
    ["worker-notices", "relay", "scheduler"],
    ["postgres"],
    ["worker-notices"],
)
"""Who dies together, each time in the middle of a stretch of orders."""


class Stage(NamedTuple):
    """The product and the platforms that it posts to, whose minutes are shorter."""

    product: Product
    chat: Chat


@pytest.fixture
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    with played_chat_process(tmp_path, getattr(request, "param", 0.05)) as chat:
        product = Product(**chat.environment)
        try:
            yield Stage(product.start(), chat)
        finally:
            product.remove()


@pytest.mark.timeout(600)
def test_600_orders_are_heard_of_in_60_groups_whoever_dies(stage: Stage) -> None:
    survive(stage, orders=600, groups=60, stretches=8)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stage", [0.02], indirect=True)
def test_10000_orders_are_heard_of_in_1000_groups_whoever_dies(stage: Stage) -> None:
    survive(stage, orders=10_000, groups=1000, stretches=12)


def survive(stage: Stage, *, orders: int, groups: int, stretches: int) -> None:
    started = time.monotonic()
    shop = Shop(stage.product, stage.chat, groups)
    # answers that take their time, so that whoever dies has messages under way
    stage.chat.faults(slow=0.5, slow_seconds=0.5, seed=4)
    for number in range(stretches):
        shop.sell(orders * (number + 1) // stretches - orders * number // stretches)
        if number % 2:
            kill_meanwhile(stage, DEATHS[number // 2 % len(DEATHS)])
    stage.chat.faults()
    print(f"{time.monotonic() - started:.1f} s until all is sold")
    eventually(lambda: everything_is_said(stage.product, orders), seconds=300, what="everything said")
    shown = judged(shop.groups, stage.chat.book())
    assert shown.lines + shown.counted == orders
    limits_were_kept(stage)
    repeats_are_accounted_for(stage, shown)
    print(f"{time.monotonic() - started:.1f} s, {shown}")


def kill_meanwhile(stage: Stage, victims: Sequence[str]) -> None:
    """Kill them as soon as something of the stretch is being said."""
    before = len(stage.chat.book())
    stage.chat.wait_for(lambda: len(stage.chat.book()) > before, seconds=120)
    for victim in victims:
        stage.product.wipe_valkey() if victim == "valkey" else stage.product.kill(victim)
    if {"valkey", "postgres"} & set(victims):
        stage.product.wait_until_ready()
    time.sleep(0.2)


def everything_is_said(product: Product, orders: int) -> bool:
    return statuses(product) == {"sent": orders}


def limits_were_kept(stage: Stage) -> None:
    """Who was posted to counts by its own clock, and would have said so."""
    outcomes = {one["outcome"] for one in stage.chat.book()}
    assert outcomes <= {"accepted", "repeated"}, outcomes


def repeats_are_accounted_for(stage: Stage, shown: Shown) -> None:
    """As many as senders died with messages under way, at most; and those that were recognised are not shown twice."""
    ((made_again,),) = rows(stage.product, "SELECT count(*) FROM dispatches WHERE number > 1")
    ((died,),) = rows(stage.product, "SELECT count(*) FROM dispatches WHERE reason = 'sender_died'")
    recognised = sum(one["outcome"] == "repeated" for one in stage.chat.book())
    assert shown.again + recognised <= made_again == died
    assert died, "nobody died with anything under way: the test has shown nothing"


def test_a_chat_is_read_as_people_read_it() -> None:
    assert read("A new order of £12.34.\nsold an order of £1,000.05\n… and 37 more") == ([1234, 100005], 37)
    assert read("新订单，£10.00。\n……还有 2 条") == ([1000], 2)


def test_the_judge_sees_what_is_lost_or_out_of_order() -> None:
    group = Group("wecom", 1, "wecom-1", [1000, 1001, 1002])

    def book(*texts: str) -> list[dict[str, str]]:
        return [{"platform": "wecom", "target": "1", "outcome": "accepted", "text": text} for text in texts]

    assert judged([group], book("£10.00\n£10.01", "£10.02", "£10.02")) == Shown(lines=3, counted=0, posts=2, again=1)
    assert judged([group], book("£10.00\n… and 2 more")).counted == 2
    for wrong in (["£10.00\n£10.01"], ["£10.01", "£10.00", "£10.02"], ["£10.00", "£10.01", "£10.00", "£10.02"]):
        with pytest.raises(AssertionError):
            judged([group], book(*wrong))
