"""What an order would earn each level, before there is one (分享赚 ¥x). Reads only; the arithmetic is accrual's own."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from commission.attribution.evidence import evidence_of, standing_of
from commission.attribution.rules import MemberStanding, PaidLevel, levels_of
from commission.orders.acceptance import attribution_in, chains_in
from commission.orders.rules import order_sums
from commission.plans import service as plans
from commission.plans.rules import LevelCommission, OrderLines, commissions_for
from commission.plans.terms import PlanTerms, level_count
from core.auth.actor import Program
from core.clock import now
from core.errors import Invalid
from core.ids import public_id
from referral.members import service as members


class QuoteItem(NamedTuple):
    """One product of a quote."""

    sku: str
    category: str | None
    quantity: int
    unit_price: int
    discount: int


def quote(
    program: Program,
    items: Sequence[QuoteItem],
    *,
    member_id: UUID | None,
    customer_external_id: str | None,
    channel: str | None,
) -> dict[str, Any]:
    """What each level would earn if the items were sold now: together as one order, and each item by itself.

    `member_id` shares and sells; where he would not be paid, or is not named, whoever the customer is bound to.
    With neither named, nameless standard members stand at every level.

    Raises:
        Invalid: no such member, or the items cannot make an order.
    """
    plan_id = plans.plan_book(program.id).in_effect(now())
    if plan_id is None:
        return {"plan_id": None, "levels": [], "items": [{"sku": item.sku, "levels": []} for item in items]}
    terms = plans.terms_of(program.id, plan_id)
    count = level_count(terms.plan, program.settings.max_levels)
    named = member_id is not None or customer_external_id is not None
    levels = _levels(program, member_id, customer_external_id, count) if named else _nameless(count)

    def shown(sold: Sequence[QuoteItem]) -> list[dict[str, Any]]:
        return [
            {"level": one.level, "member_id": public_id("mem", one.member_id) if named else None, "amount": one.amount}
            for one in _earned(program, terms, sold, levels, channel)
        ]

    return {
        "plan_id": public_id("pln", plan_id),
        "levels": shown(items),
        "items": [{"sku": item.sku, "levels": shown([item])} for item in items],
    }


def _nameless(count: int) -> list[PaidLevel]:
    return [PaidLevel(level, UUID(int=0), "standard") for level in range(1, count + 1)]


def _levels(
    program: Program, member_id: UUID | None, customer_external_id: str | None, count: int
) -> Sequence[PaidLevel]:
    """Who would be paid. An unknown customer is bound to nobody."""
    known = members.known_members(program.id, [customer_external_id] if customer_external_id else [])
    customer_id = known.get(customer_external_id or "")
    chains = chains_in(program, [one for one in (member_id, customer_id) if one])
    if member_id is not None and member_id not in chains:
        raise Invalid.at("/member_id", "There is no such member.")
    seller, *upline = map(standing_of, chains[member_id]) if member_id else (None,)
    if seller and seller.obstacle is None and _may_sell(program, seller, customer_id):
        mode = program.settings.suspended_upline
        return levels_of(seller, upline, customer_id=customer_id, suspended_upline=mode, count=count).paid
    if customer_id is None:
        return []
    bound = evidence_of((), (), customer_id, chains)
    return attribution_in(program.settings, customer_id, bound, chains, count)[1].paid


def _may_sell(program: Program, seller: MemberStanding, customer_id: UUID | None) -> bool:
    return seller.member_id != customer_id or program.settings.self_purchase == "level_1"


def _earned(
    program: Program,
    terms: PlanTerms,
    items: Sequence[QuoteItem],
    paid: Sequence[PaidLevel],
    channel: str | None,
) -> list[LevelCommission]:
    sums = order_sums(
        [item.quantity for item in items], [item.unit_price for item in items], [item.discount for item in items]
    )
    lines = OrderLines(
        skus=[item.sku for item in items],
        categories=[item.category for item in items],
        quantities=[item.quantity for item in items],
        bases=sums.bases,
    )
    cap = program.settings.payout_cap_bps
    return commissions_for(terms, lines, paid, channel=channel, payout_cap_bps=cap).levels
