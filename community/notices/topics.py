"""What is told: the topics, how urgent each is and how long it is news, and what its texts may speak of. Pure."""

from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple


class Kind(StrEnum):
    """What a variable holds, and so how its fact becomes words."""

    MEMBER = "member"  # from the fact `<name>_id`; shown as that member wishes
    AMOUNT = "amount"  # minor units; none where a group hides amounts
    COUNT = "count"
    TEXT = "text"  # somebody's words: whatever is in them, they stay words
    OURS = "ours"  # staff's words and our own addresses, taken as they are
    WORD = "word"  # one of `words`
    DAY = "day"
    INSTANT = "instant"
    LIST = "list"  # of rows with `fields`


class Variable(NamedTuple):
    """Something a template may name. `sample` is the fact that previews are made with."""

    name: str
    kind: Kind
    sample: Any
    words: tuple[str, ...] = ()
    fields: tuple["Variable", ...] = ()


class Topic(NamedTuple):
    """One kind of news. `priority`: 0 is money and goes first, 9 last. After `news_for` nobody wants it any more."""

    name: str
    priority: int
    news_for: timedelta
    variables: tuple[Variable, ...]


def _member(name: str = "member") -> Variable:
    return Variable(name, Kind.MEMBER, "Ada_*[x]" if name == "member" else "Grace")


def _amount(name: str = "amount", sample: int = 12_345) -> Variable:
    return Variable(name, Kind.AMOUNT, sample)


def _count(name: str, sample: int = 3) -> Variable:
    return Variable(name, Kind.COUNT, sample)


def _word(name: str, *words: str) -> Variable:
    return Variable(name, Kind.WORD, words[0], words)


def _text(name: str, sample: str) -> Variable:
    return Variable(name, Kind.TEXT, sample)


def _list(name: str, *fields: Variable) -> Variable:
    return Variable(name, Kind.LIST, [{field.name: field.sample for field in fields}] * 2, (), fields)


_LINK = Variable("link", Kind.OURS, "https://go.example/r/7k3mpx")

COMMON = (
    _text("program", "Tea House"),
    Variable("at", Kind.INSTANT, "2026-01-31T08:00:00Z"),
    # which of the members named is the reader: empty in groups
    Variable("you", Kind.WORD, "", ("", "member", "inviter", "customer")),
)
"""What every topic's templates may name."""

_DAYS = timedelta(days=1)

_TOPICS = (
    Topic("payout", 0, 7 * _DAYS, (
        _word("change", "paid", "failed", "returned"), _member(), _amount(), _amount("net"))),
    Topic("matured", 0, 3 * _DAYS, (_member(), _amount(), _count("count"), _count("members"))),
    Topic("commission", 1, 1 * _DAYS, (_member(), _amount(), _count("level", 1))),
    Topic("reversed", 1, 3 * _DAYS, (_member(), _amount(), _word("cause", "refund", "reattribution"))),
    Topic("red_packet", 3, timedelta(hours=6), (
        _word("change", "opened", "finished", "expired"), _amount(), _count("count", 100), _count("left"), _member(),
        _text("name", "New year"), Variable("link", Kind.OURS, _LINK.sample))),
    Topic("order", 4, timedelta(hours=6), (
        _member(), _member("customer"), _amount(), _word("first", "", "yes"))),
    Topic("group", 4, 1 * _DAYS, (
        _word("change", "welcome", "post", "topic", "poll"), _member(), _text("group", "Tea lovers"),
        Variable("text", Kind.OURS, "Be kind to each other."), Variable("link", Kind.OURS, _LINK.sample))),
    Topic("activity", 5, 1 * _DAYS, (
        _word("change", "started", "reached", "settled", "ended", "reminder"), _text("activity", "Spring check-in"),
        _member(), _count("goal", 10), _count("count"), _count("left"), _amount(), _text("reward", "100 points"),
        Variable("ends_at", Kind.INSTANT, "2026-02-28T12:00:00Z"), Variable("link", Kind.OURS, _LINK.sample))),
    Topic("operations", 2, 3 * _DAYS, (_word("change", "paused"), _text("group", "Tea lovers"))),
    Topic("coupon", 5, timedelta(hours=12), (
        _word("change", "new", "low", "sold_out", "granted"), _text("coupon", "Spring sale"), _count("left", 10))),
    Topic("member", 6, timedelta(hours=12), (
        _word("change", "joined", "bound", "enrolled"), _member(), _member("inviter"))),
    Topic("milestone", 6, 1 * _DAYS, (
        _word("change", "orders", "sales"), _member(), _count("count", 10), _amount())),
    Topic("board", 7, 1 * _DAYS, (
        _word("period", "day", "week", "month", "all"), _word("measure", "sales", "commission", "invites", "points",
              "orders"), Variable("day", Kind.DAY, "2026-01-31"),
        _list("top", _count("rank", 1), _member(), _count("count"), _amount()))),
    Topic("digest", 8, timedelta(hours=18), (
        Variable("day", Kind.DAY, "2026-01-31"), _count("orders", 42), _amount("sales", 4_200_00),
        _amount("commission", 420_00), _count("new_members", 7), _count("clicks", 1234),
        _list("top", _count("rank", 1), _member(), _amount(), _count("count")),
        _list("coupons", _text("name", "Spring sale"), _count("left", 10)),
        _list("products", _text("name", "Green tea"), _count("count", 12)), Variable("link", Kind.OURS, _LINK.sample))),
)  # fmt: skip

TOPICS: dict[str, Topic] = {topic.name: topic for topic in _TOPICS}
LANGUAGES = ("zh", "en")
MOST_ROWS = 50
"""Rows of a list that a template may go through; what is beyond is left out."""


def variables_of(topic: str) -> tuple[Variable, ...]:
    """All a topic's templates may name."""
    return TOPICS[topic].variables + COMMON
