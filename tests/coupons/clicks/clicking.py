"""Links and clicks as they stand in the database once everything was shipped."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.db import scalar, transaction
from core.ids import new_id
from coupons.clicks.models import ClickRow
from coupons.clicks.targets import Dimensions
from coupons.clicks.tokens import Click, seal, visitor_key_of
from coupons.links.models import LinkRow
from coupons.links.service import Link, links_by_id
from tests.clients import TestProgram


class _Link(NamedTuple):
    id: UUID
    code: str
    request_hash: bytes
    member_id: UUID
    destination_url: str
    sub_ids: list[str]
    expires_at: datetime | None
    deleted_at: datetime | None
    created_by_kind: str
    created_at: datetime
    updated_at: datetime


class Clicked(NamedTuple):
    """A click as its row says."""

    id: UUID
    clicked_at: datetime
    link_id: UUID
    member_id: UUID
    visitor_key: bytes
    address_hash: bytes
    agent_hash: bytes
    via: str
    kind: str
    is_unique: bool
    campaign_id: str | None = None
    channel: str | None = None
    group_id: str | None = None
    content_id: str | None = None
    session_id: str | None = None
    sub_ids: list[str] = []  # noqa: RUF012 -- nobody changes it


def make_link(
    program: TestProgram, member_id: UUID, code: str, *, expires_at: datetime | None = None,
    deleted_at: datetime | None = None,
) -> UUID:  # fmt: skip
    """A link as its row, whatever the rules of codes say."""
    at = now()
    link = _Link(
        new_id(), code, sha256(code.encode()).digest(), member_id, "https://shop.example/", [], expires_at, deleted_at,
        "key", at, at,
    )  # fmt: skip
    with transaction(program.id):
        insert_rows(LinkRow, [link], program_id=program.id)
    return link.id


def click_at(at: datetime) -> UUID:
    """A UUIDv7 of that millisecond."""
    milliseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return UUID(int=milliseconds << 80 | new_id().int & ((1 << 80) - 1))


def clicked(
    program: TestProgram, link_id: UUID, visitor: str, at: datetime, *, kind: str = "counted", owner: UUID | None = None
) -> Clicked:
    """A click to be shipped."""
    key = visitor_key_of(program.id, visitor)
    return Clicked(click_at(at), at, link_id, owner or link_id, key, b"", b"", "redirect", kind, kind == "counted")


def store(program: TestProgram, clicks: Sequence[Clicked]) -> None:
    """Ship them, with what rides on their links where they say nothing else; months that are missing are made."""
    with transaction(program.id):
        found = links_by_id(program.id, {click.link_id for click in clicks})
        clicks = [_riding(click, found[click.link_id]) for click in clicks]
        days: dict[str, Any] = {"first": min(c.clicked_at for c in clicks), "last": max(c.clicked_at for c in clicks)}
        scalar("SELECT ensure_click_partitions(%(first)s::date, %(last)s::date)", **days)
        insert_rows(ClickRow, clicks, program_id=program.id)


def _riding(click: Clicked, link: Link) -> Clicked:
    return click._replace(
        **{name: getattr(click, name) or getattr(link, name) for name in Dimensions._fields}
    )  # fmt: skip


def token_of(program: TestProgram, click: Clicked) -> str:
    """The click's public id, shipped or not."""
    return seal(program.id, Click(click.id, click.link_id, click.visitor_key))
