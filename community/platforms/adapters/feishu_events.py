"""Events of a Feishu app: AES-256-CBC under the Encrypt Key, signed with it, schema 2.0.

https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
"""

import base64
import binascii
import hashlib
import hmac
import re
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from community.platforms.adapters.protocol import Callback
from community.platforms.protocol import ChatEvent, Heard, Target

CALLBACK_SECONDS = 3600
_MEMBERS = {"im.chat.member.user.added_v1": "joined", "im.chat.member.user.deleted_v1": "left",
            "im.chat.member.user.withdrawn_v1": "left"}  # fmt: skip
_MENTION = re.compile(r"@_user_\d+\s*|@_all\s*")


def events_of(target: Target, told: Callback) -> Heard | None:
    """What an app was told; nothing without an Encrypt Key: only with it are events signed."""
    if not target.callback_secret:
        return None
    event = _opened(target.callback_secret, told.body)
    if event is None:
        return None
    header = _object(event.get("header"))
    token = event.get("token", header.get("token"))
    if target.callback_token and not hmac.compare_digest(str(token).encode(), target.callback_token.encode()):
        return None
    if event.get("type") == "url_verification":  # asked once, without a signature; it could be opened
        return Heard([], {"challenge": str(event.get("challenge", ""))})
    is_signed = _is_signed(target.callback_secret, told)
    return Heard(_read(header, _object(event.get("event")))) if is_signed else None


def signature(encrypt_key: str, timestamp: str, nonce: str, body: bytes) -> str:
    """The hex SHA-256 that Feishu sends along."""
    return hashlib.sha256(f"{timestamp}{nonce}{encrypt_key}".encode() + body).hexdigest()


def _is_signed(key: str, told: Callback) -> bool:
    timestamp, nonce = (told.headers.get(f"x-lark-request-{name}", "") for name in ("timestamp", "nonce"))
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return False
    given = told.headers.get("x-lark-signature", "")
    if not hmac.compare_digest(signature(key, timestamp, nonce, told.body), given.encode("ascii", "replace").decode()):
        return False
    return abs(told.at - int(timestamp)) <= CALLBACK_SECONDS


def _opened(key: str, body: bytes) -> dict[str, Any] | None:
    """The event inside `{"encrypt": …}`; None when it was not locked with this key."""
    try:
        sealed = base64.b64decode(_object(orjson.loads(body)).get("encrypt", ""), validate=True)
        iv, blocks = sealed[:16], sealed[16:]
        opener = Cipher(algorithms.AES256(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).decryptor()
        padded = opener.update(blocks) + opener.finalize()
        unpadder = PKCS7(128).unpadder()
        told = orjson.loads(unpadder.update(padded) + unpadder.finalize())
    except (ValueError, TypeError, binascii.Error):
        return None
    return told if isinstance(told, dict) else None


def _read(header: dict[str, Any], event: dict[str, Any]) -> list[ChatEvent]:
    event_id, kind = str(header.get("event_id", "")), header.get("event_type")
    if not event_id:
        return []
    if kind == "im.message.receive_v1":
        return _question(event_id, event)
    if kind in _MEMBERS and isinstance(event.get("users"), list):
        found = (_member(event_id, _MEMBERS[kind], event, _object(user)) for user in event["users"])
        return [one for one in found if one is not None]
    return []


def _question(event_id: str, event: dict[str, Any]) -> list[ChatEvent]:
    message, sender = _object(event.get("message")), _object(event.get("sender"))
    person = _object(sender.get("sender_id")).get("open_id")
    if message.get("message_type") != "text" or sender.get("sender_type", "user") != "user" or not person:
        return []
    try:
        text = str(_object(orjson.loads(str(message.get("content", "")))).get("text", ""))
    except orjson.JSONDecodeError:
        return []
    chat, is_private = str(message.get("chat_id", "")), message.get("chat_type") == "p2p"
    return [ChatEvent(event_id, "question", chat, is_private, str(person), None, _MENTION.sub("", text).strip())]


def _member(event_id: str, kind: str, event: dict[str, Any], user: dict[str, Any]) -> ChatEvent | None:
    person, name = _object(user.get("user_id")).get("open_id"), user.get("name")
    if not person:
        return None
    shown = name if isinstance(name, str) else None
    person, chat = str(person), str(event.get("chat_id", ""))
    return ChatEvent(
        f"{event_id}:{person}", kind, chat, is_private=False, chat_user=person, chat_user_name=shown, text=""
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
