"""What WeChat is to the rest of the house. Whatever it does is one of these outcomes, no exception."""

from dataclasses import dataclass, field
from typing import Protocol

SCENE_LONGEST = 32
CODE_WIDTHS = (280, 1280)
QUERY_LONGEST = 1024
LINK_MOST_DAYS = 30


@dataclass(frozen=True, slots=True)
class MiniProgram:
    """Whose links are made. Its secret stays out of logs and tracebacks."""

    app_id: str
    app_secret: str = field(repr=False)
    env_version: str  # release | trial | develop


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Admits to the other calls for so long."""

    token: str = field(repr=False)
    seconds: int


@dataclass(frozen=True, slots=True)
class UrlLink:
    """An https address that opens the mini-program."""

    url: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A mini-program code as WeChat drew it: PNG or JPEG."""

    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SubscribeMessage:
    """One message that a person of the mini-program agreed to get, in the fields of one of its templates."""

    open_id: str = field(repr=False)
    template_id: str
    page: str | None
    language: str  # zh | en
    fields: dict[str, str] = field(repr=False)  # WeChat's keyword, as thing1, and what stands there


@dataclass(frozen=True, slots=True)
class MessageSent:
    """WeChat took the message. It used up one consent."""


@dataclass(frozen=True, slots=True)
class TokenEnded:
    """The access token is not valid any more: a new one may help, once."""

    errcode: int


@dataclass(frozen=True, slots=True)
class Refused:
    """WeChat says no and will go on doing so until somebody changes something."""

    errcode: int
    # wrong_app | wrong_page | not_published | wrong_content | wrong_template | wrong_person | no_consent | not_allowed
    # | other
    reason: str


@dataclass(frozen=True, slots=True)
class Throttled:
    """A limit is reached, or WeChat is busy: later."""

    errcode: int
    retry_seconds: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer that can be read: time-out, lost connection, 5xx, garbage."""

    reason: str


Failure = TokenEnded | Refused | Throttled | Unknown


class WeChat(Protocol):
    """The calls. Thread-safe; callers hold no transaction while they call."""

    def stable_token(self, program: MiniProgram) -> AccessToken | Failure:
        """POST /cgi-bin/stable_token: the same token for everybody who asks, until it ends."""

    def url_link(self, token: str, program: MiniProgram, path: str, query: str, days: int) -> UrlLink | Failure:
        """POST /wxa/generate_urllink: a link that ends after so many days, 1 to 30. 500,000 a day and program."""

    def code(self, token: str, program: MiniProgram, page: str, scene: str, width: int) -> Picture | Failure:
        """POST /wxa/getwxacodeunlimit: a code that never ends. `page` empty: the main page. 5,000 a minute."""

    def subscribe_send(self, token: str, program: MiniProgram, message: SubscribeMessage) -> MessageSent | Failure:
        """POST /cgi-bin/message/subscribe/send. WeChat knows no key: what is sent twice arrives twice."""
