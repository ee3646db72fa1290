"""Decides which links are made, from facts read before. Pure but for the new ids."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.errors import DomainError, Fault, Invalid
from core.ids import new_id
from coupons.links.errors import LinkCodeTaken
from coupons.links.new_link import NewLink, Unreadable, content_hash
from coupons.links.queries import TakenCode
from coupons.links.rules import destination_fault, mini_program_path_fault


class Facts(NamedTuple):
    """What the database and the program's settings say about the links to be made."""

    members: Mapping[UUID | str, UUID]  # living ones, by id and by external id
    taken: Mapping[str, TakenCode]
    coupon_codes: Collection[str]
    link_hosts: Sequence[str]
    at: datetime


class Admitted(NamedTuple):
    """A link to be written."""

    id: UUID
    item: NewLink
    member_id: UUID
    request_hash: bytes


class Repeated(NamedTuple):
    """The same content with the same chosen code: the link that there is."""

    id: UUID


class Refused(NamedTuple):
    """Not made, and why."""

    error: DomainError


Decision = Admitted | Repeated | Refused


def decide_all(items: Sequence[NewLink | Unreadable], facts: Facts) -> list[Decision]:
    """Decide in the given order; a code chosen twice in one batch is judged like a second request."""
    taken = dict(facts.taken)
    decisions = []
    for item in items:
        decision = _decide(item, facts._replace(taken=taken))
        if isinstance(decision, Admitted) and decision.item.code is not None:
            taken[decision.item.code] = TakenCode(decision.item.code, decision.id, decision.request_hash)
        decisions.append(decision)
    return decisions


def _decide(item: NewLink | Unreadable, facts: Facts) -> Decision:
    if isinstance(item, Unreadable):
        return Refused(item.error)
    member_id = facts.members.get(item.member_id or item.member_external_id or "")
    if member_id is None:
        field = "member_id" if item.member_id else "member_external_id"
        return Refused(Invalid.at(f"/{field}", "There is no such member."))
    digest = content_hash(item, member_id)
    taken = facts.taken.get(item.code or "")
    if taken is not None:
        # before anything else is judged: a repeat is answered even when its time is over
        same = taken.id is not None and taken.request_hash == digest
        return Repeated(taken.id) if taken.id and same else Refused(LinkCodeTaken())
    faults = content_faults(item._asdict(), facts.link_hosts, facts.coupon_codes)
    if item.expires_at is not None and item.expires_at <= facts.at:
        faults.append(Fault("/expires_at", "In the past."))
    return Refused(Invalid(faults=faults)) if faults else Admitted(new_id(), item, member_id, digest)


def content_faults(
    content: Mapping[str, Any], link_hosts: Sequence[str], coupon_codes: Collection[str]
) -> list[Fault]:  # fmt: skip
    """What is wrong with these fields of a link, as far as they are there."""
    faults = []
    if "destination_url" in content:
        faults.append(("/destination_url", destination_fault(content["destination_url"], link_hosts)))
    if content.get("mini_program_path") is not None:
        faults.append(("/mini_program_path", mini_program_path_fault(content["mini_program_path"])))
    coupon_code = content.get("coupon_code")
    if coupon_code is not None and coupon_code not in coupon_codes:
        faults.append(("/coupon_code", "There is no such coupon code."))
    return [Fault(pointer, detail) for pointer, detail in faults if detail]
