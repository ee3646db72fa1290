"""Links to follow, following them, and what was written down of it."""

import time
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from flask import Flask
from werkzeug.test import TestResponse

from core.auth import keys
from core.bulk import insert_rows
from core.caching.service import LINKS, announce
from core.clock import now
from core.db import execute, transaction
from core.ids import new_id
from coupons.clicks.records import ClickRecord
from coupons.clicks.segments import read, segments_in
from coupons.clicks.tokens import Click, open_token
from coupons.links.models import LinkRow
from tests.clients import ApiClient, TestProgram
from tests.factories import seed_members

SHOP = "https://shop.example/tea"


class _Link(NamedTuple):
    id: UUID
    code: str
    request_hash: bytes
    member_id: UUID
    destination_url: str
    campaign_id: str | None
    channel: str | None
    sub_ids: list[str]
    expires_at: datetime | None
    deleted_at: datetime | None
    created_by_kind: str
    created_at: datetime
    updated_at: datetime


class TrackedLink(NamedTuple):
    """A link that was made for a test."""

    id: UUID
    code: str
    member_id: UUID


def make_link(program: TestProgram, destination: str = SHOP, **columns: Any) -> TrackedLink:
    """A link with a code that somebody chose."""
    (member_id,) = seed_members(program, 1, prefix=f"m-{new_id()}")
    code, at = f"c-{new_id().hex[-20:]}", now()
    plain = _Link(
        new_id(),
        code,
        sha256(code.encode()).digest(),
        member_id,
        destination,
        None,
        None,
        [],
        None,
        None,
        "key",
        at,
        at,
    )
    with transaction(program.id):
        insert_rows(LinkRow, [plain._replace(**columns)], program_id=program.id)
        execute("INSERT INTO link_names (code, program_id) VALUES (%(code)s, %(p)s)", code=code, p=program.id)
    return TrackedLink(plain.id, code, member_id)


def change_link(program: TestProgram, link: TrackedLink, destination: str) -> None:
    """Change where a link leads, as the links feature does: with the announcement in the same transaction."""
    with transaction(program.id):
        execute(
            "UPDATE links SET destination_url = %(url)s WHERE program_id = %(p)s AND id = %(id)s",
            url=destination, p=program.id, id=link.id,
        )  # fmt: skip
        announce(LINKS, [link.code])


def follow(app: Flask, code: str, method: str = "GET", query: str = "", **headers: str) -> TestResponse:
    """Follow a link as a browser without cookies; names of headers with _ for -."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    client = app.test_client(use_cookies=False)
    path = f"/r/{code}" + (f"?{query}" if query else "")
    return client.open(path, method=method, headers=given)


def written(app: Flask, program: TestProgram) -> list[ClickRecord]:
    """The program's clicks in the segments of this application, oldest first."""
    folder = app.config["SETTINGS"].clicks_dir
    records = [one for path in segments_in(folder) for one in read(path, 0, 10**9)[0]]
    return [one for one in records if one.program_id == program.id]


def token_in(program: TestProgram, address: str) -> Click:
    """The click that a destination was told of."""
    token = address.partition("click_id=")[2].partition("#")[0].partition("&")[0]
    found = open_token(program.id, token)
    assert found is not None, address
    return found


def publishable(program: TestProgram) -> ApiClient:
    """A client with a key for visitors."""
    with transaction(program.id):
        _, key = keys.create_key(program.id, kind="publishable", name="page")
    return program.client_with(key)


def eventually(check: Callable[[], Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)
