"""What an order would earn each level, before there is one (分享赚 ¥x). Reads only; the arithmetic is accrual's own."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from commission.attribution.rules import Levels, MemberStanding, levels_of
from commission.orders.acceptance import attribution_in
from commission.orders.rules import order_sums
from commission.plans import service as plans
from commission.plans.rules import LevelCommission, OrderLines, commissions_for
from commission.plans.terms import PlanTerms, level_count
from core.auth.actor import Program
from core.clock import now
from core.ids import public_id
from referral.tree import service as tree


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
    customer_id: UUID | None,
    channel: str | None,
) -> dict[str, Any]:
    """What each level would earn if the items were sold now: together as one order, and each item by itself.

    `member_id` shares and sells; else whoever the customer is bound to; with neither, a nameless standard member.
    """
    plan_id = plans.plan_book(program.id).in_effect(now())
    if plan_id is None:
        return {"plan_id": None, "levels": [], "items": [{"sku": item.sku, "levels": []} for item in items]}
    terms = plans.terms_of(program.id, plan_id)
    levels = _levels(program, member_id, customer_id, level_count(terms.plan, program.settings.max_levels))
    return {
        "plan_id": public_id("pln", plan_id),
        "levels": _shown(_earned(program, terms, items, levels, channel), named=member_id or customer_id),
        "items": [
            {
                "sku": item.sku,
                "levels": _shown(_earned(program, terms, [item], levels, channel), named=member_id or customer_id),
            }
            for item in items
        ],
    }


def _levels(program: Program, member_id: UUID | None, customer_id: UUID | None, count: int) -> Levels:
    settings = program.settings
    if member_id is None and customer_id is not None:
        chain = tree.chains_of(program.id, [customer_id], count + 1, enrolment=settings.enrolment)[customer_id]
        return attribution_in(settings, customer_id, chain, count)[1]
    if member_id is None:
        nobody = MemberStanding(UUID(int=0))
        return levels_of(nobody, (), customer_id=None, suspended_upline="skip", count=count)
    chain = tree.chains_of(program.id, [member_id], count + 1, enrolment=settings.enrolment)[member_id]
    standing = [MemberStanding(m.id, m.grade, m.status, m.payable or m.status != "active") for m in chain]
    return levels_of(
        standing[0], standing[1:], customer_id=customer_id, suspended_upline=settings.suspended_upline, count=count
    )


def _earned(
    program: Program, terms: PlanTerms, items: Sequence[QuoteItem], levels: Levels, channel: str | None
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
    return commissions_for(terms, lines, levels.paid, channel=channel, payout_cap_bps=cap).levels


def _shown(levels: Sequence[LevelCommission], *, named: UUID | None) -> list[dict[str, Any]]:
    return [
        {"level": one.level, "member_id": public_id("mem", one.member_id) if named else None, "amount": one.amount}
        for one in levels
    ]
