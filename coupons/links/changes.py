"""Changes and ends links, and tells whoever holds a copy. Callers hold the transaction."""

from typing import Any, LiteralString
from uuid import UUID

from core.auth.actor import Program
from core.caching.service import LINKS, announce
from core.clock import now
from core.db import execute, json, scalars
from core.errors import Invalid
from core.ids import Ref
from coupons.links import queries
from coupons.links.admission import content_faults
from coupons.links.errors import LinkDeleted, NoSuchLink
from coupons.links.queries import Link
from coupons.vouchers.service import find_codes
from referral.members.service import register_erasure_step

_CHANGE: LiteralString = "UPDATE links SET updated_at = %(at)s"
_SET: dict[str, LiteralString] = {
    "destination_url": ", destination_url = %(destination_url)s",
    "mini_program_path": ", mini_program_path = %(mini_program_path)s",
    "campaign_id": ", campaign_id = %(campaign_id)s",
    "group_id": ", group_id = %(group_id)s",
    "content_id": ", content_id = %(content_id)s",
    "session_id": ", session_id = %(session_id)s",
    "channel": ", channel = %(channel)s",
    "sub_ids": ", sub_ids = %(sub_ids)s::text[]",
    "coupon_code": ", coupon_code = %(coupon_code)s",
    "product": ", product = %(product)s::jsonb",
    "expires_at": ", expires_at = %(expires_at)s",
}
_ONE: LiteralString = " WHERE program_id = %(program_id)s AND id = %(id)s"


def link_of(program_id: UUID, ref: Ref, owner: UUID | None = None, *, lock: bool = False) -> Link:
    """A link by its id, or by `ext:` and its code. `owner`: only if it is this member's.

    Raises:
        NoSuchLink: not in the program, or not the owner's.
    """
    link = queries.by_ref(program_id, ref, lock=lock)
    if link is None or (owner is not None and link.member_id != owner):
        raise NoSuchLink()
    return link


def change(program: Program, ref: Ref, changes: dict[str, Any], owner: UUID | None = None) -> Link:
    """Change what `changes` names, as `LinkChange` gives it; clicks and orders from before keep what they copied.

    Only what is named is judged: a link whose host the program no longer allows may still get another channel.

    Raises:
        NoSuchLink: not in the program, or not the owner's.
        LinkDeleted: it was deleted.
        Invalid: a destination, a page or a coupon code that cannot be.
    """
    link = link_of(program.id, ref, owner, lock=True)
    if link.deleted_at is not None:
        raise LinkDeleted()
    _check(program, changes)
    if not changes:
        return link
    at = now()
    values = changes | ({"product": json(changes["product"])} if changes.get("product") is not None else {})
    statement = _CHANGE + "".join([_SET[name] for name in changes]) + _ONE
    execute(statement, program_id=program.id, id=link.id, at=at, **values)
    announce(LINKS, [link.code])
    return link._replace(**changes, updated_at=at)


def _check(program: Program, changes: dict[str, Any]) -> None:
    coupon_code = changes.get("coupon_code")
    known = find_codes(program.id, [coupon_code]) if coupon_code is not None else {}
    faults = content_faults(changes, program.settings.link_hosts, known)
    if faults:
        raise Invalid(faults=faults)


def delete(program_id: UUID, ref: Ref, owner: UUID | None = None) -> None:
    """End a link for good; its code is never given again. Deleting it again changes nothing.

    Raises:
        NoSuchLink: not in the program, or not the owner's.
    """
    link = link_of(program_id, ref, owner, lock=True)
    if link.deleted_at is None:
        execute(_CHANGE + ", deleted_at = %(at)s" + _ONE, program_id=program_id, id=link.id, at=now())
        announce(LINKS, [link.code])


def end_links_of_member(program_id: UUID, member_id: UUID) -> None:
    """Delete all links of a member, and the words he may have put on them, in one statement.

    New ones are not made meanwhile: his row is locked.
    """
    codes = scalars(
        """WITH his AS (
             SELECT id, deleted_at FROM links WHERE program_id = %(program_id)s AND member_id = %(member_id)s
             ORDER BY id FOR UPDATE)
           UPDATE links l SET deleted_at = coalesce(l.deleted_at, %(at)s), product = NULL, sub_ids = '{}',
                  updated_at = CASE WHEN l.deleted_at IS NULL THEN %(at)s ELSE l.updated_at END
           FROM his WHERE l.program_id = %(program_id)s AND l.id = his.id
           RETURNING CASE WHEN his.deleted_at IS NULL THEN l.code END""",
        program_id=program_id, member_id=member_id, at=now(),
    )  # fmt: skip
    ended = [code for code in codes if code is not None]
    if ended:
        announce(LINKS, ended)


register_erasure_step(end_links_of_member)
