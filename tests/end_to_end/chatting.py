"""Groups on all played platforms, orders that they hear of, and the judgement of what their chats show in the end."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg

from config.settings import load
from tests.community.chat import Chat
from tests.end_to_end.product import Caller, Product

PLATFORMS = ("wecom", "dingtalk", "feishu", "telegram", "slack", "discord", "webhook")
HOT = len(PLATFORMS)  # the first group of each platform hears of two orders in five
_AMOUNT = re.compile(r"£([\d,]+\.\d\d)")
_MORE = re.compile(r"\d+")
_BATCH = 500


@dataclass
class Group:
    """A group, and the amounts of the orders it must hear of, in their order; no two are alike in one group."""

    platform: str
    number: int
    name: str
    amounts: list[int] = field(default_factory=list)


class Shop:
    """A program with groups of every platform, which sells and says in which group."""

    def __init__(self, product: Product, chat: Chat, groups: int) -> None:
        self.product, self.chat = product, chat
        made = product.flask(
            "program", "create", "--name", "Chats", "--currency", "GBP", "--timezone", "UTC",
            "--owner-email", f"owner-{product.port}@example.org", "--json",
        )  # fmt: skip
        self._shop = Caller(product, made["api_key"])
        owner = {name: made["owner"][name] for name in ("email", "password")}
        self._owner = Caller(product, self._shop.post("/v1/auth/staff", owner)["access_token"])
        self.groups = [self._group(number) for number in range(groups)]
        self._sold = 0

    def _group(self, place: int) -> Group:
        platform, number = PLATFORMS[place % len(PLATFORMS)], place // len(PLATFORMS)
        made = Group(platform, number, f"{platform}-{number}")
        self._owner.post("/v1/groups", {
            "name": made.name, "external_id": made.name, "platform": platform, "scope": "group", "topics": ["order"],
            "target": self.chat.target(platform, number), "language": "zh" if place % 2 else "en",
            "show_amounts": True,
        })  # fmt: skip
        return made

    def sell(self, count: int) -> None:
        """So many orders more, paid now."""
        orders = [self._order() for _ in range(count)]
        for start in range(0, count, _BATCH):
            answer = self._shop.post("/v1/orders/batch", {"orders": orders[start : start + _BATCH]})
            assert {one["status"] for one in answer["results"]} <= {"created", "exists"}, answer

    def _order(self) -> dict[str, Any]:
        """The next; the orders of a batch are taken in, and so told, in the order of their names."""
        place = self._sold % 5
        group = self.groups[(self._sold // 5) % HOT if place < 2 else (self._sold * 7) % len(self.groups)]
        self._sold += 1
        amount = 1000 + len(group.amounts)
        group.amounts.append(amount)
        return {
            "external_id": f"O-{self._sold:06}", "currency": "GBP", "group_id": group.name,
            "paid_at": datetime.now(UTC).isoformat(),
            "items": [{"sku": "TEA", "quantity": 1, "unit_price": amount}],
        }  # fmt: skip


@dataclass
class Shown:
    """What the chats show: how many orders by name, how many only counted, how many messages again."""

    lines: int = 0
    counted: int = 0
    posts: int = 0
    again: int = 0


def judged(groups: Sequence[Group], book: Sequence[dict[str, Any]]) -> Shown:
    """Read every chat from its beginning: each order is there once, in order, by its amount or in a count.

    A message that is there again stands right after itself, and is taken out.
    """
    shown = Shown()
    for group in groups:
        texts = [
            one["text"]
            for one in book
            if (one["platform"], one["target"], one["outcome"]) == (group.platform, str(group.number), "accepted")
        ]
        place = 0
        for number, text in enumerate(texts):
            if number and text == texts[number - 1]:
                shown.again += 1
                continue
            amounts, counted = read(text)
            assert amounts == group.amounts[place : place + len(amounts)], f"{group.name}: {text!r} after {place}"
            place += len(amounts) + counted
            shown.lines += len(amounts)
            shown.counted += counted
            shown.posts += 1
        assert place == len(group.amounts), f"{group.name}: {place} of {len(group.amounts)} orders"
    return shown


def read(text: str) -> tuple[list[int], int]:
    """The amounts that a message names, and how many more it counts."""
    amounts, counted = [], 0
    for line in text.replace("\\", "").splitlines():  # Discord wants backslashes before punctuation
        found = _AMOUNT.search(line)
        if found:
            amounts.append(int(re.sub(r"[,.]", "", found[1])))
        elif line.strip():
            counted += int(_MORE.findall(line)[0])
    return amounts, counted


def rows(product: Product, sql: str) -> list[tuple[Any, ...]]:
    """What the database says, past all walls."""
    url = load(product.environment).admin_database_url.replace("postgresql+psycopg", "postgresql")
    try:
        with psycopg.connect(url) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[arg-type]  # sentences of the tests
    except psycopg.OperationalError as error:
        raise OSError("PostgreSQL is away") from error


def statuses(product: Product) -> Counter[str]:
    """Messages by status."""
    return Counter(dict(rows(product, "SELECT status, count(*) FROM messages GROUP BY status")))
