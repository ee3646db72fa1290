"""An order accepted as paid: whose it is, who stands above, and what each earns. Reads in sets; the rules are pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from commission.attribution.rules import (
    Attribution,
    Evidence,
    Levels,
    MemberStanding,
    Reason,
    attribution_of,
    levels_of,
)  # fmt: skip
from commission.plans import service as plans
from commission.plans.rules import LevelCommission, OrderLines, commissions_for
from commission.plans.terms import PlanTerms, level_count
from core.auth.actor import Program
from core.clock import now
from core.ids import public_id
from core.programs.settings import ProgramSettings
from referral.tree import service as tree
from referral.tree.service import ChainMember


class PaidOrder(NamedTuple):
    """What acceptance depends on."""

    customer_id: UUID | None
    paid_at: datetime
    channel: str | None
    lines: OrderLines


class Acceptance(NamedTuple):
    """What an order remembers of the moment it was accepted as paid. `evidence` is JSON, made by `_remembered`."""

    plan_id: UUID | None
    source: str
    member_id: UUID | None
    evidence: dict[str, Any]
    levels: Sequence[LevelCommission]
    matures_at: datetime | None


NOT_PAID = Acceptance(None, "none", None, {}, (), None)


def accept(program: Program, orders: Sequence[PaidOrder]) -> list[Acceptance]:
    """The acceptance of each order, with the members, settings and plans of this moment."""
    book = plans.plan_book(program.id)
    chains = chains_in(program, [order.customer_id for order in orders if order.customer_id])
    found: dict[tuple[UUID | None, int], tuple[Attribution, Levels]] = {}
    return [_accept_one(program, order, book.in_effect(order.paid_at), chains, found) for order in orders]


def _accept_one(
    program: Program,
    order: PaidOrder,
    plan_id: UUID | None,
    chains: dict[UUID, list[ChainMember]],
    found: dict[tuple[UUID | None, int], tuple[Attribution, Levels]],
) -> Acceptance:
    settings = program.settings
    terms = plans.terms_of(program.id, plan_id) if plan_id else None
    count = level_count(terms.plan, settings.max_levels) if terms else 0
    key = (order.customer_id, count)
    if key not in found:  # one customer's orders in a batch share his chain
        found[key] = attribution_in(settings, order.customer_id, chains.get(order.customer_id or program.id, []), count)
    attribution, levels = found[key]
    return Acceptance(
        plan_id=plan_id,
        source=attribution.source,
        member_id=attribution.member.member_id if attribution.member else None,
        evidence=_remembered(attribution, levels),
        levels=_commissions(terms, order, levels, settings),
        matures_at=hold_end(settings, order.paid_at) if settings.hold_from == "paid" else None,
    )


def attribution_in(
    settings: ProgramSettings, customer_id: UUID | None, chain: Sequence[ChainMember], count: int
) -> tuple[Attribution, Levels]:
    """Whose an order of this customer is, and the levels above; `chain` begins with the customer himself."""
    attribution = attribution_of(
        [_binding(chain)],
        order=settings.attribution.order,
        customer_id=customer_id,
        self_purchase=settings.self_purchase,
    )
    if attribution.member is None:
        return attribution, Levels([], [], 0)
    levels = levels_of(
        attribution.member,
        [standing_of(member) for member in chain[2:]],
        customer_id=customer_id,
        suspended_upline=settings.suspended_upline,
        count=count,
    )
    return attribution, levels


def _binding(chain: Sequence[ChainMember]) -> Evidence:
    """The customer's inviter, unless the binding has run out."""
    if len(chain) < 2:
        return Evidence("binding", None)
    until = chain[0].binding_until
    refused = Reason.OUTSIDE_WINDOW if until is not None and until <= now() else None
    return Evidence("binding", standing_of(chain[1]), refused=refused)


def standing_of(member: ChainMember) -> MemberStanding:
    """A member of a chain as the rules see him."""
    return MemberStanding(member.id, member.grade, member.status, member.payable or member.status != "active")


def chains_in(program: Program, member_ids: Sequence[UUID]) -> dict[UUID, list[ChainMember]]:
    """Every member with his upline, as far up as levels can reach.

    Compressing passes over suspended members, so there the whole upline may be needed: chains that were cut short
    are read again, further each time.
    """
    settings = program.settings
    most = settings.max_levels + 1
    chains = tree.chains_of(program.id, list(set(member_ids)), most, enrolment=settings.enrolment)
    if settings.suspended_upline == "compress":
        while short := [
            i for i, chain in chains.items() if len(chain) >= most and _payable(chain) < settings.max_levels
        ]:
            most *= 8
            chains |= tree.chains_of(program.id, short, most, enrolment=settings.enrolment)
    return chains


def _payable(chain: Sequence[ChainMember]) -> int:
    return sum(member.payable for member in chain[1:])


def _commissions(
    terms: PlanTerms | None, order: PaidOrder, levels: Levels, settings: ProgramSettings
) -> Sequence[LevelCommission]:
    if terms is None or not levels.paid:
        return ()
    return commissions_for(
        terms, order.lines, levels.paid, channel=order.channel, payout_cap_bps=settings.payout_cap_bps
    ).recorded


def hold_end(settings: ProgramSettings, start: datetime) -> datetime:
    """When a hold that starts then ends: days are 24 hours (rule 8)."""
    return start + timedelta(days=settings.hold_days)


def _remembered(attribution: Attribution, levels: Levels) -> dict[str, Any]:
    """The evidence and the levels as JSON, by public ids: what explanation shows and recomputes from."""
    accepted = attribution.accepted
    return {
        "accepted": _shown(accepted) if accepted else None,
        "refused": [_shown(one.evidence) | {"reason": one.reason.value} for one in attribution.refused],
    } | levels_shown(levels)


def levels_shown(levels: Levels) -> dict[str, Any]:
    """Who is paid and who is not, as the order remembers it."""
    return {
        "paid": [{"level": p.level, "member_id": public_id("mem", p.member_id), "grade": p.grade} for p in levels.paid],
        "unpaid": [
            {"level": u.level, "member_id": u.member_id and public_id("mem", u.member_id), "reason": u.reason.value}
            for u in levels.unpaid
        ],
    }


def _shown(evidence: Evidence) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "source": evidence.source,
        "member_id": public_id("mem", evidence.member.member_id) if evidence.member else None,
    }
    return shown | ({"reference": evidence.reference} if evidence.reference else {})
