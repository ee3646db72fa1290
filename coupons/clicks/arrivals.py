"""What links and clicks tell of members: who invited a new one, and which visitor he was. Registers with referral."""

from collections.abc import Collection, Sequence
from uuid import UUID

from coupons.clicks.tokens import open_token, visitor_key_of
from coupons.clicks.touches import end_of
from coupons.clicks.visitors import forget_visitors, join_visitors
from coupons.links import service as links
from referral.members.service import (
    Arrival,
    NamedInviter,
    register_arrival_step,
    register_erasure_step,
    register_inviter_source,
)


def owners_of_links(program_id: UUID, codes: Collection[str]) -> dict[str, NamedInviter]:
    """Whose links these are. A link names nobody once it has ended."""
    found = links.links_by_code(program_id, codes)
    return {code: NamedInviter(link.member_id, end_of(link)) for code, link in found.items()}


def owners_of_clicks(program_id: UUID, click_ids: Collection[str]) -> dict[str, NamedInviter]:
    """Whose links these clicks, shipped or not, were made on. That its link ended later takes nothing from a click."""
    opened = {text: click for text in click_ids if (click := open_token(program_id, text))}
    found = links.links_by_id(program_id, {click.link_id for click in opened.values()})
    return {
        text: NamedInviter(found[click.link_id].member_id) for text, click in opened.items() if click.link_id in found
    }


def join_arrivals(program_id: UUID, arrivals: Sequence[Arrival]) -> None:
    """Remember which visitors the new members were. An unknown click has no visitor."""
    joins: list[tuple[bytes, UUID, str]] = []
    for one in arrivals:
        click = open_token(program_id, one.click_id) if one.click_id else None
        if click is not None:
            joins.append((click.visitor_key, one.member_id, "registration"))
        if one.visitor_id:
            joins.append((visitor_key_of(program_id, one.visitor_id), one.member_id, "registration"))
    join_visitors(program_id, joins)


register_inviter_source("link_code", owners_of_links)
register_inviter_source("click_id", owners_of_clicks)
register_arrival_step(join_arrivals)
register_erasure_step(forget_visitors)
