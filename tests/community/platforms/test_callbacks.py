"""What platforms tell us: believed only with their signature, and not for long."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from community.platforms.adapters.feishu_events import _opened
from community.platforms.played import targets
from community.platforms.played.calling import Call, feishu_call
from community.platforms.service import ChatEvent, Heard, Target, chat_of, target_from, verify_callback
from core.clock import frozen_at, now
from tests.community.chat import Chat

PLATFORMS = ["telegram", "feishu", "dingtalk"]


def heard(target: Target, call: Call, **headers: str) -> Heard | None:
    return verify_callback(target.platform, target, {**call.headers, **headers}, call.query, call.body)


def told(target: Target, call: Call, **headers: str) -> Any:
    """The events; None where nothing was believed."""
    found = heard(target, call, **headers)
    return None if found is None else found.events


def target_of(chat: Chat, platform: str, number: int = 1) -> Target:
    return target_from(platform, chat.target(platform, number))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_question_is_read(app: Flask, chat: Chat, platform: str) -> None:
    target = target_of(chat, platform)
    call = chat.callback(platform, 1, "question", user="12", name="Ada", text="my earnings", event_id="77")
    [event] = told(target, call)
    assert event.kind == "question"
    assert event.chat == chat_of(target)
    assert event.chat_user == "12"
    assert event.text == "my earnings"
    assert not event.is_private
    assert event.chat_user_name == (None if platform == "feishu" else "Ada")
    assert told(target, call) == [event]  # the same again has the same id
    [other] = told(target, chat.callback(platform, 1, "question", user="12", text="my earnings", event_id="78"))
    assert other.id != event.id


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("kind", ["joined", "left"])
def test_who_comes_and_goes_is_told(app: Flask, chat: Chat, platform: str, kind: str) -> None:
    target = target_of(chat, platform)
    [event] = told(target, chat.callback(platform, 1, kind, user="12", name="Ada"))
    shown = None if platform == "dingtalk" else "Ada"  # whose events name nobody
    assert event == ChatEvent(
        event.id, kind, target.chat, is_private=False, chat_user="12", chat_user_name=shown, text=""
    )


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_private_question_says_so(app: Flask, chat: Chat, platform: str) -> None:
    [event] = told(target_of(chat, platform), chat.callback(platform, 1, "question", text="rank", private=True))
    assert event.is_private


@pytest.mark.parametrize("platform", PLATFORMS)
def test_another_secret_is_not_believed(app: Flask, chat: Chat, platform: str) -> None:
    call = chat.callback(platform, targets.BOTS + 1, "question", text="x")  # of another bot or app
    assert told(target_of(chat, platform), call) is None
    assert told(replace(target_of(chat, platform), callback_secret=""), call) is None
    assert told(replace(target_of(chat, platform), callback_secret=""), Call({}, call.body)) is None


@pytest.mark.parametrize(("platform", "header"), [
    ("telegram", "X-Telegram-Bot-Api-Secret-Token"), ("feishu", "X-Lark-Signature"), ("feishu", "X-Lark-Request-Nonce"),
    ("feishu", "X-Lark-Request-Timestamp"), ("dingtalk", "sign"), ("dingtalk", "timestamp"),
])  # fmt: skip
@pytest.mark.parametrize("value", ["", "0", "1700000000", "é", "abc", "9" * 40])
def test_a_changed_header_is_not_believed(app: Flask, chat: Chat, platform: str, header: str, value: str) -> None:
    call = chat.callback(platform, 1, "question", text="x")
    assert told(target_of(chat, platform), call)
    assert told(target_of(chat, platform), call, **{header: value}) is None


def test_a_changed_body_is_not_believed(app: Flask, chat: Chat) -> None:
    call = chat.callback("feishu", 1, "question", text="x")
    other = chat.callback("feishu", 1, "question", text="y")
    assert told(target_of(chat, "feishu"), Call(call.headers, other.body)) is None


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_old_call_is_not_believed(app: Flask, chat: Chat, platform: str) -> None:
    with frozen_at(now() - timedelta(hours=25)):
        call = chat.callback(platform, 1, "question", text="x")
        assert told(target_of(chat, platform), call)
    assert not told(target_of(chat, platform), call)


@pytest.mark.parametrize("platform", ["wecom", "slack", "discord", "webhook", "apprise"])
def test_who_can_only_be_posted_to_tells_nothing(app: Flask, chat: Chat, platform: str) -> None:
    assert told(target_of(chat, platform), Call({}, b"{}")) is None


def test_a_callback_for_another_platform_is_refused(app: Flask, chat: Chat) -> None:
    call = chat.callback("telegram", 1, "question", text="x")
    assert verify_callback("feishu", target_of(chat, "telegram"), call.headers, {}, call.body) is None


def test_feishu_asks_whether_we_are_there(app: Flask, chat: Chat) -> None:
    asked = {"type": "url_verification", "challenge": "abc", "token": targets.callback_token(1)}
    assert heard(target_of(chat, "feishu"), feishu_call(1, asked)) == Heard([], {"challenge": "abc"})
    assert told(target_of(chat, "feishu"), feishu_call(1, asked | {"token": "other"})) is None
    assert told(target_of(chat, "feishu"), Call({}, orjson.dumps(asked))) is None  # not encrypted: anybody could


def test_an_event_with_another_verification_token_is_refused(app: Flask, chat: Chat) -> None:
    target = target_of(chat, "feishu")
    call = chat.callback("feishu", 1, "question", text="x")
    assert told(replace(target, callback_token="other"), call) is None
    assert told(replace(target, callback_token=""), call)


def test_mentions_of_the_robot_are_left_out(app: Flask, chat: Chat) -> None:
    [event] = told(target_of(chat, "telegram"), chat.callback("telegram", 1, "question", text="@shop_bot my link"))
    assert event.text == "my link"
    [event] = told(target_of(chat, "feishu"), chat.callback("feishu", 1, "question", text="@_user_1 my link"))
    assert event.text == "my link"


def test_robots_are_no_members(app: Flask, chat: Chat) -> None:
    call = chat.callback("telegram", 1, "joined", user="12")
    body = orjson.loads(call.body)
    body["message"]["new_chat_members"][0]["is_bot"] = True
    assert told(target_of(chat, "telegram"), Call(call.headers, orjson.dumps(body))) == []


def test_telegrams_changes_of_members_are_read(app: Flask, chat: Chat) -> None:
    target, call = target_of(chat, "telegram"), chat.callback("telegram", 1, "joined")
    change = {
        "chat": {"id": int(target.chat), "type": "supergroup"}, "date": int(now().timestamp()),
        "old_chat_member": {"status": "left", "user": {"id": 5, "is_bot": False, "first_name": "Bo"}},
        "new_chat_member": {"status": "member", "user": {"id": 5, "is_bot": False, "first_name": "Bo"}},
    }  # fmt: skip
    [event] = told(target, Call(call.headers, orjson.dumps({"update_id": 9, "chat_member": change})))
    assert (event.kind, event.chat_user, event.chat_user_name) == ("joined", "5", "Bo")
    change["old_chat_member"], change["new_chat_member"] = change["new_chat_member"], change["old_chat_member"]
    [event] = told(target, Call(call.headers, orjson.dumps({"update_id": 9, "chat_member": change})))
    assert event.kind == "left"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
OUTER = ["update_id", "message", "chat_member", "header", "event", "text", "msgId", "conversationId", "senderId",
         "type", "token", "encrypt"]  # fmt: skip
INNER = ["chat", "from", "date", "text", "new_chat_members", "event_type", "event_id", "users", "sender", "message",
         "content", "user_id"]  # fmt: skip
SHAPES = st.dictionaries(
    st.sampled_from(OUTER), JSON | st.dictionaries(st.sampled_from(INNER), JSON, max_size=6), max_size=6
)


@given(SHAPES, st.binary(max_size=60))
def test_whatever_is_told_breaks_nothing(shape: dict[str, Any], raw: bytes) -> None:
    from community.platforms.adapters.known import ADAPTERS
    from community.platforms.adapters.protocol import Callback
    from community.platforms.played.calling import made_call

    at = int(now().timestamp())
    for platform in PLATFORMS:
        target = Target(platform, callback_secret=targets.callback_secret(1), chat="-1")
        headers = {name.lower(): value for name, value in made_call(platform, 1, "question").headers.items()}
        body = orjson.dumps(shape, option=orjson.OPT_NON_STR_KEYS) if _is_json(shape) else raw
        for one in (body, raw):
            ADAPTERS[platform].callback(target, Callback(headers, {}, one, at))
        if platform == "feishu" and _is_json(shape):
            call = feishu_call(1, shape)
            lowered = {name.lower(): value for name, value in call.headers.items()}
            ADAPTERS[platform].callback(target, Callback(lowered, {}, call.body, at))


def _is_json(shape: dict[str, Any]) -> bool:
    try:
        orjson.dumps(shape)
    except orjson.JSONEncodeError:  # an integer too large, half of a surrogate pair
        return False
    return True


def test_what_was_locked_with_another_key_is_not_opened() -> None:
    call = feishu_call(1, {"header": {}})
    assert _opened(targets.callback_secret(1), call.body) == {"header": {}}
    assert _opened("another", call.body) is None
