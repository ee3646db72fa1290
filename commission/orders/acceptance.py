"""An order accepted as paid: whose it is, who stands above, and what each earns. Reads in sets; the rules are pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from commission.attribution.evidence import (
    Chains,
    Origin,
    Signs,
    candidates_of,
    evidence_of,
    origin_of,
    standing_of,
    touches_of,
)  # fmt: skip
from commission.attribution.rules import Attribution, Evidence, Levels, attribution_of, levels_of
from commission.orders.suspicion import Case, Decided, Looked, look_at
from commission.plans import service as plans
from commission.plans.rules import LevelCommission, OrderLines, commissions_for
from commission.plans.terms import PlanTerms, level_count
from core.auth.actor import Program
from core.ids import public_id
from core.programs.settings import ProgramSettings
from coupons.clicks.service import Touch
from referral.tree import service as tree
from referral.tree.service import ChainMember


class PaidOrder(NamedTuple):
    """What acceptance depends on: `origin` is what the shop says of it, `signs` what it names as evidence."""

    id: UUID
    customer_id: UUID | None
    paid_at: datetime
    lines: OrderLines
    origin: Origin
    signs: Signs


class Acceptance(NamedTuple):
    """What an order remembers of the moment it was accepted as paid. `evidence` is JSON, made by `_remembered`."""

    plan_id: UUID | None
    source: str
    member_id: UUID | None
    evidence: dict[str, Any]
    levels: Sequence[LevelCommission]
    matures_at: datetime | None
    origin: Origin
    guard_status: str = "clear"
    signals: Sequence[Any] = ()  # of the guard, to be kept once the order is written
    inviter_id: UUID | None = None  # who stands above the customer, whether that binding has ended or not


_Found = dict[tuple[UUID | None, int], tuple[Attribution, Levels]]


def not_paid(origin: Origin) -> Acceptance:
    """Of an order that is only placed."""
    return Acceptance(None, "none", None, {}, (), None, origin)


def accept(program: Program, orders: Sequence[PaidOrder]) -> list[Acceptance]:
    """The acceptance of each order, with the members, settings and plans of this moment."""
    book = plans.plan_book(program.id)
    touches = touches_of(program, [(order.signs, order.customer_id, order.paid_at) for order in orders])
    chains = chains_in(program, _people(orders, touches))
    terms = [_terms(program, book.in_effect(order.paid_at)) for order in orders]
    found: _Found = {}
    cases = [_case(program, *of_order, chains, found) for of_order in zip(orders, touches, terms, strict=True)]
    counts = {case.order_id: of_plan.levels for case, of_plan in zip(cases, terms, strict=True)}

    def decide(case: Case) -> Decided:
        return attribution_in(program.settings, case.customer_id, case.evidence, chains, counts[case.order_id])

    looked = look_at(program, cases, decide)
    return [_accepted(program, *of_order, chains) for of_order in zip(orders, touches, terms, looked, strict=True)]


class _Terms(NamedTuple):
    """What an order pays by: its plan, and how many levels that has."""

    plan_id: UUID | None
    plan: PlanTerms | None
    levels: int


def _terms(program: Program, plan_id: UUID | None) -> _Terms:
    terms = plans.terms_of(program.id, plan_id) if plan_id else None
    return _Terms(plan_id, terms, level_count(terms.plan, program.settings.max_levels) if terms else 0)


def _people(orders: Sequence[PaidOrder], touches: Sequence[Sequence[Touch]]) -> list[UUID]:
    """The customers and whoever some evidence speaks for."""
    people = {order.customer_id for order in orders if order.customer_id}
    for order, behind in zip(orders, touches, strict=True):
        people |= candidates_of(order.signs.codes, behind)
    return list(people)


def _case(
    program: Program, order: PaidOrder, touches: Sequence[Touch], terms: _Terms, chains: Chains, found: _Found
) -> Case:
    evidence = evidence_of(order.signs.codes, touches, order.customer_id, chains)
    plain = not order.signs.codes and not touches
    key = (order.customer_id, terms.levels)
    if plain and key in found:  # one customer's plain orders in a batch are all decided alike
        decided = found[key]
    else:
        decided = attribution_in(program.settings, order.customer_id, evidence, chains, terms.levels)
    if plain:
        found[key] = decided
    return Case(order.id, order.customer_id, order.paid_at, evidence, touches, decided)


def _accepted(
    program: Program, order: PaidOrder, touches: Sequence[Touch], terms: _Terms, looked: Looked, chains: Chains
) -> Acceptance:
    settings = program.settings
    attribution, levels = looked.decided
    origin = origin_of(order.origin, touches, attribution.accepted)
    return Acceptance(
        plan_id=terms.plan_id,
        source=attribution.source,
        member_id=attribution.member.member_id if attribution.member else None,
        evidence=_remembered(attribution, levels),
        levels=_commissions(terms.plan, order, origin.channel, levels, settings),
        matures_at=hold_end(settings, order.paid_at) if settings.hold_from == "paid" else None,
        origin=origin,
        guard_status=looked.status,
        signals=looked.signals,
        inviter_id=_inviter_of(order.customer_id, chains),
    )


def _inviter_of(customer_id: UUID | None, chains: Chains) -> UUID | None:
    chain = chains.get(customer_id) if customer_id else None
    return chain[0].inviter_id if chain else None


def attribution_in(
    settings: ProgramSettings, customer_id: UUID | None, evidence: Sequence[Evidence], chains: Chains, count: int
) -> tuple[Attribution, Levels]:
    """Whose an order of this customer is by the evidence, and the levels above."""
    attribution = attribution_of(
        evidence,
        order=settings.attribution.order,
        customer_id=customer_id,
        self_purchase=settings.self_purchase,
    )
    if attribution.member is None:
        return attribution, Levels([], [], 0)
    levels = levels_of(
        attribution.member,
        map(standing_of, _above(attribution.member.member_id, customer_id, chains)),
        customer_id=customer_id,
        suspended_upline=settings.suspended_upline,
        count=count,
    )
    return attribution, levels


def _above(member_id: UUID, customer_id: UUID | None, chains: Chains) -> Sequence[ChainMember]:
    """Those above the attributed member; the customer's inviter needs no chain of his own."""
    if member_id in chains:
        return chains[member_id][1:]
    return chains[customer_id][2:] if customer_id else ()


def chains_in(program: Program, member_ids: Sequence[UUID]) -> dict[UUID, list[ChainMember]]:
    """Every member with his upline, as far up as levels can reach.

    Compressing passes over suspended members, so there the whole upline may be needed: chains that were cut short
    are read again, further each time.
    """
    if not member_ids:
        return {}
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
    terms: PlanTerms | None, order: PaidOrder, channel: str | None, levels: Levels, settings: ProgramSettings
) -> Sequence[LevelCommission]:
    if terms is None or not levels.paid:
        return ()
    return commissions_for(
        terms, order.lines, levels.paid, channel=channel, payout_cap_bps=settings.payout_cap_bps
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
    return shown | ({"reference": evidence.reference} if evidence.reference else {}) | dict(evidence.details)
