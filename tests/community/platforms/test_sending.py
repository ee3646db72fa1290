"""Messages to every played platform: what arrives, what is refused, what has to wait, and what nobody knows."""

import io
import time
from collections import Counter
from dataclasses import replace

import pytest
from flask import Flask
from PIL import Image

from community.platforms import posting
from community.platforms.reach import Reach
from community.platforms.service import (
    Message,
    Outcome,
    Refused,
    Sent,
    Target,
    Throttled,
    Unknown,
    limits_of,
    posts_of,
    send,
    shared_lane_of,
    target_from,
)
from tests.community.chat import Chat, played_chat

PLATFORMS = ["wecom", "dingtalk", "feishu", "telegram", "slack", "discord", "webhook", "apprise"]
NATIVE = PLATFORMS[:-1]
TELEGRAM = """<b>Sold</b>
<b>Tea</b> from <a href="https://shop.example/r/a_b?c=1&amp;d=2">the shop</a>
• 12.50 <code>GBP</code>
<blockquote>thanks</blockquote>"""
MARKDOWN = "# Sold\n**Tea** from [the shop](https://shop.example/r/a_b?c=1&d=2)\n- 12.50 `GBP`\n> thanks"


def target_of(chat: Chat, platform: str, number: int) -> Target:
    return target_from(platform, chat.target(platform, number))


def target_at(chat: Chat, platform: str, number: int) -> Target:
    """Of another playing server than the application's."""
    given = chat.target(platform, number)
    if platform in {"webhook", "apprise"}:
        return Target(platform, **given)
    return target_from(platform, given)


def picture(width: int = 8) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, width), 90).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_text_arrives(app: Flask, chat: Chat, platform: str) -> None:
    outcome = send(target_of(chat, platform, 1), Message("Ada sold tea 茶 🍵"))
    assert isinstance(outcome, Sent)
    assert chat.texts(platform, 1) == ["Ada sold tea 茶 🍵"]


@pytest.mark.parametrize(
    ("platform", "written"),
    [
        ("wecom", "## Sold\n**Tea** from [the shop](https://shop.example/r/a_b?c=1&d=2)\n• 12.50 `GBP`\n> thanks"),
        ("dingtalk",
         "### Sold  \n**Tea** from [the shop](https://shop.example/r/a_b?c=1&d=2)  \n- 12.50 GBP  \n> thanks"),
        ("feishu", "**Sold**\n**Tea** from [the shop](https://shop.example/r/a_b?c=1&d=2)\n- 12.50 GBP\n> thanks"),
        ("telegram", TELEGRAM),
        ("slack", "*Sold*\n*Tea* from <https://shop.example/r/a_b?c=1&amp;d=2|the shop>\n• 12.50 `GBP`\n> thanks"),
        ("discord",
         "### Sold\n**Tea** from [the shop](<https://shop.example/r/a_b?c=1&d=2>)\n- 12\\.50 `GBP`\n> thanks"),
    ],
)  # fmt: skip
def test_markdown_is_written_as_the_platform_wants_it(app: Flask, chat: Chat, platform: str, written: str) -> None:
    assert isinstance(send(target_of(chat, platform, 2), Message("plain", MARKDOWN)), Sent)
    assert chat.book(platform, 2)[-1]["kind"] == "markdown"
    assert chat.texts(platform, 2) == [written]


def test_a_webhook_gets_the_common_markdown(app: Flask, chat: Chat) -> None:
    assert send(target_of(chat, "webhook", 2), Message("plain", MARKDOWN)) == Sent()
    assert [one["kind"] for one in chat.book("webhook", 2)] == ["markdown"]


@pytest.mark.parametrize(("platform", "kinds"), [
    ("wecom", ["text", "image"]), ("telegram", ["image"]), ("discord", ["image"]), ("webhook", ["image"]),
])  # fmt: skip
def test_a_picture_arrives_where_it_can(app: Flask, chat: Chat, platform: str, kinds: list[str]) -> None:
    target, message = target_of(chat, platform, 3), Message("look", image=picture())
    outcome = send(target, message)
    assert isinstance(outcome, Sent)
    assert outcome.lacks is None
    assert [one["kind"] for one in chat.book(platform, 3)] == kinds
    assert posts_of(target, message) == len(kinds)


@pytest.mark.parametrize("platform", ["dingtalk", "feishu", "slack", "apprise"])
def test_elsewhere_the_text_arrives_and_the_lack_is_told(app: Flask, chat: Chat, platform: str) -> None:
    outcome = send(target_of(chat, platform, 3), Message("look", image=picture()))
    assert isinstance(outcome, Sent)
    assert outcome.lacks == "image"
    assert chat.texts(platform, 3) == ["look"]


