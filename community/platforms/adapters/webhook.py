"""A receiver of the shop's own, signed by the Standard Webhooks scheme (https://www.standardwebhooks.com)."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from community.platforms.adapters.answers import by_status
from community.platforms.adapters.base import PostOnly
from community.platforms.adapters.protocol import Answer, Post
from community.platforms.given import Given
from community.platforms.protocol import Capability, Limits, Message, Outcome, Refused, Sent, Target
from community.platforms.reach import reach
from community.platforms.text import cut

TEXT_CHARACTERS = 20_000
IMAGE_BYTES = 2 * 1024 * 1024


class Webhook(PostOnly):
    """Any public https address that checks signatures."""

    capability = Capability(
        platform="webhook", name="Signed webhook (Standard Webhooks)", markdown=True, image=True, tells_joins=False,
        asks_questions=False, answers_privately=False, recognises_repeats=True,
        limits=Limits(per_minute=600, per_second=10, shared_per_second=None),
        longest_text=TEXT_CHARACTERS, longest_unit="characters", target=("url", "secret"), target_options=(),
        notes="POST of {type, timestamp, data: {text, markdown, image}} with webhook-id, webhook-timestamp and "
        "webhook-signature; a message sent again has the same webhook-id. The markdown is the common form, the image "
        "base64. Any 2xx is success, 410 ends it, 429 and 503 with Retry-After are waited for.",
    )  # fmt: skip

    def target(self, given: Mapping[str, Any], pointer: str) -> Target:
        """`url`, https and public; `secret`: whsec_ and base64 of 24 to 64 bytes."""
        fields = Given(given, ("url", "secret"), (), pointer)
        parts = fields.address("url")
        if parts.scheme != "https" and not reach().may_be_private(fields["url"]):
            raise fields.wrong("url", "Expected an https address.")
        if not 24 <= len(_key(fields["secret"]) or b"") <= 64:
            raise fields.wrong("secret", "Expected whsec_ and the base64 of 24 to 64 bytes.")
        return Target("webhook", url=fields["url"], secret=fields["secret"])

    def masked(self, target: Target) -> str:
        """Where it leads, without its path."""
        return re.sub(r"^(https?://[^/?]+).*", r"\1/…", target.url)

    def posts(self, target: Target, message: Message, at: int) -> list[Post]:
        """One message."""
        image = message.image if message.image is not None and len(message.image) <= IMAGE_BYTES else None
        body = orjson.dumps({
            "type": "group.message", "timestamp": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
            "data": {
                "text": cut(message.text, TEXT_CHARACTERS, "characters"), "markdown": message.markdown,
                "image": None if image is None else base64.b64encode(image).decode(),
            },
        })  # fmt: skip
        told_id = _id_of(message.key)
        return [Post(target.url, body, {
            "Content-Type": "application/json", "webhook-id": told_id, "webhook-timestamp": str(at),
            "webhook-signature": signature(target.secret, told_id, at, body),
        }, has_picture=image is not None)]  # fmt: skip

    def outcome(self, answer: Answer) -> Outcome:
        """By status."""
        if 200 <= answer.status < 300:
            return Sent()
        if answer.status == 503 and "retry-after" in answer.headers:
            return by_status(answer._replace(status=429))
        if answer.status == 401:
            return Refused("wrong_signature", "http_401")
        return by_status(answer)


def signature(secret: str, message_id: str, seconds: int, body: bytes) -> str:
    """`v1,` and base64(HMAC-SHA256(key, "id.timestamp.body"))."""
    signed = hmac.new(_key(secret) or b"", f"{message_id}.{seconds}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed.digest()).decode()


def _key(secret: str) -> bytes | None:
    prefix, _, encoded = secret.partition("_")
    try:
        return base64.b64decode(encoded, validate=True) if prefix == "whsec" else None
    except binascii.Error:
        return None


def _id_of(key: str | None) -> str:
    return "msg_" + (secrets.token_hex(16) if key is None else hashlib.sha256(key.encode()).hexdigest()[:32])
