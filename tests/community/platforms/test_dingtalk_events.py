"""Events of a DingTalk app: opened and believed only whole, ours and fresh; "success" comes back locked."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from community.platforms.adapters.dingtalk_events import SIGNATURES
from community.platforms.played import targets
from community.platforms.played.calling import Call, dingtalk_call
from community.platforms.played.dingtalk_events import event_of, is_success, pushed
from community.platforms.service import ChatEvent, Heard, Target, target_from, verify_callback
from core.clock import frozen_at, now

HOUR = 3600 * 1000


def heard(call: Call, target: Target | None = None, **query: str) -> Heard | None:
    target = ours() if target is None else target
    return verify_callback("dingtalk", target, call.headers, {**call.query, **query}, call.body)


def ours(number: int = 1) -> Target:
    return target_from("dingtalk", targets.given("dingtalk", number, ""))


def told(event: dict[str, Any], target: Target | None = None, **query: str) -> list[ChatEvent]:
    found = heard(dingtalk_call(1, event), target, **query)
    assert found is not None
    return found.events


def joined(*users: str, **more: Any) -> dict[str, Any]:
    return event_of(1, "joined", list(users or ("ada",))) | more


def test_it_asks_whether_we_are_there_and_can_read_the_answer(app: Flask) -> None:
    found = heard(dingtalk_call(1, event_of(1, "check_url", [])))
    assert found is not None
    assert found.events == []
    assert is_success(1, found.answer)
    assert not is_success(targets.BOTS + 1, found.answer)  # another app's token and key
    assert not is_success(1, {**found.answer, "nonce": "x"})


def test_no_two_answers_are_locked_alike(app: Flask) -> None:
    call = dingtalk_call(1, joined())
    first, second = heard(call), heard(call)
    assert first is not None
    assert second is not None
    assert is_success(1, first.answer)
    assert is_success(1, second.answer)
    assert first.answer["encrypt"] != second.answer["encrypt"]


def test_several_who_come_at_once_are_several_events(app: Flask) -> None:
    events = told(joined("ada", "bo", "ada"))
    assert [(one.kind, one.chat, one.chat_user) for one in events] == [
        ("joined", ours().chat, "ada"), ("joined", ours().chat, "bo"),
    ]  # fmt: skip
    assert len({one.id for one in events}) == 2


def test_who_is_removed_and_who_quits_has_left(app: Flask) -> None:
    quits = {name: value for name, value in joined(Operator="ada").items() if name != "UserId"}
    for event in (joined(EventType="chat_remove_member"), quits | {"EventType": "chat_quit"},
                  joined(EventType="chat_quit", UserId="ada")):  # fmt: skip
        assert [(one.kind, one.chat_user) for one in told(event)] == [("left", "ada")]
    assert told(quits) == []  # who added somebody is not the one who came


@pytest.mark.parametrize("kind", ["chat_update_title", "chat_disband", "user_add_org", "", None, 7])
def test_other_events_are_answered_and_left_alone(app: Flask, kind: Any) -> None:
    found = heard(dingtalk_call(1, joined(EventType=kind)))
    assert found is not None
    assert found.events == []
    assert is_success(1, found.answer)


def test_the_same_told_again_has_the_same_id_and_another_has_not(app: Flask) -> None:
    [event] = told(joined(TimeStamp=1))
    assert told(joined(TimeStamp=1)) == [event]  # pushed anew, under a new signature
    others = [
        joined(TimeStamp=2), joined(TimeStamp=1, CorpId="x"), joined("bo", TimeStamp=1),
        joined(TimeStamp=1, EventType="chat_quit"), joined(TimeStamp=1, EventId="e1"), joined(EventId="e2"),
    ]  # fmt: skip
    ids = [told(other)[0].id for other in others]
    assert len({event.id, *ids}) == len(ids) + 1
    assert told(joined(EventId="e1", TimeStamp=5))[0].id == told(joined(EventId="e1", TimeStamp=6))[0].id


def test_a_chat_goes_by_either_of_its_names(app: Flask) -> None:
    old = {name: value for name, value in joined().items() if name != "OpenConversationId"}
    by_old_name = replace(ours(), chat=str(old["ChatId"]))
    assert [one.chat for one in told(old, by_old_name) + told(joined(), by_old_name)] == [by_old_name.chat] * 2
    assert told(joined())[0].chat == ours().chat
    assert told(old)[0].chat == old["ChatId"] != ours().chat  # then it is another chat, for all that we know
    assert told(joined(ChatId="", OpenConversationId=None)) == []


@pytest.mark.parametrize("word", SIGNATURES)
@pytest.mark.parametrize("value", ["", "0", "é", "f" * 40])
def test_a_wrong_signature_is_not_believed(app: Flask, word: str, value: str) -> None:
    query, body = pushed(1, orjson.dumps(joined()))
    given = query.pop("signature")
    assert heard(Call({}, body, query | {word: given})) is not None  # under both words
    assert heard(Call({}, body, query | {word: value})) is None
    assert heard(Call({}, body, query)) is None


@pytest.mark.parametrize("word", ["timestamp", "nonce"])
@pytest.mark.parametrize("value", ["", "0", "1700000000000", "é", "abc", "9" * 40, "²"])
def test_a_changed_query_is_not_believed(app: Flask, word: str, value: str) -> None:
    call = dingtalk_call(1, joined())
    assert heard(call) is not None
    assert heard(Call(call.headers, call.body, {**call.query, word: value})) is None


def test_an_old_push_is_not_believed(app: Flask) -> None:
    call = dingtalk_call(1, joined())
    for late, is_believed in ((3500, True), (3700, False), (-3700, False)):
        with frozen_at(now() + timedelta(seconds=late)):
            assert (heard(call) is not None) == is_believed
    at = int(now().timestamp() * 1000)
    for wrong in (at - 2 * HOUR, at + 2 * HOUR, at // 1000, 0):
        assert heard(dingtalk_call(1, joined(), at=wrong)) is None


def test_another_apps_push_is_not_believed(app: Flask) -> None:
    assert heard(dingtalk_call(targets.BOTS + 1, joined())) is None
    for owner in ("", "dingother", targets.app_key(1) + "x", targets.app_key(1)[:-1], "é"):
        assert heard(dingtalk_call(1, joined(), owner=owner)) is None  # well signed and well locked, but not ours
    for part in ("callback_token", "callback_key", "app_id"):
        assert heard(dingtalk_call(1, joined()), replace(ours(), **{part: ""})) is None


@pytest.mark.parametrize("padding", [0, 1, 30, 32, 33, 255])
def test_a_wrong_padding_is_not_believed(app: Flask, padding: int) -> None:
    content = b'{"EventType":"check_url"}'  # with the owner's 20 bytes, 16 and 4 it lacks 31 of whole blocks
    for byte, is_believed in ((padding, False), (31, True)):
        query, body = pushed(1, content, padding=byte)
        assert (heard(Call({}, body, query)) is not None) == is_believed


@pytest.mark.parametrize("length", [0, 15, 16, 32, 48])
def test_a_truncated_push_is_not_believed(app: Flask, length: int) -> None:
    """Signed anew, as only who knows the token could."""
    _, body = pushed(1, orjson.dumps(joined()))
    cut = base64.b64encode(base64.b64decode(orjson.loads(body)["encrypt"])[:length]).decode()
    assert heard(_signed(cut)) is None


@pytest.mark.parametrize("locked", ["", "é", "not base64!", "====", "A" * 64], ids=repr)
def test_what_cannot_be_opened_is_not_believed(app: Flask, locked: str) -> None:
    assert heard(_signed(locked)) is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"encrypt":7}', b'{"encrypt":null}', b"\xff"])
def test_what_is_no_push_is_not_believed(app: Flask, body: bytes) -> None:
    assert heard(Call({}, body, dingtalk_call(1, joined()).query)) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"{", b"\xff"])
def test_what_is_no_event_is_not_believed(app: Flask, content: bytes) -> None:
    query, body = pushed(1, content)
    assert heard(Call({}, body, query)) is None


def test_a_question_is_not_read_where_an_event_was_signed(app: Flask) -> None:
    """Each has its own signature: one of them does not open the other."""
    from community.platforms.played.calling import made_call

    question = made_call("dingtalk", 1, "question", text="x")
    assert heard(question) is not None
    assert heard(question, signature="x") is None
    assert heard(dingtalk_call(1, joined())._replace(query={})) is None


NAMES = ["EventType", "UserId", "ChatId", "OpenConversationId", "TimeStamp", "EventId", "CorpId", "Operator"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.sampled_from(["chat_add_member", "chat_quit", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_whatever_an_event_says_breaks_nothing(event: dict[str, Any]) -> None:
    from community.platforms.adapters.dingtalk_events import events_of
    from community.platforms.adapters.protocol import Callback

    call = dingtalk_call(1, event)
    found = events_of(ours(), Callback({}, call.query, call.body, int(now().timestamp())))
    assert found is not None
    assert is_success(1, found.answer)
    assert all(one.chat_user and one.chat for one in found.events)


def _signed(locked: str) -> Call:
    from community.platforms.adapters.dingtalk_events import signature

    timestamp = str(int(now().timestamp() * 1000))
    sign = signature(targets.event_token(1), timestamp, "n", locked)
    return Call({}, orjson.dumps({"encrypt": locked}), {"timestamp": timestamp, "nonce": "n", "msg_signature": sign})
