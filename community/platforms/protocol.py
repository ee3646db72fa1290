"""What a chat platform is to the rest of the house: a target, a message, and one of four outcomes; no exception."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Target:
    """Where a group is, and what speaks for us there. Everything but the platform's word stays out of logs."""

    platform: str
    url: str = field(default="", repr=False)  # of a webhook, whole, with its key or token; of apprise its own form
    token: str = field(default="", repr=False)  # of a bot
    chat: str = field(default="", repr=False)  # the platform's id of the chat, where a bot knows several
    secret: str = field(default="", repr=False)  # signs what is posted
    callback_secret: str = field(default="", repr=False)  # checks what the platform tells us
    callback_token: str = field(default="", repr=False)  # a second word that callbacks carry or are signed with
    callback_key: str = field(default="", repr=False)  # opens what callbacks are locked with
    app_id: str = field(default="", repr=False)  # the app that tells events or sends private answers
    app_secret: str = field(default="", repr=False)

    def __str__(self) -> str:
        return repr(self)


@dataclass(frozen=True, slots=True)
class Message:
    """What a group is told.

    `text` is plain and always given. `markdown` says the same in the common form (`community.platforms.markdown`:
    **bold**, `code`, [words](https://…), # heading, - item, > quote, and a backslash before what is meant literally),
    for platforms that can show it. `image`: PNG or JPEG, shown where the platform can. `key` is told to receivers that
    recognise a repeat by it (webhook).
    """

    text: str
    markdown: str | None = None
    image: bytes | None = field(default=None, repr=False)
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform took it. `reference` is its own id of the message, where it gives one; `lacks` is a word for what
    it did not take (image), None when it has all."""

    reference: str | None = None
    lacks: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The platform says no, and will until somebody changes something. `detail`: its number, never its words.

    `reason`: wrong_target (no such robot, chat or webhook) · wrong_signature · not_allowed (kicked, disabled, address
    not listed) · wrong_content (its filter, a keyword it wants, a picture it cannot read) · too_long · not_reachable
    (this person cannot be written to) · not_supported · address_refused (not a public address) · other
    """

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Throttled:
    """A limit is reached or the platform is busy: nothing was posted, later it may be. `is_told`: it said when itself;
    otherwise the time is what its documentation says, scaled by CHAT_WINDOW_SCALE."""

    retry_after_seconds: int
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer that can be read.

    `reason`: timed_out · connection_lost · unreadable_answer · http_5xx (as http_502) · not_connected · not_resolved.
    `may_have_arrived` is False where no byte of the message left: sending it again cannot double it.
    """

    reason: str
    may_have_arrived: bool = True


Outcome = Sent | Refused | Throttled | Unknown


class Limits(NamedTuple):
    """How fast a target takes posts. A post is one HTTP call: `service.posts_of` says how many a message needs."""

    per_minute: int
    per_second: int | None  # of one target
    shared_per_second: int | None  # of all targets of a lane


class Capability(NamedTuple):
    """What a platform can do, honestly."""

    platform: str
    name: str
    markdown: bool
    image: bool
    tells_joins: bool  # once its callbacks are set up
    asks_questions: bool  # callbacks with what people write to the robot
    answers_privately: bool
    recognises_repeats: bool  # the same key twice is shown once, as far as the receiver keeps to it
    limits: Limits
    longest_text: int
    longest_unit: str  # bytes (UTF-8) | characters (UTF-16 units)
    target: tuple[str, ...]  # fields a target must have
    target_options: tuple[str, ...]  # fields it may have
    notes: str


class ChatEvent(NamedTuple):
    """What a platform told us, checked. `id` is the platform's own: the same one twice is the same event."""

    id: str
    kind: str  # joined | left | question
    chat: str  # the platform's id of the chat; of a private talk its own
    is_private: bool
    chat_user: str  # the platform's id of the person
    chat_user_name: str | None  # chosen by that person: escape it
    text: str  # of a question, without the mention of the robot; else empty


class Heard(NamedTuple):
    """A call of a platform that is believed: take the events in, then answer with this JSON object, status 200.

    The answer says what the platform wants to read; it may, without an event, ask whether we are there.
    """

    events: list[ChatEvent]
    answer: Mapping[str, str] = MappingProxyType({})
