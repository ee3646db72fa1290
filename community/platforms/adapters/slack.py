"""Slack incoming webhooks: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from community.platforms.adapters.answers import UNREADABLE, by_status
from community.platforms.adapters.base import PostOnly
from community.platforms.adapters.protocol import Answer, Post
from community.platforms.given import Given
from community.platforms.markdown import Style, fitted, read, read_plain
from community.platforms.protocol import Capability, Limits, Message, Outcome, Refused, Sent, Target
from community.platforms.reach import OFFICIAL

TEXT_CHARACTERS = 4000  # what Slack recommends; it cuts at 40,000
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_MARKS = str.maketrans({"*": "∗", "`": "ˋ", "~": "∼"})
_UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")
_REASONS = {
    "wrong_target": {"no_service", "no_service_id", "channel_not_found", "no_team", "team_disabled", "user_not_found",
                     "channel_is_archived"},
    "not_allowed": {"invalid_token", "no_active_hooks", "action_prohibited", "posting_to_general_channel_denied"},
    "too_long": {"msg_too_long", "too_many_attachments"},
}  # fmt: skip
_REASON_OF = {word: reason for reason, words in _REASONS.items() for word in words}


def _plain(text: str) -> str:
    return _UNDERSCORE.sub("＿", text.translate(_ENTITIES).translate(_MARKS))


def _link(words: str, url: str) -> str:
    to = url.translate(_ENTITIES)
    return f"<{to}>" if words == url else f"<{to}|{words}>"


_STYLE = Style(
    plain=_plain, bold="*{}*", code=lambda text: f"`{text.translate(_ENTITIES)}`", link=_link,
    lines={"heading": "*{}*", "item": "• {}", "quote": "> {}"},
)  # fmt: skip
_UNSTYLED = Style(
    plain=lambda text: text.translate(_ENTITIES), bold="{}", code=str,
    link=lambda words, url: url.translate(_ENTITIES), lines={},
)  # fmt: skip


class Slack(PostOnly):
    """A webhook of one channel."""

    capability = Capability(
        platform="slack", name="Slack incoming webhook", markdown=True, image=False, tells_joins=False,
        asks_questions=False, answers_privately=False, recognises_repeats=False,
        limits=Limits(per_minute=60, per_second=1, shared_per_second=None),
        longest_text=TEXT_CHARACTERS, longest_unit="characters", target=("url",), target_options=(),
        notes="A webhook can only post. Joins are told by POST /v1/groups/{id}/members. Pictures only by address.",
    )  # fmt: skip

    def target(self, given: Mapping[str, Any], pointer: str) -> Target:
        """`url`: the webhook."""
        fields = Given(given, ("url",), (), pointer)
        expected = "https://hooks.slack.com/services/T…/B…/…"
        parts = fields.official(OFFICIAL["slack"], r"/(services|workflows|triggers)(/[0-9A-Za-z_]+){2,4}", expected)
        if parts.query:
            raise fields.wrong("url", f"Expected {expected}.")
        return Target("slack", url=fields["url"])

    def posts(self, target: Target, message: Message, at: int) -> list[Post]:
        """One message, without previews of its links."""
        is_plain = message.markdown is None
        lines = read_plain(message.text) if message.markdown is None else read(message.markdown)
        text = fitted(lines, _UNSTYLED if is_plain else _STYLE, TEXT_CHARACTERS, "characters")
        body = {"text": text, "mrkdwn": not is_plain, "unfurl_links": False, "unfurl_media": False}
        return [Post(target.url, orjson.dumps(body))]

    def outcome(self, answer: Answer) -> Outcome:
        """By its word; its status is the fallback."""
        word = answer.body.decode("utf-8", "replace").strip()
        if answer.status == 200:
            return Sent() if word == "ok" else UNREADABLE
        if 400 <= answer.status < 500 and word in _REASON_OF:
            return Refused(_REASON_OF[word], f"http_{answer.status} {word}")
        return by_status(answer)
