"""What every adapter answers. All but the sending of apprise is pure: `posts` says what to post, `outcome` reads."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from community.platforms.protocol import Capability, Heard, Message, Outcome, Refused, Target, Unknown

JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json; charset=utf-8"}


class Post(NamedTuple):
    """One HTTP call, a POST but for apprise. `url` is the official one; `posting` leads it to where it goes."""

    url: str
    body: bytes
    headers: Mapping[str, str] = JSON_HEADERS
    has_picture: bool = False
    method: str = "POST"


class Answer(NamedTuple):
    """An answer that arrived whole. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Callback(NamedTuple):
    """What was sent to us. Header names in lower case; `at`: our clock in whole seconds."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    at: int


Exchange = Callable[[Post], Answer | Refused | Unknown]
"""Carries out a post."""


class Adapter(Protocol):
    """A platform."""

    capability: Capability

    def target(self, given: Mapping[str, Any], pointer: str) -> Target:
        """A target from what a caller gave. Raises: Invalid with pointers below `pointer`."""

    def masked(self, target: Target) -> str:
        """What of a target may be shown: enough to recognise it, too little to use it."""

    def posts(self, target: Target, message: Message, at: int) -> list[Post]:
        """What to post, in order; the first carries the text. `at`: seconds, for signatures."""

    def deliver(self, target: Target, message: Message, at: int, exchange: Exchange) -> Outcome:
        """Post all of it; once the text has arrived it is Sent, whatever became of the picture."""

    def outcome(self, answer: Answer) -> Outcome:
        """What an answer to a post means."""

    def lane(self, target: Target) -> str | None:
        """What several targets share and are limited by together; never shown."""

    def callback(self, target: Target, told: Callback) -> Heard | None:
        """What was told; None when it is not authentic, or too old to be."""

    def privately(self, target: Target, chat_user: str, text: str, exchange: Exchange) -> Outcome:
        """Write to one person alone."""
