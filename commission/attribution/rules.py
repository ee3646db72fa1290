"""To whom an order is owed, and who above him shares in it. Pure: the evidence and the members are given.

Rules 2 and 3 of API.md, *Commission plans*. Members stand as they did when the order was accepted as paid.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from core.programs.settings import Source


class Reason(StrEnum):
    """Why evidence was refused, or a level not paid."""

    SUSPENDED = "suspended"
    NOT_ENROLLED = "not_enrolled"
    CUSTOMER_HIMSELF = "customer_himself"
    NO_MEMBER = "no_member"  # the evidence belongs to nobody: an ownerless code, a customer without inviter
    OUTSIDE_WINDOW = "outside_window"
    UNKNOWN = "unknown"  # no code, click or link of this program
    LINK_ENDED = "link_ended"  # the link had expired or was deleted
    SUPERSEDED = "superseded"  # its source gave other evidence first
    OUTRANKED = "outranked"  # an earlier source decided
    SOURCE_UNUSED = "source_unused"  # the program's order leaves the source out
    NO_INVITER = "no_inviter"
    SUSPICIOUS = "suspicious"  # the program's guard refuses him here
    REATTRIBUTED = "reattributed"  # it stood until a person decided otherwise


class MemberStanding(Struct, frozen=True):
    """A member as far as pay depends on him; `enrolled` is true for all where enrolment is open."""

    member_id: UUID
    grade: str = "standard"
    status: str = "active"
    enrolled: bool = True

    @property
    def obstacle(self) -> Reason | None:
        """Why he is not paid now, if so."""
        if self.status != "active":
            return Reason.SUSPENDED
        return None if self.enrolled else Reason.NOT_ENROLLED


class Evidence(Struct, frozen=True):
    """Something that says who sold the order. `reference` names it within its source: a code, a click, a link.

    `refused` is set by the source's own rules, such as the click window; such evidence is kept for the explanation.
    `details` are for that as well: JSON, and nothing is decided by them.
    """

    source: Source
    member: MemberStanding | None
    reference: str | None = None
    refused: Reason | None = None
    details: Mapping[str, Any] = {}


class RefusedEvidence(Struct, frozen=True):
    evidence: Evidence
    reason: Reason


class Attribution(Struct, frozen=True):
    """Whose the order is, by which evidence, and why by no other. Nobody's: `accepted` is None."""

    accepted: Evidence | None
    refused: list[RefusedEvidence]

    @property
    def source(self) -> Source | Literal["none"]:
        return self.accepted.source if self.accepted else "none"

    @property
    def member(self) -> MemberStanding | None:
        return self.accepted.member if self.accepted else None


def is_within_window(clicked_at: datetime, paid_at: datetime, window_days: int) -> bool:
    """Both ends count: a click at the moment of payment, and one exactly `window_days` x 24 h before."""
    return timedelta(0) <= paid_at - clicked_at <= timedelta(days=window_days)


def attribution_of(
    evidence: Sequence[Evidence],
    *,
    order: Sequence[Source],
    customer_id: UUID | None,
    self_purchase: Literal["off", "level_1"],
) -> Attribution:
    """Walks the sources in the program's order; the first evidence of each that its own rules admit is its word.

    A source whose word gives nobody, a member who is not paid, or the customer himself (unless self-purchase earns)
    is passed over.
    """
    rank = {source: number for number, source in enumerate(order)}
    accepted: Evidence | None = None
    refused: list[RefusedEvidence] = []
    heard: set[Source] = set()
    for item in sorted(evidence, key=lambda item: rank.get(item.source, len(rank))):
        reason = item.refused or (None if item.source in rank else Reason.SOURCE_UNUSED)
        if reason is None:
            reason = _passed_over(item, accepted, heard, customer_id if self_purchase == "off" else None)
            heard.add(item.source)
        if reason is None:
            accepted = item
        else:
            refused.append(RefusedEvidence(item, reason))
    return Attribution(accepted, refused)


def _passed_over(
    item: Evidence, accepted: Evidence | None, heard: set[Source], barred_id: UUID | None
) -> Reason | None:
    if item.source in heard:
        return Reason.SUPERSEDED
    if accepted is not None:
        return Reason.OUTRANKED
    if item.member is None:
        return Reason.NO_MEMBER
    if item.member.member_id == barred_id:
        return Reason.CUSTOMER_HIMSELF
    return item.member.obstacle


class PaidLevel(Struct, frozen=True):
    """A member to be paid, and the level whose terms he earns by."""

    level: int
    member_id: UUID
    grade: str


class UnpaidLevel(Struct, frozen=True):
    """A level that pays nobody, or with `compress` a member whose place at it the next one took."""

    level: int
    member_id: UUID | None
    reason: Reason


class Levels(Struct, frozen=True):
    """Who is paid and who is not, in ascending order; `open_levels` counts those the given upline did not reach."""

    paid: list[PaidLevel]
    unpaid: list[UnpaidLevel]
    open_levels: int


def levels_of(
    attributed: MemberStanding,
    upline: Iterable[MemberStanding],
    *,
    customer_id: UUID | None,
    suspended_upline: Literal["skip", "compress"],
    count: int,
) -> Levels:
    """Level 1 is the attributed member; `upline` is the members above him, nearest first (rule 3).

    With `skip`, count - 1 of them are enough. With `compress` every suspended one asks for one more: where the list
    was cut short of the root and `open_levels` is not 0, load further and call again.
    """
    paid: list[PaidLevel] = []
    unpaid: list[UnpaidLevel] = []
    level = 1
    for member in chain((attributed,), upline):
        if level > count:
            break
        reason = _obstacle_at(member, is_attributed=member is attributed, customer_id=customer_id)
        if reason is None:
            paid.append(PaidLevel(level, member.member_id, member.grade))
        else:
            unpaid.append(UnpaidLevel(level, member.member_id, reason))
        # the customer himself keeps his level in both modes; only the suspended are compressed away
        level += reason in (None, Reason.CUSTOMER_HIMSELF) or suspended_upline == "skip"
    unpaid += [UnpaidLevel(missing, None, Reason.NO_INVITER) for missing in range(level, count + 1)]
    return Levels(paid, unpaid, max(0, count + 1 - level))


def _obstacle_at(member: MemberStanding, *, is_attributed: bool, customer_id: UUID | None) -> Reason | None:
    if member.member_id == customer_id and not is_attributed:
        return Reason.CUSTOMER_HIMSELF
    return member.obstacle
