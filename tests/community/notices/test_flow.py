"""From an order posted over HTTP to the texts in the chats of every platform, with valid signatures."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask

from community.delivery.sending import send_ready
from community.notices.service import Notice
from community.platforms.service import PLATFORMS
from core.db import scalar, transaction
from tests.clients import TestProgram
from tests.community.chat import Chat, played_chat
from tests.community.notices.stage import Stage
from tests.jobs import run_jobs

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)
PLAYED = [word for word in PLATFORMS if word != "apprise"]
ENGLISH = [
    "A∗∗ sold an order of £100.00, to a first-time customer.",
    "A∗∗ earned a commission of £10.00.",
]
CHINESE = ["A∗∗推广成交一单，£100.00，来自新客。", "A∗∗获得佣金 £10.00。"]


@pytest.fixture(scope="module")
def server() -> Iterator[Chat]:
    with played_chat(window_scale=0.01) as running:
        yield running


@pytest.fixture
def chat(app: Flask, server: Chat) -> Iterator[Chat]:
    """The platforms, played, where the application's messages go."""
    server.empty()
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(before, chat_url=server.url, chat_window_scale=server.window_scale)
    yield server
    app.config["SETTINGS"] = before


def deliver(stage: Stage, chat: Chat) -> None:
    """The jobs that wait, and the sender until nothing does: groups have their limits."""
    run_jobs(stage.program.id)

    def said() -> bool:
        send_ready(stage.program.id)
        return not waiting(stage)

    chat.wait_for(said, seconds=20)


def waiting(stage: Stage) -> int:
    with transaction(stage.program.id, read_only=True):
        found: int = scalar(
            "SELECT count(*) FROM messages WHERE program_id = %(p)s AND status IN ('waiting', 'sending')",
            p=stage.program.id,
        )
    return found


def words(texts: list[str]) -> list[str]:
    """What chats show, line by line in the order of the words: money may overtake, lines may be folded.

    Discord reads every text as markdown: a backslash before punctuation is not shown.
    """
    return sorted(line.replace("\\", "") for text in texts for line in text.split("\n"))


@pytest.mark.parametrize("platform", PLAYED)
def test_an_order_leads_to_its_texts_in_chats_of_both_languages(stage: Stage, chat: Chat, platform: str) -> None:
    numbers = {"en": 1000 + 10 * PLAYED.index(platform), "zh": 1001 + 10 * PLAYED.index(platform)}
    stage.plan(1000)
    for language, number in numbers.items():
        stage.group(
            f"{platform}-{language}", "order", "commission", platform=platform, target=chat.target(platform, number),
            language=language,
        )  # fmt: skip
    deaf = 1002 + 10 * PLAYED.index(platform)
    stage.group("deaf", "coupon", platform=platform, target=chat.target(platform, deaf))
    stage.member("ada")
    stage.member("carl", "ada")
    stage.order("carl")
    stage.tell()
    deliver(stage, chat)
    assert words(chat.texts(platform, numbers["en"])) == words(ENGLISH)
    assert words(chat.texts(platform, numbers["zh"])) == words(CHINESE)
    assert chat.book(platform, deaf) == []
    # the playing server refuses what is not signed as the platform wants it
    assert {one["outcome"] for one in chat.book(platform)} <= {"accepted", "throttled"}
    log = stage.program.client.get("/v1/notices?status=sent&topic=commission").json["data"]
    of_groups = [one for one in log if one["group_id"]]
    assert [one["attempts"][-1]["status"] for one in of_groups] == ["sent", "sent"]
    assert stage.heard("ada")[-2:] != []


@pytest.mark.parametrize("platform", PLAYED)
def test_nobodys_words_can_do_anything_in_any_chat(stage: Stage, chat: Chat, platform: str) -> None:
    number = 2000 + PLAYED.index(platform)
    stage.put_text("milestone", "{{ member }} did it", markdown="**{{ member }}** did it")
    group_id = stage.group("g", "milestone", platform=platform, target=chat.target(platform, number))
    name = '<@all> @everyone *b* [x](https://evil.example) <users/all> <!channel> <at user_id="all"></at> `c`'
    stage.notify(Notice("milestone", "k", {"change": "orders", "member": name}, AT, [group_id]))
    deliver(stage, chat)
    (text,) = chat.texts(platform, number)
    for trap in ("@", "<at", "<!", "<users", "](", "evil.example", "*b*", "`c`"):
        assert trap not in text, trap


def test_a_burst_is_folded_and_every_group_hears_how_many_it_was(stage: Stage, chat: Chat) -> None:
    """2,000 events to 40 groups: too many lines to write one by one, so each group gets a few that say how many."""
    numbers = range(3000, 3040)
    groups = [
        stage.group(f"g-{number}", "milestone", platform="webhook", target=chat.target("webhook", number))
        for number in numbers
    ]
    for start in range(0, 2000, 500):
        notices = [
            Notice("milestone", f"k-{n}", {"change": "orders", "count": n, "member": "Ada"}, AT, groups)
            for n in range(start, start + 500)
        ]
        stage.notify(*notices)
    deliver(stage, chat)
    for number in numbers:
        texts = chat.texts("webhook", number)
        assert texts
        lines = [line for text in texts for line in text.split("\n")]
        shown = [line for line in lines if "has sold" in line]
        more = [int(line.removeprefix("…and ").removesuffix(" more")) for line in lines if line.startswith("…and")]
        assert len(shown) + sum(more) == 2000
        assert len(texts) <= 4


def test_another_programs_groups_hear_nothing(stage: Stage, chat: Chat, other_program: TestProgram) -> None:
    theirs = Stage(other_program)
    theirs.group("g", "order", platform="webhook", target=chat.target("webhook", 4000))
    stage.group("g", "order", platform="webhook", target=chat.target("webhook", 4001))
    stage.order("carl")
    stage.tell()
    theirs.tell()
    deliver(stage, chat)
    deliver(theirs, chat)
    assert len(chat.texts("webhook", 4001)) == 1
    assert chat.texts("webhook", 4000) == []
