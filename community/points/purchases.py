"""Points of orders: given when they are paid or completed, as the rules say, and taken back with every refund.

Amounts are read from the order as it stands, which may be ahead of the event: what was refunded meanwhile is not given,
and its own event then takes nothing more. Callers hold the transaction; nothing here commits.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from commission.ledger import service as ledger
from commission.ledger.service import POINTS
from community.points import rule_versions
from community.points.awards import Award, award
from community.points.member_days import multipliers_at
from community.points.purse import Lot
from community.points.purses import living
from community.points.rule_versions import RulesVersion
from community.points.rules import Line, PointRules, Purchase, Weight, kept_points, points_for, version_at, weight_of
from community.points.taking import TakeBack, carry_out
from core.auth.actor import Program
from core.db import fetch_all
from core.events.reading import NumberedEvent

PURCHASE = "purchase"
_MOMENTS = {"order.attributed": "paid", "order.completed": "completed"}
"""What a rule's `earn_on` calls the moment that an event tells of."""


def key_of(order_id: UUID) -> str:
    """What an order's award is called."""
    return f"order:{order_id}"


def digest(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Do what orders' events mean for points; each event once, and the same again has no effect.

    Locks all members concerned at once, since it both gives and takes.
    """
    ids = {UUID(event.facts["order_id"]) for event in events}
    purchases = purchases_of(program.id, ids)
    customers = {one.customer_id for one in purchases.values() if one.customer_id}
    ledger.lock_available(program.id, living(program.id, customers), POINTS)
    versions = rule_versions.versions_of(program.id)
    awards = [one for event in events if (one := _award(program, event, purchases, versions))]
    if awards:
        award(program, awards)
    refunds = [event for event in events if event.kind == "order.refunded"]
    if refunds:
        _keep_parts(program, refunds, purchases, versions)


def _award(
    program: Program, event: NumberedEvent, purchases: dict[UUID, Purchase], versions: Sequence[RulesVersion]
) -> Award | None:
    """What a paid or completed order gives, less what is refunded already."""
    purchase = purchases.get(UUID(event.facts["order_id"]))
    if purchase is None or purchase.customer_id is None or event.kind == "order.refunded":
        return None
    version, rules = _rules_for(event, purchase, versions)
    points = points_for(rules, purchase, program.settings.timezone)
    kept = kept_points(points, weight_of(rules, purchase))
    if not kept:
        return None
    return Award(
        purchase.customer_id, points, None, key_of(purchase.order_id), event.happened_at, None, PURCHASE,
        purchase.order_id, version, points - kept,
    )  # fmt: skip


def _rules_for(event: NumberedEvent, purchase: Purchase, versions: Sequence[RulesVersion]) -> tuple[int, PointRules]:
    """The rules by which the event gives something: those of its moment; for a completed order, if they pay at
    payment, those that held when the order was paid, so that no order falls between two versions.
    """
    known = [(one.version, one.created_at, one.rules) for one in versions if one.created_at]
    trigger = _MOMENTS[event.kind]
    moments = [event.created_at] if trigger == "paid" else [event.created_at, purchase.paid_at]
    for moment in moments:
        version, rules = version_at(known, moment)
        if rules.purchase is not None and rules.purchase.earn_on == trigger:
            return version, rules
    return 0, PointRules()


def _keep_parts(
    program: Program, events: Sequence[NumberedEvent], purchases: dict[UUID, Purchase], versions: Sequence[RulesVersion]
) -> None:
    """Leave of each refunded order's award what its kept part is worth."""
    rules = {one.version: one.rules for one in versions}
    by_key = {key_of(order_id): purchase for order_id, purchase in purchases.items()}

    def decide(lots: dict[str, Lot]) -> list[TakeBack]:
        return [
            _share(key, lot, weight_of(rules[lot.rules_version], by_key[key]))
            for key, lot in sorted(lots.items())
            if key in by_key and lot.rules_version in rules
        ]

    refunded = {key_of(UUID(event.facts["order_id"])) for event in events}
    carry_out(program, refunded & by_key.keys(), decide, max(event.happened_at for event in events))


def _share(key: str, lot: Lot, weight: Weight) -> TakeBack:
    """What is taken over, named by what is kept: that only falls, so each step has a name of its own."""
    kept = kept_points(lot.earned, weight)
    return TakeBack(f"{key}:{kept}", key, lot.revocable - kept)


class _OrderRow(NamedTuple):
    id: UUID
    customer_id: UUID | None
    grade: str | None
    paid_at: datetime
    extras: int
    refunded_extras: int


class _LineRow(NamedTuple):
    order_id: UUID
    category: str | None
    base: int
    quantity: int
    refunded_quantity: int
    refunded_amount: int


def purchases_of(program_id: UUID, order_ids: Collection[UUID]) -> dict[UUID, Purchase]:
    """What of paid orders matters here, as they stand; a handful of statements."""
    orders = _orders(program_id, order_ids)
    lines = _lines(program_id, order_ids)
    rates = multipliers_at(program_id, [row.paid_at for row in orders])
    return {
        row.id: Purchase(
            row.id, row.customer_id, row.grade or "", row.paid_at, row.extras, row.refunded_extras,
            lines.get(row.id, []), rate,
        )
        for row, rate in zip(orders, rates, strict=True)
    }  # fmt: skip


def _orders(program_id: UUID, order_ids: Collection[UUID]) -> list[_OrderRow]:
    return fetch_all(
        _OrderRow,
        """SELECT o.id, o.customer_id, m.grade, o.paid_at, o.shipping + o.tax, o.refunded_extras FROM orders o
           LEFT JOIN members m ON m.program_id = o.program_id AND m.id = o.customer_id
           WHERE o.program_id = %(program_id)s AND o.id = ANY(%(ids)s) AND o.paid_at IS NOT NULL""",
        program_id=program_id, ids=list(order_ids),
    )  # fmt: skip


def _lines(program_id: UUID, order_ids: Collection[UUID]) -> dict[UUID, list[Line]]:
    rows = fetch_all(
        _LineRow,
        """SELECT order_id, category, base, quantity, refunded_quantity, refunded_amount FROM order_lines
           WHERE program_id = %(program_id)s AND order_id = ANY(%(ids)s)""",
        program_id=program_id, ids=list(order_ids),
    )  # fmt: skip
    lines: dict[UUID, list[Line]] = {}
    for row in rows:
        lines.setdefault(row.order_id, []).append(Line(*row[1:]))
    return lines
