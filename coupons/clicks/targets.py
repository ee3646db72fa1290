"""Where a link leads and what its clicks carry, as processes keep it. Everything that can be made once is made here."""

import re
from datetime import datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_plus, urlencode
from uuid import UUID

from core.clock import now
from coupons.clicks.records import ClickRecord, Part, static_part
from coupons.clicks.tokens import ClickKeys, sealer_of
from coupons.links.rules import ascii_address
from coupons.links.service import Link

CLICK_ID = "click_id"
_CARRIED = re.compile(r"utm_\w{1,40}|s[1-5]")
_MOST_READ = 100
_MOST_CARRIED = 20
_NEVER_IN_A_HEADER = re.compile(r"[^\x21-\x7e]")
_NOBODY = UUID(int=0)
NEVER = float("inf")


class Facts(NamedTuple):
    """What a click needs to know of its link."""

    program_id: UUID
    link_id: UUID
    member_id: UUID
    destination: str  # ASCII
    campaign_id: str | None
    channel: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    sub_ids: tuple[str, ...]
    expires_at: datetime | None
    deleted: bool


class Dimensions(NamedTuple):
    """What rides on a click and statistics are made by. None: as the link says."""

    campaign_id: str | None = None
    channel: str | None = None
    group_id: str | None = None
    content_id: str | None = None
    session_id: str | None = None
    sub_ids: tuple[str, ...] | None = None


def facts_of(program_id: UUID, link: Link) -> Facts:
    return Facts(
        program_id=program_id, link_id=link.id, member_id=link.member_id,
        destination=_header_safe(link.destination_url),
        campaign_id=link.campaign_id, channel=link.channel, group_id=link.group_id, content_id=link.content_id,
        session_id=link.session_id, sub_ids=tuple(link.sub_ids), expires_at=link.expires_at,
        deleted=link.deleted_at is not None,
    )  # fmt: skip


class Target:
    """A link, ready to be followed."""

    __slots__ = ("_query_names", "destination", "facts", "head", "link_bytes", "sealer", "static", "tail", "until")

    def __init__(self, facts: Facts, keys: ClickKeys) -> None:
        self.facts = facts
        self.until = _end_of(facts)
        self.destination = facts.destination
        self.link_bytes = facts.link_id.bytes
        self.sealer = sealer_of(keys, facts.program_id)
        self.static = static_of(facts, Dimensions())
        start, query, self.tail = _parts(facts.destination)
        kept = [part for part in query.split("&") if part and _name(part) != CLICK_ID]
        self._query_names = {_name(part) for part in kept}
        self.head = f"{start}?{'&'.join(kept)}{'&' if kept else ''}"

    def has_ended(self) -> bool:
        """Expired or deleted."""
        return self.until != NEVER and self.until <= now().timestamp()

    def carrying(self, query: str) -> str:
        """The part of the short link's own query that goes on to the destination, each with a `&` behind it."""
        own = parse_qsl("&".join(query.split("&", _MOST_READ)[:_MOST_READ]))  # anybody can write a long one
        carried = {name: text for name, text in own if _CARRIED.fullmatch(name) and name not in self._query_names}
        return f"{urlencode(list(carried.items())[:_MOST_CARRIED])}&" if carried else ""

    def address(self, carried: str, token: str | None) -> str:
        """Where to send the visitor; without a token the destination does not learn of a click."""
        if token is not None:
            return f"{self.head}{carried}{CLICK_ID}={token}{self.tail}"
        return f"{self.head}{carried}"[:-1] + self.tail if carried else self.destination


def static_of(facts: Facts, own: Dimensions) -> Part:
    """The static part of clicks with these dimensions."""
    mine = {name: value for name, value in own._asdict().items() if value is not None}
    return static_part(
        ClickRecord(
            program_id=facts.program_id, id=_NOBODY, link_id=facts.link_id, member_id=facts.member_id, visitor_key=b"",
            address_hash=b"", user_agent="", via="", prefetch=False,
            **{name: mine.get(name, getattr(facts, name)) for name in Dimensions._fields},
        )
    )  # fmt: skip


def _end_of(facts: Facts) -> float:
    """The moment, in seconds since 1970, from which the link leads nowhere."""
    if facts.deleted:
        return 0.0
    return NEVER if facts.expires_at is None else facts.expires_at.timestamp()


def _parts(address: str) -> tuple[str, str, str]:
    """What stands before the query, the query, and the fragment with its #."""
    before, hash_sign, fragment = address.partition("#")
    start, _, query = before.partition("?")
    return start, query, hash_sign + fragment


def _name(parameter: str) -> str:
    return unquote_plus(parameter.partition("=")[0])


def _header_safe(address: str) -> str:
    # destinations are checked when they are made; a header must not depend on that
    return _NEVER_IN_A_HEADER.sub(_percent_encoded, ascii_address(address))


def _percent_encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())
