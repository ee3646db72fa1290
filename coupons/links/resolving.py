"""What a visitor is shown behind a code: where it leads, who shared it, which coupon. Callers hold the transaction."""

from typing import NamedTuple
from uuid import UUID

from core.clock import now
from core.ids import Ref
from coupons.links import queries
from coupons.links.changes import link_of
from coupons.links.errors import LinkEnded, NoSuchLink
from coupons.links.queries import Link
from coupons.vouchers.service import CouponCard, cards_of_codes
from referral.members.service import Member, members_of


class Offer(NamedTuple):
    """A living link, its sharer, and its coupon if somebody can still use it."""

    link: Link
    sharer: Member
    coupon: CouponCard | None


def resolve(program_id: UUID, code: str) -> Offer:
    """The offer behind a code.

    Raises:
        NoSuchLink: no link of this program has the code.
        LinkEnded: the link has expired or was deleted.
    """
    found = queries.by_codes(program_id, [code])
    if not found:
        raise NoSuchLink()
    return _offer(program_id, found[0])


def offer_of(program_id: UUID, ref: Ref, owner: UUID | None = None) -> Offer:
    """The offer of a link. `owner`: only if it is this member's.

    Raises:
        NoSuchLink: not in the program, or not the owner's.
        LinkEnded: it has expired or was deleted.
    """
    return _offer(program_id, link_of(program_id, ref, owner))


def _offer(program_id: UUID, link: Link) -> Offer:
    if link.ended(now()):
        raise LinkEnded()
    sharer = members_of(program_id, [link.member_id])[link.member_id]
    code = link.coupon_code
    cards = cards_of_codes(program_id, [code]) if code is not None else {}
    return Offer(link, sharer, cards.get(code) if code is not None else None)
