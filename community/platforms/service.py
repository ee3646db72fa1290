"""Posting to groups' platforms and reading what these tell us. No transaction is open while anything is sent."""

import hashlib
from collections.abc import Mapping
from typing import Any

from community.platforms import posting
from community.platforms.adapters.known import ADAPTERS
from community.platforms.adapters.protocol import Adapter, Callback
from community.platforms.metrics import CALLBACKS
from community.platforms.protocol import (
    Capability,
    ChatEvent,
    Heard,
    Limits,
    Message,
    Outcome,
    Refused,
    Sent,
    Target,
    Throttled,
    Unknown,
)
from community.platforms.reach import reach
from community.platforms.text import cut, inert, literal
from core.clock import now
from core.errors import Invalid

PLATFORMS: dict[str, Capability] = {word: one.capability for word, one in ADAPTERS.items()}
"""What each can do, in the order they are shown."""


def target_from(platform: str, given: Mapping[str, Any], pointer: str = "/target") -> Target:
    """A target from what a caller gave: `PLATFORMS[platform].target` and `.target_options` name its fields.

    Raises:
        Invalid: with pointers below `pointer`, never with a value; at "/platform" for an unknown one.
    """
    if platform not in ADAPTERS:
        raise Invalid.at("/platform", "Must be one of: " + ", ".join(ADAPTERS) + ".")
    return ADAPTERS[platform].target(given, pointer)


def target_json(target: Target) -> dict[str, str]:
    """Everything of a target, to be sealed: it holds secrets."""
    return {name: value for name in Target.__dataclass_fields__ if (value := str(getattr(target, name)))}


def target_of_json(sealed: Mapping[str, str]) -> Target:
    """The reverse of `target_json`."""
    return Target(**sealed)


def masked_target(target: Target) -> str:
    """What of a target may be shown."""
    return _adapter(target).masked(target)


def send(target: Target, message: Message) -> Outcome:
    """Post a message. Whatever happens is an outcome; a failure of the way is Unknown."""
    return posting.delivered(target, message, reach(), _seconds())


def posts_of(target: Target, message: Message) -> int:
    """How many posts a message costs of the target's limits: 1, or 2 where a picture is one of its own."""
    if message.image is None or target.platform not in {"wecom", "telegram"}:
        return 1
    return len(ADAPTERS[target.platform].posts(target, message, 0))


def limits_of(platform: str) -> Limits:
    """How fast a target of this platform takes posts, at a window scale of 1."""
    return PLATFORMS[platform].limits


def window_scale() -> float:
    """How much shorter minutes and seconds of limits are here: 1, but with CHAT_URL as CHAT_WINDOW_SCALE says."""
    return reach().window_scale


def longest_text(platform: str) -> int:
    """Of `Message.text`, in `PLATFORMS[platform].longest_unit`; longer ones are cut with an ellipsis."""
    return PLATFORMS[platform].longest_text


def cut_to(platform: str, text: str) -> str:
    """A text as long as the platform takes, whole characters, an ellipsis at its end where something is missing."""
    return cut(text, longest_text(platform), PLATFORMS[platform].longest_unit)


def escape(platform: str, text: str, markdown: bool) -> str:
    """A member's text for `Message.text` (markdown False) or `Message.markdown` (True), on any platform.

    It shows what the member wrote on one line, with lookalikes for what a platform would act on: no mention (@all,
    <@…>, <users/all>), link, command or tag comes of it, and in markdown every character is literal.
    """
    if platform not in ADAPTERS:
        raise ValueError("no such platform")
    shown = inert(text)
    return literal(shown) if markdown else shown


def shared_lane_of(target: Target) -> str | None:
    """A hash of what several targets share and are limited by together (a Telegram bot); None where they do not."""
    lane = _adapter(target).lane(target)
    return None if lane is None else hashlib.sha256(f"{target.platform}\0{lane}".encode()).hexdigest()[:32]


def chat_of(target: Target) -> str | None:
    """The platform's id of the target's chat, to be compared with `ChatEvent.chat`; None where it is not known."""
    return target.chat or None


def verify_callback(
    platform: str, target: Target, headers: Mapping[str, str], query: Mapping[str, str], body: bytes
) -> Heard | None:
    """What a platform told us, if it was it: signature or secret checked, not too old.

    None: it was not, do nothing and let nobody learn why. Events may concern another chat of the same bot (`chat_of`),
    and any may come again: their id says so.
    """
    if target.platform != platform:
        return None
    lowered = {name.lower(): value for name, value in headers.items()}
    found = _adapter(target).callback(target, Callback(lowered, query, body, _seconds()))
    CALLBACKS.labels(platform, "refused" if found is None else "taken").inc()
    return found


def reply_privately(target: Target, chat_user: str, text: str) -> Outcome:
    """Write to one person alone, as a plain text. Refused("not_supported") where the platform has no way that the
    group does not read, Refused("not_reachable") where this person has not allowed it."""
    found = reach()
    outcome = _adapter(target).privately(target, chat_user, text, posting.exchange(target.platform, found))
    return posting.scaled(outcome, found)


def _adapter(target: Target) -> Adapter:
    return ADAPTERS[target.platform]


def _seconds() -> int:
    return int(now().timestamp())


__all__ = [
    "PLATFORMS", "Capability", "ChatEvent", "Heard", "Limits", "Message", "Outcome", "Refused", "Sent", "Target",
    "Throttled", "Unknown", "chat_of", "cut_to", "escape", "limits_of", "longest_text", "masked_target", "posts_of",
    "reply_privately", "send", "shared_lane_of", "target_from", "target_json", "target_of_json",
    "verify_callback", "window_scale",
]  # fmt: skip
