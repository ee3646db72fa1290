"""URL Links and mini-program codes, which WeChat makes for a link. It is called outside of transactions."""

import hashlib
from datetime import datetime, timedelta
from io import BytesIO
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

from PIL import Image

from core.clock import now
from core.db import execute, fetch_one, transaction
from core.ids import Ref
from coupons.links.service import Link
from coupons.sharing.errors import WeChatUnavailable
from coupons.sharing.mini_programs import mini_program_of
from coupons.sharing.recent import Recent
from coupons.sharing.service import living_link
from coupons.sharing.wechat import calling
from coupons.sharing.wechat.protocol import MiniProgram

_QUERY_SIGNS = "!#$&'()*+,/:;=?@-._~%"  # what WeChat takes beside letters and digits
_CODE_SECONDS = 24 * 3600  # a code never ends; ours may be of a page that was changed

_codes: Recent[tuple[str, ...], bytes] = Recent(most=256, weight=16 * 1024 * 1024)


class UrlLink(NamedTuple):
    """A URL Link. `is_new`: it is still to be stored."""

    link_id: UUID
    days: int
    content_hash: bytes
    url_link: str
    expires_at: datetime
    is_new: bool


def url_link_of(program_id: UUID, ref: Ref, days: int) -> UrlLink:
    """The stored URL Link if at least half of its days are left, else a new one. No transaction is open.

    Raises:
        NoSuchLink, LinkEnded: as `living_link`.
        MiniProgramMissing, WeChatRefused, WeChatUnavailable: WeChat makes none.
    """
    with transaction(program_id, read_only=True):
        link = living_link(program_id, ref)
        program = mini_program_of(program_id)
        path, query = page_and_query(link)
        content_hash = _hash(program, path, query)
        stored = _stored(program_id, link.id, days, content_hash)
    if stored is not None:
        return stored
    expires_at = now() + timedelta(days=days)  # before the call: never later than WeChat has it
    made = calling.url_link(program_id, program, path, query, days)
    return UrlLink(link.id, days, content_hash, made.url, expires_at, is_new=True)


def store_url_link(program_id: UUID, made: UrlLink) -> None:
    """Keep a new one in the place of the last. Callers hold the transaction."""
    execute(
        """INSERT INTO link_url_links (program_id, link_id, days, content_hash, url_link, expires_at, created_at)
           VALUES (%(program_id)s, %(link_id)s, %(days)s, %(content_hash)s, %(url_link)s, %(expires_at)s, %(at)s)
           ON CONFLICT (program_id, link_id, days) DO UPDATE SET content_hash = excluded.content_hash,
             url_link = excluded.url_link, expires_at = excluded.expires_at, created_at = excluded.created_at""",
        program_id=program_id, link_id=made.link_id, days=made.days, content_hash=made.content_hash,
        url_link=made.url_link, expires_at=made.expires_at, at=now(),
    )  # fmt: skip


class _Stored(NamedTuple):
    url_link: str
    expires_at: datetime


def _stored(program_id: UUID, link_id: UUID, days: int, content_hash: bytes) -> UrlLink | None:
    row = fetch_one(
        _Stored,
        """SELECT url_link, expires_at FROM link_url_links
           WHERE program_id = %(program_id)s AND link_id = %(link_id)s AND days = %(days)s
             AND content_hash = %(content_hash)s AND expires_at >= %(at_least)s""",
        program_id=program_id, link_id=link_id, days=days, content_hash=content_hash,
        at_least=now() + timedelta(hours=12 * days),
    )  # fmt: skip
    return UrlLink(link_id, days, content_hash, *row, is_new=False) if row else None


def wxacode_png(program_id: UUID, ref: Ref, width: int, owner: UUID | None = None) -> bytes:
    """The mini-program code of a link as PNG. Raises: as `url_link_of`. No transaction is open."""
    with transaction(program_id, read_only=True):
        link = living_link(program_id, ref, owner)
        program = mini_program_of(program_id)
    page, _ = page_and_query(link)
    key = (str(program_id), program.app_id, program.env_version, page, link.code, str(width))
    kept = _codes.get(key)
    if kept is None:
        kept = as_png(calling.code(program_id, program, page, link.code, width).content)
        _codes.put(key, kept, weight=len(kept), seconds=_CODE_SECONDS)
    return kept


def as_png(content: bytes) -> bytes:
    """WeChat mostly answers JPEG."""
    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as picture:
            picture.load()
            if picture.format == "PNG":
                return content
            out = BytesIO()
            picture.convert("RGB").save(out, "PNG")
    except Exception as error:  # decoders of foreign bytes raise whatever they stumble over
        raise WeChatUnavailable("WeChat gave no picture that can be read.", retry_after=5) from error
    return out.getvalue()


def page_and_query(link: Link) -> tuple[str, str]:
    """The page without its slash (empty: the main page), and its query with the link's code as `scene`.

    A mini-program's page finds the code under `scene`, whichever way it was opened.
    """
    page, _, query = (link.mini_program_path or "").partition("?")
    parameters = [quote(query, safe=_QUERY_SIGNS), f"scene={link.code}"]
    return page.lstrip("/"), "&".join(filter(None, parameters))


def _hash(program: MiniProgram, path: str, query: str) -> bytes:
    return hashlib.sha256("\0".join((program.app_id, program.env_version, path, query)).encode()).digest()


def forget_codes() -> None:
    """Ask WeChat for every code anew."""
    _codes.clear()
