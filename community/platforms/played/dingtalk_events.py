"""DingTalk's side of an app's event subscription: events are pushed locked and signed, "success" must come back so."""

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from community.platforms.played import targets
from core.clock import now

TYPES = {"joined": "chat_add_member", "left": "chat_remove_member", "check_url": "check_url"}
_PADDED_TO = 32


def event_of(number: int, kind: str, users: list[str]) -> dict[str, Any]:
    """What is told of people in the chat of target `number`; `check_url` only asks whether somebody is there."""
    if kind == "check_url":
        return {"EventType": TYPES[kind]}
    return {
        "EventType": TYPES[kind], "TimeStamp": _milliseconds(), "CorpId": f"dingcorp{number // targets.BOTS}",
        "ChatId": f"chat{number:032d}", "OpenConversationId": targets.chat_id("dingtalk", number),
        "UserId": users, "Operator": "manager",
    }  # fmt: skip


def pushed(
    number: int, content: bytes, *, owner: str | None = None, padding: int | None = None, at: int | None = None
) -> tuple[dict[str, str], bytes]:  # fmt: skip
    """The query and the body of a push; `owner`, the byte `padding` and `at` (milliseconds) may be other than due."""
    plain = os.urandom(16) + len(content).to_bytes(4, "big") + content
    plain += (targets.app_key(number) if owner is None else owner).encode()
    missing = _PADDED_TO - len(plain) % _PADDED_TO
    locker = _cipher(number).encryptor()
    locked = locker.update(plain + bytes([missing if padding is None else padding]) * missing) + locker.finalize()
    told = base64.b64encode(locked).decode()
    timestamp, nonce = str(_milliseconds() if at is None else at), secrets.token_hex(4)
    query = {"signature": _sign(number, timestamp, nonce, told), "timestamp": timestamp, "nonce": nonce}
    return query, orjson.dumps({"encrypt": told})


def is_success(number: int, answer: Any) -> bool:
    """Whether the answer to a push says "success", signed with the app's token and locked with its key."""
    words = ("timeStamp", "nonce", "encrypt", "msg_signature")
    if not isinstance(answer, Mapping) or not all(isinstance(answer.get(word), str) for word in words):
        return False
    timestamp, nonce, locked, given = (answer[word] for word in words)
    if given != _sign(number, timestamp, nonce, locked):
        return False
    opener, unpadder = _cipher(number).decryptor(), PKCS7(_PADDED_TO * 8).unpadder()
    try:
        padded = opener.update(base64.b64decode(locked)) + opener.finalize()
        content = (unpadder.update(padded) + unpadder.finalize())[16:]
    except (ValueError, binascii.Error):
        return False
    return content == len(b"success").to_bytes(4, "big") + b"success" + targets.app_key(number).encode()


def _cipher(number: int) -> Cipher[modes.CBC]:
    key = base64.b64decode(targets.event_aes_key(number) + "=")
    return Cipher(algorithms.AES256(key), modes.CBC(key[:16]))


def _sign(number: int, timestamp: str, nonce: str, locked: str) -> str:
    parts = sorted([targets.event_token(number), timestamp, nonce, locked])
    return hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()


def _milliseconds() -> int:
    return int(now().timestamp() * 1000)
