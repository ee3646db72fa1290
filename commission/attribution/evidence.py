"""What speaks for a member as the seller of an order: codes, clicks and links, the binding. Reads in sets.

Callers hold the transaction. Nothing is decided here, `rules` does that; all that was found stays for the explanation.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from commission.attribution.rules import Evidence, MemberStanding, Reason
from core.auth.actor import Program
from core.clock import now
from core.ids import public_id
from coupons.clicks import service as clicks
from coupons.clicks.service import Named, Touch
from referral.tree.service import ChainMember

Chains = Mapping[UUID, Sequence[ChainMember]]
"""Members with their upline, each beginning with himself; who was erased is not there."""


class NamedCode(NamedTuple):
    """A coupon's code that the order names, and whose it is; one that the shop only reports may not be known."""

    code: str
    member_id: UUID | None
    known: bool = True


class Origin(NamedTuple):
    """Where a sale came from: what the shop says, and where it is silent what the link says. Columns of an order."""

    channel: str | None
    group_id: str | None
    content_id: str | None
    session_id: str | None
    sub_ids: list[str]
    campaign_id: str | None = None
    link_id: UUID | None = None
    click_id: UUID | None = None


class Signs(NamedTuple):
    """What an order names of its way here. `visitor_key` stands for the visitor's id, which is not kept."""

    codes: Sequence[NamedCode] = ()
    click_id: str | None = None
    link_code: str | None = None
    visitor_key: bytes | None = None


def touches_of(program: Program, orders: Sequence[tuple[Signs, UUID | None, datetime]]) -> list[Sequence[Touch]]:
    """The clicks and links behind each order (its signs, its customer, its paid_at), as the click model ranks them.

    One statement for all that can have any, none where no order can.
    """
    asked = [
        number for number, (signs, customer, _) in enumerate(orders)
        if customer or signs.click_id or signs.link_code or signs.visitor_key
    ]  # fmt: skip
    found: list[Sequence[Touch]] = [()] * len(orders)
    if asked:
        named = [_named(*orders[number]) for number in asked]
        for number, touches in zip(asked, clicks.touches_of(program, named), strict=True):
            found[number] = touches
    return found


def _named(signs: Signs, customer_id: UUID | None, paid_at: datetime) -> Named:
    return Named(signs.click_id, signs.link_code, None, customer_id, paid_at, visitor_key=signs.visitor_key)


def candidates_of(codes: Sequence[NamedCode], touches: Sequence[Touch]) -> set[UUID]:
    """Whose chains are needed beside the customer's."""
    owners = {code.member_id for code in codes if code.member_id}
    return owners | {touch.link.member_id for touch in touches if touch.link}


def evidence_of(
    codes: Sequence[NamedCode], touches: Sequence[Touch], customer_id: UUID | None, chains: Chains
) -> list[Evidence]:
    """All of it, each source's in the order in which it counts, with what its own rules say against it."""
    return [
        *(_of_code(code, chains) for code in codes),
        *(_of_touch(touch, chains) for touch in touches),
        _of_binding(chains.get(customer_id, ()) if customer_id else ()),
    ]


def _of_code(code: NamedCode, chains: Chains) -> Evidence:
    """A code without owner speaks for nobody, so that an owner's code beside it is heard."""
    refused = None
    if code.member_id is None:
        refused = Reason.NO_MEMBER if code.known else Reason.UNKNOWN
    member = _standing(code.member_id, chains)
    return Evidence("coupon", member, code.code, refused=refused, details={"code": code.code})


def _of_touch(touch: Touch, chains: Chains) -> Evidence:
    return Evidence(
        "click",
        _standing(touch.link.member_id if touch.link else None, chains),
        touch.reference,
        refused=Reason(touch.refused) if touch.refused else None,
        details=_details(touch),
    )


def _details(touch: Touch) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if touch.kind == "click":
        shown["click_id"] = touch.reference
        shown["clicked_at"] = touch.clicked_at and _written(touch.clicked_at)
    if touch.link:
        shown |= {"link_id": public_id("lnk", touch.link.id), "code": touch.link.code}
    return shown


def _written(instant: datetime) -> str:
    """As answers write instants; evidence is kept as JSON."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _of_binding(chain: Sequence[ChainMember]) -> Evidence:
    """The customer's inviter, unless the binding has run out; `chain` begins with the customer."""
    if len(chain) < 2:
        return Evidence("binding", None, refused=Reason.NO_MEMBER)
    until = chain[0].binding_until
    refused = Reason.OUTSIDE_WINDOW if until is not None and until <= now() else None
    return Evidence("binding", standing_of(chain[1]), refused=refused)


def _standing(member_id: UUID | None, chains: Chains) -> MemberStanding | None:
    chain = chains.get(member_id) if member_id else None
    return standing_of(chain[0]) if chain else None


def standing_of(member: ChainMember) -> MemberStanding:
    """A member of a chain as the rules see him."""
    return MemberStanding(member.id, member.grade, member.status, member.payable or member.status != "active")


def origin_of(own: Origin, touches: Sequence[Touch], accepted: Evidence | None) -> Origin:
    """Where the sale came from: its link is that of the best click or link that counts, whoever is paid.

    Where none counts, the link that the order names stands, ended or not. What the shop says itself wins over the link.
    """
    counts = [touch for touch in touches if not touch.refused] or [touch for touch in touches if touch.kind == "link"]
    link = next((touch.link for touch in counts if touch.link), None)
    if link is None:
        return own
    return Origin(
        channel=own.channel or link.channel,
        group_id=own.group_id or link.group_id,
        content_id=own.content_id or link.content_id,
        session_id=own.session_id or link.session_id,
        sub_ids=own.sub_ids or list(link.sub_ids),
        campaign_id=link.campaign_id,
        link_id=link.id,
        click_id=_click_behind(touches, accepted),
    )


def _click_behind(touches: Sequence[Touch], accepted: Evidence | None) -> UUID | None:
    if accepted is None or accepted.source != "click":
        return None
    return next((touch.click_id for touch in touches if touch.reference == accepted.reference), None)