def test_a_picture_under_a_long_text_is_a_post_of_its_own(app: Flask, chat: Chat) -> None:
    target, message = target_of(chat, "telegram", 4), Message("x" * 1025, image=picture())
    assert posts_of(target, message) == 2
    assert isinstance(send(target, message), Sent)
    assert [one["kind"] for one in chat.book("telegram", 4)] == ["text", "image"]


def test_what_is_no_picture_is_told_as_lacking(app: Flask, chat: Chat) -> None:
    outcome = send(target_of(chat, "wecom", 4), Message("look", image=b"not a picture"))
    assert outcome == Sent(lacks="image")
    assert [one["outcome"] for one in chat.book("wecom", 4)] == ["accepted", "refused"]


def test_a_picture_too_large_is_left_out(app: Flask, chat: Chat) -> None:
    outcome = send(target_of(chat, "wecom", 5), Message("look", image=picture() + bytes(2 * 1024 * 1024)))
    assert outcome == Sent(lacks="image")
    assert [one["kind"] for one in chat.book("wecom", 5)] == ["text"]


@pytest.mark.parametrize("platform", NATIVE)
def test_too_long_texts_are_cut_to_what_the_platform_takes(app: Flask, chat: Chat, platform: str) -> None:
    long = "茶👩‍👩‍👧 <&>*_`[x](" * 3000
    for number, message in ((6, Message(long)), (7, Message("x", long)), (8, Message("x", f"**{'b' * 30_000}**"))):
        assert isinstance(send(target_of(chat, platform, number), message), Sent)
    assert len(chat.book(platform, outcome="accepted")) == 3


@pytest.mark.parametrize(("platform", "field", "reason"), [
    ("dingtalk", "secret", "wrong_signature"), ("feishu", "secret", "wrong_signature"),
    ("webhook", "secret", "wrong_signature"),
])  # fmt: skip
def test_a_wrong_secret_is_a_wrong_signature(app: Flask, chat: Chat, platform: str, field: str, reason: str) -> None:
    given = chat.target(platform, 9) | {field: chat.target(platform, 10)[field]}
    outcome = send(target_from(platform, given), Message("hello"))
    assert isinstance(outcome, Refused)
    assert outcome.reason == reason
    assert [one["outcome"] for one in chat.book(platform, 9)] == ["refused"]


