"""Calls of a callback address as the platform makes them: signed, encrypted, in its own words."""

import base64
import hashlib
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx
import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from community.platforms.played import dingtalk_events, targets
from community.platforms.played.replies import Reply, told
from community.platforms.played.ruling import document, signed
from core.clock import now

KINDS = ("joined", "left", "question", "check_url")
_SECONDS = 10


class Call(NamedTuple):
    """What is sent to the callback address."""

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = MappingProxyType({})


def call(parts: Sequence[str], asked: Mapping[str, Any]) -> Reply | Callable[[], Reply]:
    """`{platform}/{n}/{kind}`: make the call, which waits for an answer."""
    if len(parts) != 3 or parts[0] not in _CALLS or not parts[1].isdecimal() or parts[2] not in KINDS:
        return told({"error": "expected /play/{telegram|feishu|dingtalk}/{n}/{joined|left|question|check_url}"}, 404)
    platform, number, kind = parts[0], int(parts[1]), parts[2]
    url = asked.get("callback_url")
    if not isinstance(url, str) or (platform != "dingtalk" and kind == "check_url"):
        return told({"error": "no callback_url, or nothing that this platform tells"}, 422)
    person = {name: asked[name] for name in ("user", "name", "text", "private", "event_id") if name in asked}
    made = made_call(platform, number, kind, **person)

    def make() -> Reply:
        query = dict(made.query) or None
        answer = httpx.post(
            url, params=query, content=made.body, headers=dict(made.headers), timeout=_SECONDS, trust_env=False
        )  # fmt: skip
        shown: dict[str, Any] = {"status": answer.status_code, "body": answer.text}
        if query:
            shown["is_success"] = dingtalk_events.is_success(number, document(answer.content))
        return told(shown)

    return make


def made_call(  # noqa: PLR0913 -- each is a fact of the event
    platform: str, number: int, kind: str, *, user: str = "1", name: str = "Ada", text: str = "",
    private: bool = False, event_id: str = "",
) -> Call:  # fmt: skip
    """The call that tells of an event in the chat of target `number`."""
    event_id = event_id or str(secrets.randbelow(10**9))
    return _CALLS[platform](_Event(number, kind, user, name, text, private, event_id))


class _Event(NamedTuple):
    number: int
    kind: str
    user: str
    name: str
    text: str
    private: bool
    event_id: str


def _telegram(event: _Event) -> Call:
    person = {"id": int(event.user), "is_bot": False, "first_name": event.name}
    chat = {"id": int(event.user), "type": "private"} if event.private else {
        "id": int(targets.chat_id("telegram", event.number)), "type": "supergroup"}  # fmt: skip
    message: dict[str, Any] = {"message_id": 1, "date": _now(), "chat": chat, "from": person}
    if event.kind == "question":
        message["text"] = event.text
    else:
        message |= {"new_chat_members": [person]} if event.kind == "joined" else {"left_chat_member": person}
    body = orjson.dumps({"update_id": int(event.event_id), "message": message})
    secret = targets.callback_secret(event.number)
    return Call({"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": secret}, body)


def _feishu(event: _Event) -> Call:
    chat = f"oc_p2p_{event.user}" if event.private else targets.chat_id("feishu", event.number)
    person = {"open_id": event.user, "user_id": None}
    if event.kind == "question":
        kind = "im.message.receive_v1"
        content = orjson.dumps({"text": event.text}).decode()
        told_event: dict[str, Any] = {
            "sender": {"sender_id": person, "sender_type": "user"},
            "message": {"message_id": f"om_{event.event_id}", "chat_id": chat, "message_type": "text",
                        "chat_type": "p2p" if event.private else "group", "content": content},
        }  # fmt: skip
    else:
        kind = f"im.chat.member.user.{'added' if event.kind == 'joined' else 'deleted'}_v1"
        told_event = {"chat_id": chat, "users": [{"name": event.name, "user_id": person}]}
    header = {"event_id": event.event_id, "event_type": kind, "create_time": str(_now() * 1000),
              "token": targets.callback_token(event.number),
              "app_id": f"cli_{event.number // targets.BOTS}"}  # fmt: skip
    return feishu_call(event.number, {"schema": "2.0", "header": header, "event": told_event})


def feishu_call(number: int, event: Mapping[str, Any]) -> Call:
    """Any event of the app, encrypted and signed."""
    key = targets.callback_secret(number)
    body = orjson.dumps({"encrypt": _locked(key, orjson.dumps(event))})
    timestamp, nonce = str(_now()), secrets.token_hex(8)
    sign = hashlib.sha256((timestamp + nonce + key).encode() + body).hexdigest()
    headers = {"Content-Type": "application/json", "X-Lark-Request-Timestamp": timestamp,
               "X-Lark-Request-Nonce": nonce, "X-Lark-Signature": sign}  # fmt: skip
    return Call(headers, body)


def _locked(key: str, content: bytes) -> str:
    padder, iv = PKCS7(128).padder(), os.urandom(16)
    locker = Cipher(algorithms.AES256(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    padded = padder.update(content) + padder.finalize()
    return base64.b64encode(iv + locker.update(padded) + locker.finalize()).decode()


def dingtalk_call(number: int, event: Mapping[str, Any], **wrong: Any) -> Call:
    """Any event of the app, locked and signed; `wrong` as `dingtalk_events.pushed` takes it."""
    query, body = dingtalk_events.pushed(number, orjson.dumps(event), **wrong)
    return Call({"Content-Type": "application/json"}, body, query)


def _dingtalk(event: _Event) -> Call:
    if event.kind != "question":
        return dingtalk_call(event.number, dingtalk_events.event_of(event.number, event.kind, event.user.split(",")))
    timestamp, secret = str(_now() * 1000), targets.callback_secret(event.number)
    body = {
        "msgtype": "text", "msgId": f"msg{event.event_id}", "conversationType": "1" if event.private else "2",
        "conversationId": targets.chat_id("dingtalk", event.number), "senderStaffId": event.user,
        "senderId": f"$:LWCP_v1:${event.user}", "senderNick": event.name, "text": {"content": f" {event.text}"},
    }  # fmt: skip
    headers = {"Content-Type": "application/json", "timestamp": timestamp,
               "sign": signed(secret, f"{timestamp}\n{secret}")}  # fmt: skip
    return Call(headers, orjson.dumps(body))


def _now() -> int:
    return int(now().timestamp())


_CALLS: Mapping[str, Callable[[_Event], Call]] = {"telegram": _telegram, "feishu": _feishu, "dingtalk": _dingtalk}
