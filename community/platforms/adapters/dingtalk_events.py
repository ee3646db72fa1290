"""Events that DingTalk pushes to an app (事件订阅, HTTP): AES-256-CBC under its aes_key, signed with its token.

https://open.dingtalk.com/document/orgapp/configure-event-subcription. Who comes to a chat and leaves it is told here;
each call wants to read "success", locked and signed the same way.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from community.platforms.adapters.answers import document
from community.platforms.adapters.protocol import Answer, Callback
from community.platforms.protocol import ChatEvent, Heard, Target

CALLBACK_SECONDS = 3600
SIGNATURES = ("msg_signature", "signature")  # both words are in use
_BLOCK_BITS = 256  # padded to 32 bytes, though AES has blocks of 16
_RANDOM, _LENGTH = 16, 4
_MEMBERS = {"chat_add_member": "joined", "chat_remove_member": "left", "chat_quit": "left"}


def events_of(target: Target, told: Callback) -> Heard | None:
    """What an app was told; nothing without all three of token, key and the app's own key."""
    locked = (document(Answer(200, {}, told.body)) or {}).get("encrypt")
    if not (target.callback_token and target.callback_key and target.app_id and isinstance(locked, str)):
        return None
    if not _is_signed(target.callback_token, told, locked):
        return None
    event = _opened(target, locked)
    if event is None:
        return None
    return Heard(_read(target, event, told.query["timestamp"]), _success(target, told.at))


def signature(token: str, timestamp: str, nonce: str, locked: str) -> str:
    """The hex SHA-1 of the four, sorted."""
    content = "".join(sorted([token, timestamp, nonce, locked])).encode("utf-8", "replace")
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()  # as DingTalk wants it


def _is_signed(token: str, told: Callback, locked: str) -> bool:
    given = next((told.query[word] for word in SIGNATURES if told.query.get(word)), "")
    timestamp, nonce = told.query.get("timestamp", ""), told.query.get("nonce", "")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 15):
        return False
    expected = signature(token, timestamp, nonce, locked)
    if not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        return False
    return abs(told.at - int(timestamp) // 1000) <= CALLBACK_SECONDS


def _cipher(target: Target) -> Cipher[modes.CBC]:
    key = base64.b64decode(target.callback_key + "=")
    return Cipher(algorithms.AES256(key), modes.CBC(key[:16]))


def _opened(target: Target, locked: str) -> dict[str, Any] | None:
    """The event: after 16 random bytes and its length, before the app's key; None when it is not this app's."""
    try:
        opener, unpadder = _cipher(target).decryptor(), PKCS7(_BLOCK_BITS).unpadder()
        padded = opener.update(base64.b64decode(locked, validate=True)) + opener.finalize()
        content = (unpadder.update(padded) + unpadder.finalize())[_RANDOM:]
        ends = _LENGTH + int.from_bytes(content[:_LENGTH], "big")
        event = orjson.loads(content[_LENGTH:ends])
    except (ValueError, binascii.Error):
        return None
    is_ours = hmac.compare_digest(content[ends:], target.app_id.encode())
    return event if is_ours and isinstance(event, dict) else None


def _success(target: Target, at: int) -> dict[str, str]:
    content = b"success"
    length = len(content).to_bytes(_LENGTH, "big")
    padder, locker = PKCS7(_BLOCK_BITS).padder(), _cipher(target).encryptor()
    padded = padder.update(secrets.token_hex(_RANDOM // 2).encode() + length + content + target.app_id.encode())
    locked = base64.b64encode(locker.update(padded + padder.finalize()) + locker.finalize()).decode()
    timestamp, nonce = str(at * 1000), secrets.token_hex(8)
    sign = signature(target.callback_token, timestamp, nonce, locked)
    return {"msg_signature": sign, "timeStamp": timestamp, "nonce": nonce, "encrypt": locked}


def _read(target: Target, event: dict[str, Any], pushed_at: str) -> list[ChatEvent]:
    """One for each person; whatever else an app subscribed to is heard and left alone."""
    kind = _MEMBERS.get(str(event.get("EventType", "")))
    chat = _chat(target, event)
    if kind is None or not chat:
        return []
    return [
        ChatEvent(_id(event, person, pushed_at), kind, chat, is_private=False, chat_user=person, chat_user_name=None,
                  text="")
        for person in _people(event)
    ]  # fmt: skip


def _chat(target: Target, event: dict[str, Any]) -> str:
    """A chat has two names, and older events only the second: the target's own is understood as either."""
    names = [str(event[name]) for name in ("OpenConversationId", "ChatId") if event.get(name)]
    return target.chat if target.chat in names else next(iter(names), "")


def _people(event: dict[str, Any]) -> list[str]:
    """Each once. Who quits is named as the one who did it."""
    given = event.get("UserId") or (event.get("Operator") if event.get("EventType") == "chat_quit" else None)
    named = given if isinstance(given, list) else [given]
    return list(dict.fromkeys(one for one in named if isinstance(one, str) and one))


def _id(event: dict[str, Any], person: str, pushed_at: str) -> str:
    """The event's own, or what it says, which is the same when it is told again."""
    told = [event.get(name) for name in ("CorpId", "ChatId", "OpenConversationId", "EventType")]
    unique = event.get("EventId") or [*told, event.get("TimeStamp") or pushed_at]
    return orjson.dumps([unique, person]).decode()
