"""Discord webhooks: https://docs.discord.com/developers/resources/webhook#execute-webhook. Nobody is ever pinged."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from community.platforms.adapters.answers import UNREADABLE, by_status, document, seconds_of, waiting
from community.platforms.adapters.base import PostOnly
from community.platforms.adapters.multipart import multipart, picture_name
from community.platforms.adapters.protocol import Answer, Post
from community.platforms.given import Given
from community.platforms.markdown import Style, fitted, read, read_plain
from community.platforms.protocol import Capability, Limits, Message, Outcome, Refused, Sent, Target
from community.platforms.reach import OFFICIAL

TEXT_CHARACTERS = 2000
IMAGE_BYTES = 8 * 1024 * 1024
_SUPPRESS_EMBEDS = 1 << 2
_MARKS = re.compile(r"([\\*_~`|<>\[\]()#@:+.-])")
_REASONS = {10015: "wrong_target", 50027: "wrong_target", 10003: "wrong_target", 50013: "not_allowed",
            50001: "not_allowed", 40333: "not_allowed", 50006: "wrong_content", 40005: "too_long"}  # fmt: skip

_STYLE = Style(
    plain=lambda text: _MARKS.sub(r"\\\1", text), bold="**{}**", code=lambda text: f"`{text}`",
    link=lambda words, url: url if words == url else f"[{words}](<{url}>)",
    lines={"heading": "### {}", "item": "- {}", "quote": "> {}"},
)  # fmt: skip


class Discord(PostOnly):
    """A webhook of one channel."""

    capability = Capability(
        platform="discord", name="Discord webhook", markdown=True, image=True, tells_joins=False,
        asks_questions=False, answers_privately=False, recognises_repeats=False,
        limits=Limits(per_minute=30, per_second=2, shared_per_second=None),
        longest_text=TEXT_CHARACTERS, longest_unit="characters", target=("url",), target_options=(),
        notes="A webhook can only post. Joins are told by POST /v1/groups/{id}/members.",
    )  # fmt: skip

    def target(self, given: Mapping[str, Any], pointer: str) -> Target:
        """`url`: the webhook, perhaps with a thread_id."""
        fields = Given(given, ("url",), (), pointer)
        expected = "https://discord.com/api/webhooks/…/…"
        parts = fields.official(OFFICIAL["discord"], r"/api(/v\d+)?/webhooks/\d+/[\w-]+", expected)
        if not re.fullmatch(r"(thread_id=\d+)?", parts.query):
            raise fields.wrong("url", f"Expected {expected}.")
        return Target("discord", url=fields["url"])

    def posts(self, target: Target, message: Message, at: int) -> list[Post]:
        """One message, which the answer tells the id of (`wait`)."""
        lines = read_plain(message.text) if message.markdown is None else read(message.markdown)
        body = orjson.dumps({
            "content": fitted(lines, _STYLE, TEXT_CHARACTERS, "characters"), "allowed_mentions": {"parse": []},
            "flags": _SUPPRESS_EMBEDS,
        })  # fmt: skip
        url = target.url + ("&" if "?" in target.url else "?") + "wait=true"
        if message.image is None or len(message.image) > IMAGE_BYTES:
            return [Post(url, body)]
        parts = [("payload_json", None, body), ("files[0]", picture_name(message.image), message.image)]
        return [Post(url, *multipart(parts), has_picture=True)]

    def outcome(self, answer: Answer) -> Outcome:
        """By status, and by the `code` of a refusal."""
        if answer.status == 204:
            return Sent()
        told = document(answer)
        if answer.status == 200:
            return UNREADABLE if told is None or not isinstance(told.get("id"), str) else Sent(told["id"])
        if answer.status == 429:
            return waiting(seconds_of((told or {}).get("retry_after")) or seconds_of(answer.headers.get("retry-after")))
        code = (told or {}).get("code")
        return by_status(answer) if answer.status >= 500 or type(code) is not int else _refusal(code, answer.body)


def _refusal(code: int, body: bytes) -> Refused:
    if code == 50035:  # some field is not as it should be
        return Refused("too_long" if b"LENGTH" in body else "wrong_content", "50035")
    return Refused(_REASONS.get(code, "other"), str(code))
