"""Why an order pays what it pays: the evidence, the plan, and every cent recomputed by the rules that accrued it."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from commission.earnings.records import CommissionRecord, ReversalRecord
from commission.earnings.service import reversals_of_order
from commission.orders import queries
from commission.orders.errors import OrderNotFound
from commission.orders.queries import AttributionStep
from commission.orders.records import LineRecord, OrderView, earning_lines
from commission.orders.shapes import order_shape, refund_shape
from commission.plans import service as plans
from commission.plans.rules import LevelCommission, OrderCommissions, commissions_for
from commission.plans.schemas import plan_shape
from core.ids import parse_public_id, public_id, public_id_or_none
from core.money import BPS
from core.programs.service import settings_at
from core.programs.settings import ProgramSettings


class _Paid(NamedTuple):
    """A remembered beneficiary."""

    level: int
    member_id: UUID
    grade: str


def explanation_of(program_id: UUID, order_id: UUID) -> dict[str, Any]:
    """The whole explanation of an order.

    Raises:
        OrderNotFound: no such order in the program.
    """
    views = queries.views_of(program_id, [order_id])
    if not views:
        raise OrderNotFound()
    view = views[0]
    reversals = reversals_of_order(program_id, order_id)
    earlier = queries.earlier_attributions(program_id, order_id) if view.order.attribution_version > 1 else []
    shown = order_shape(view)
    settings = settings_at(program_id, view.order.settings_version) if view.order.settings_version else None
    return {
        "order_id": shown["id"],
        "external_id": shown["external_id"],
        "status": shown["status"],
        "attribution": shown["attribution"],
        "attributions_before": [_ended(one) for one in earlier],
        "guard_status": view.order.guard_status,
        "evidence_refused": view.order.evidence.get("refused", []),
        "levels_unpaid": view.order.evidence.get("unpaid", []),
        "plan": plan_shape(plans.plan_of(program_id, view.order.plan_id)) if view.order.plan_id else None,
        "settings": _terms_of_settings(settings, view) if settings else None,
        "base": _base(view),
        "commissions": _commissions(program_id, view, settings, earlier, reversals) if settings else [],
        "refunds": [refund_shape(refund) for refund in view.refunds],
    }


def _terms_of_settings(settings: ProgramSettings, view: OrderView) -> dict[str, Any]:
    return {
        "version": view.order.settings_version,
        "max_levels": settings.max_levels,
        "payout_cap_bps": settings.payout_cap_bps,
        "attribution_order": list(settings.attribution.order),
        "click_model": settings.attribution.click_model,
        "click_window_days": settings.attribution.click_window_days,
        "self_purchase": settings.self_purchase,
        "suspended_upline": settings.suspended_upline,
        "hold_days": settings.hold_days,
        "hold_from": settings.hold_from,
    }


def _base(view: OrderView) -> dict[str, Any]:
    """How the lines came to their bases (rule 1)."""
    order = view.order
    return {
        "subtotal": order.subtotal,
        "discount": order.discount,
        "coupon_discount": order.coupon_discount,
        "coupons": order.coupons,
        "commission_base": order.commission_base,
        "lines": [
            {"sku": line.sku, "unit_price": line.unit_price, "quantity": line.quantity,
             "net": line.quantity * line.unit_price - line.discount, "base": line.base}
            for line in view.lines
        ],
    }  # fmt: skip


def _ended(step: AttributionStep) -> dict[str, Any]:
    """An attribution that stood until a person decided otherwise."""
    return {
        "version": step.version,
        "source": step.source,
        "member_id": public_id_or_none("mem", step.member_id),
        "reason": step.reason,
        "ended_at": step.created_at,
    }


def _commissions(
    program_id: UUID,
    view: OrderView,
    settings: ProgramSettings,
    earlier: Sequence[AttributionStep],
    reversals: list[ReversalRecord],
) -> list[dict[str, Any]]:
    """Of the attribution that stands, then of those before it, the latest first."""
    versions = [(view.order.attribution_version, view.order.evidence)]
    versions += [(one.version, one.evidence) for one in reversed(earlier)]
    return [
        shown
        for version, evidence in versions
        for shown in _commissions_of(program_id, view, settings, version, evidence, reversals)
    ]


def _commissions_of(
    program_id: UUID, view: OrderView, settings: ProgramSettings, version: int, evidence: dict[str, Any],
    reversals: list[ReversalRecord],
) -> list[dict[str, Any]]:  # fmt: skip
    recomputed = _recomputed(program_id, view, settings, evidence)
    if recomputed is None:
        return []
    recorded = {one.level: one for one in view.commissions if one.attribution_version == version}
    return [
        {"attribution_version": version}
        | _commission(level, recorded.get(level.level), view.lines, recomputed.cap, reversals)
        for level in recomputed.levels
    ]


def _recomputed(
    program_id: UUID, view: OrderView, settings: ProgramSettings, evidence: dict[str, Any]
) -> OrderCommissions | None:
    """The arithmetic again, from what the order remembers; the same function that accrual used."""
    order = view.order
    if order.plan_id is None:
        return None
    paid = [
        _Paid(one["level"], parse_public_id("mem", one["member_id"]) or order.id, one["grade"])
        for one in evidence.get("paid", [])
    ]
    lines = earning_lines(view.lines)
    terms = plans.terms_of(program_id, order.plan_id)
    return commissions_for(terms, lines, paid, channel=order.channel, payout_cap_bps=settings.payout_cap_bps)


def _commission(
    level: LevelCommission,
    recorded: CommissionRecord | None,
    lines: list[LineRecord],
    cap: int,
    reversals: list[ReversalRecord],
) -> dict[str, Any]:
    """One level: its exact terms by line over `denominator`, their floor, the cap, the shares, what was taken back."""
    return {
        "id": public_id("com", recorded.id) if recorded else None,
        "level": level.level,
        "member_id": public_id("mem", level.member_id),
        "amount": level.amount,
        "before_cap": level.uncut,
        "cap_of_order": cap,
        "denominator": BPS,
        "lines": [
            {"sku": line.sku, "unit_price": line.unit_price, "rule": term.rule, "rate_bps": term.rate_bps,
             "unit_amount": term.amount, "numerator": numerator, "share": share}
            for line, term, numerator, share in zip(lines, level.terms, level.numerators, level.shares, strict=True)
        ],
        "reversals": [
            {"refund_id": public_id("ref", one.refund_id), "amount": one.amount, "by_line": one.line_amounts,
             "from": one.from_status}
            for one in reversals
            if recorded and one.commission_id == recorded.id
        ],
        "kept": recorded.amount - recorded.reversed if recorded else 0,
    }  # fmt: skip


def own_explanation(program_id: UUID, member_id: UUID, order_id: UUID) -> dict[str, Any]:
    """What one member may see of it: his own commission, and of the others nothing."""
    whole = explanation_of(program_id, order_id)
    own = public_id("mem", member_id)
    return {
        "order_id": whole["order_id"],
        "status": whole["status"],
        "source": whole["attribution"]["source"],
        "plan": whole["plan"] and {"id": whole["plan"]["id"], "name": whole["plan"]["name"]},
        "commissions": [one for one in whole["commissions"] if one["member_id"] == own],
    }