@pytest.mark.parametrize(("platform", "change", "code"), [
    ("wecom", {"url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=00000009-0000-0000-0000-000000000000"},
     "93000"),
    ("dingtalk", {"url": "https://oapi.dingtalk.com/robot/send?access_token=abc"}, "300001"),
    ("feishu", {"url": "https://open.feishu.cn/open-apis/bot/v2/hook/nobody-knows"}, "19001"),
    ("telegram", {"token": "1000:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, "401"),
    ("telegram", {"chat_id": "-7"}, "400"),
    ("slack", {"url": "https://hooks.slack.com/services/T0/B9/nobody"}, "http_404 no_service"),
    ("discord", {"url": "https://discord.com/api/webhooks/9/nobody"}, "10015"),
])  # fmt: skip
def test_an_unknown_target_is_a_wrong_target(
    app: Flask, chat: Chat, platform: str, change: dict[str, str], code: str
) -> None:
    outcome = send(target_from(platform, chat.target(platform, 9) | change), Message("hello"))
    assert outcome == Refused("wrong_target", code)


@pytest.mark.parametrize("platform", NATIVE)
def test_a_robot_taken_out_is_refused(app: Flask, chat: Chat, platform: str) -> None:
    chat.faults(refuse=1, platform=platform, target="11")
    outcome = send(target_of(chat, platform, 11), Message("hello"))
    assert isinstance(outcome, Refused)
    assert outcome.reason in {"wrong_target", "not_allowed"}
    assert isinstance(send(target_of(chat, platform, 12), Message("hello")), Sent)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_full_window_is_told_as_throttled(app: Flask, platform: str) -> None:
    """A burst: what the window takes arrives, the rest has to wait, and after the wait it arrives."""
    by_second = platform in {"feishu", "webhook", "slack"}  # a hundredth of one is too short to be filled
    with played_chat(window_scale=0.2 if by_second else 0.01) as chat:
        target, reach = target_at(chat, platform, 20), reach_of(chat, 10)

        def post(text: str) -> Outcome:
            return posting.delivered(target, Message(text), reach, int(time.time()))

        outcomes = [post(f"{number}") for number in range(120)]
        kinds = Counter(type(one) for one in outcomes)
        assert set(kinds) == {Sent, Throttled}
        assert kinds[Sent] == len(chat.texts(platform, 20))
        longest = max(one.retry_after_seconds for one in outcomes if isinstance(one, Throttled))
        assert longest <= 12  # a minute at this scale, or DingTalk's ten
        time.sleep(longest)
        assert isinstance(post("late"), Sent)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_within_its_limits_nothing_is_throttled(app: Flask, chat: Chat, platform: str) -> None:
    limits = limits_of(platform)
    at_once = min(limits.per_second or limits.per_minute, limits.per_minute)
    target = target_of(chat, platform, 21)
    outcomes = [send(target, Message("x")) for _ in range(at_once)]
    assert {type(one) for one in outcomes} == {Sent}


def test_chats_of_one_bot_share_its_limit(app: Flask, chat: Chat) -> None:
    targets = [target_of(chat, "telegram", number) for number in range(200, 240)]
    assert len({shared_lane_of(one) for one in targets}) == 1
    assert shared_lane_of(target_of(chat, "telegram", 300)) != shared_lane_of(targets[0])
    assert shared_lane_of(target_of(chat, "slack", 1)) is None
    with played_chat(window_scale=1) as slower:  # a whole second, which nobody needs for 40 posts
        reach = reach_of(slower, 10)
        outcomes = [posting.delivered(target, Message("x"), reach, int(time.time())) for target in targets]
        assert Counter(type(one) for one in outcomes) == {Sent: 30, Throttled: 10}
        other = target_of(slower, "telegram", 300)
        assert isinstance(posting.delivered(other, Message("x"), reach, int(time.time())), Sent)


FAULTS = [
    ({"error_before": 1}, "http_500", 0), ({"error_after": 1}, "http_500", 1),
    ({"lose_answer": 1}, "connection_lost", 1), ({"garbage": 1}, "unreadable_answer", 1),
]  # fmt: skip


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(("fault", "reason", "arrived"), FAULTS)
def test_what_cannot_be_known_is_unknown(
    app: Flask, chat: Chat, platform: str, fault: dict[str, float], reason: str, arrived: int
) -> None:
    chat.faults(**fault)
    outcome = send(target_of(chat, platform, 30 + FAULTS.index((fault, reason, arrived))), Message("hello"))
    if platform in {"webhook", "apprise"} and "garbage" in fault:
        assert isinstance(outcome, Sent)  # a 200 is all that is asked of them
    else:
        assert outcome == Unknown(reason, may_have_arrived=True)
    assert len(chat.book(platform, outcome="accepted")) == arrived


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_throttling_platform_names_a_wait(app: Flask, chat: Chat, platform: str) -> None:
    chat.faults(throttle=1)
    outcome = send(target_of(chat, platform, 35), Message("hello"))
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after_seconds >= 1


def reach_of(chat: Chat, seconds: float) -> Reach:
    return Reach(chat.url, allow_private=False, window_scale=chat.window_scale, seconds=seconds)


def test_no_answer_in_time_is_unknown(app: Flask, chat: Chat) -> None:
    chat.faults(slow=1, slow_seconds=1)
    began = time.monotonic()
    outcome = posting.delivered(target_of(chat, "wecom", 36), Message("x"), reach_of(chat, 0.2), int(time.time()))
    assert outcome == Unknown("timed_out")
    assert time.monotonic() - began < 0.9


def test_where_nobody_listens_nothing_can_have_arrived(app: Flask, chat: Chat) -> None:
    reach = Reach("http://127.0.0.1:1", allow_private=False)
    outcome = posting.delivered(target_of(chat, "slack", 1), Message("x"), reach, int(time.time()))
    assert outcome == Unknown("not_connected", may_have_arrived=False)


def test_a_webhook_recognises_a_repeat(app: Flask, chat: Chat) -> None:
    target = target_of(chat, "webhook", 90)
    for key in ("order-1", "order-1", "order-2"):
        assert send(target, Message("x", key=key)) == Sent()
    assert [one["outcome"] for one in chat.book("webhook", 90)] == ["accepted", "repeated", "accepted"]


def test_a_target_without_a_secret_is_posted_unsigned(app: Flask, chat: Chat) -> None:
    target = replace(target_of(chat, "dingtalk", 91), secret="")
    assert send(target, Message("x")) == Refused("wrong_signature", "310000")


def test_what_platforms_answered_is_counted(app: Flask, chat: Chat) -> None:
    from community.platforms.metrics import POSTS

    def count() -> float:
        return sum(one.value for one in next(iter(POSTS.collect())).samples if one.labels == labels)

    labels = {"platform": "slack", "outcome": "sent"}
    before = count()
    send(target_of(chat, "slack", 92), Message("x"))
    assert count() == before + 1
