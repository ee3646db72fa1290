"""Orders come in: one path for one order and for hundreds. Callers hold the transaction.

Twice or at once the same: the unique external id decides, and the content's hash tells a repeat from a clash.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from commission.earnings import service as earnings
from commission.earnings.records import CommissionRecord
from commission.earnings.service import Accrual
from commission.orders import queries
from commission.orders.acceptance import NOT_PAID, Acceptance, PaidOrder, accept
from commission.orders.holds import held_reason
from commission.orders.models import OrderLineRow, OrderRow
from commission.orders.new_order import NewOrder, request_hash
from commission.orders.records import LineRecord, OrderRecord, OrderView
from commission.orders.rules import OrderSums, duplicate_line_faults, order_sums
from commission.plans.rules import OrderLines
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import now
from core.errors import AlreadyExists, DomainError, Invalid
from core.ids import new_id
from referral.members import service as members
from referral.tree import service as tree
from referral.tree.service import OrderDelta


class Outcome(StrEnum):
    CREATED = "created"
    EXISTS = "exists"
    ERROR = "error"


class Placed(NamedTuple):
    """What became of one order. `view` is there when it was created by this call."""

    outcome: Outcome
    order_id: UUID | None = None
    view: OrderView | None = None
    error: DomainError | None = None


class _Draft(NamedTuple):
    """An order that is fit to be written, and its number in the request."""

    number: int
    order: NewOrder
    request_hash: bytes
    sums: OrderSums


def place_orders(program: Program, orders: Sequence[NewOrder]) -> list[Placed]:
    """Accept orders; the outcome of each, in the given order. A bad one never harms the others.

    An order that is there already has no effect at all: nothing is checked or looked up for it again.
    """
    known = queries.known_orders(program.id, [order.external_id for order in orders])
    stores = _stores(program.id, [order for order in orders if order.external_id not in known])
    placed: dict[int, Placed] = {}
    drafts: dict[str, _Draft] = {}
    for number, order in enumerate(orders):
        if order.external_id in known:
            placed[number] = _repeated(known[order.external_id], request_hash(order))
        elif order.external_id not in drafts:  # the same id twice in one batch is settled when the first is written
            try:
                drafts[order.external_id] = _Draft(number, order, request_hash(order), _sums(program, order, stores))
            except DomainError as error:
                placed[number] = Placed(Outcome.ERROR, error=error)
    placed |= _write(program, drafts, stores)
    placed |= _settled(program.id, {n: order for n, order in enumerate(orders) if n not in placed})
    return [placed[number] for number in range(len(orders))]


def _stores(program_id: UUID, orders: Sequence[NewOrder]) -> dict[str, UUID]:
    return members.known_members(program_id, sorted({o.store_external_id for o in orders if o.store_external_id}))


def _settled(program_id: UUID, again: dict[int, NewOrder]) -> dict[int, Placed]:
    """The fate of orders whose id stands in the batch before them: that one is written by now."""
    if not again:
        return {}
    known = queries.known_orders(program_id, [order.external_id for order in again.values()])
    return {number: _repeated(known[order.external_id], request_hash(order)) for number, order in again.items()}


def _repeated(known: queries.KnownOrder, digest: bytes) -> Placed:
    if known.request_hash == digest:
        return Placed(Outcome.EXISTS, known.id)
    return Placed(Outcome.ERROR, known.id, error=AlreadyExists())


def _sums(program: Program, order: NewOrder, stores: dict[str, UUID]) -> OrderSums:
    """What the order comes to, once nothing speaks against it.

    Raises:
        Invalid: another currency, an unknown store, two equal lines, or discounts that are too large.
    """
    if order.currency != program.currency:
        raise Invalid.at("/currency", f"The program's currency is {program.currency}.")
    if order.store_external_id is not None and order.store_external_id not in stores:
        # a store is a member the shop has made: an unknown one is a mistake, not a new store
        raise Invalid.at("/store_external_id", "There is no such member.")
    items = order.items
    skus, prices = [item.sku for item in items], [item.unit_price for item in items]
    if faults := duplicate_line_faults(skus, prices):
        raise Invalid(faults=faults)
    quantities, discounts = [item.quantity for item in items], [item.discount for item in items]
    return order_sums(quantities, prices, discounts, discount=order.discount, shipping=order.shipping, tax=order.tax)


def _write(program: Program, drafts: dict[str, _Draft], stores: dict[str, UUID]) -> dict[int, Placed]:
    """Write drafts in the order of their external ids, so that two batches cannot deadlock."""
    if not drafts:
        return {}
    ordered = [drafts[external_id] for external_id in sorted(drafts)]
    people = stores | _customers(program.id, ordered)
    acceptances = _acceptances(program, ordered, people)
    records = [_record(program, *pair, people) for pair in zip(ordered, acceptances, strict=True)]
    rows = insert_rows(
        OrderRow, records, program_id=program.id, on_conflict="(program_id, external_id) DO NOTHING", returning="id"
    )
    written = {row[0] for row in rows}
    fresh = [place for place, record in enumerate(records) if record.id in written]
    results = _finish(program, [(ordered[p], records[p], acceptances[p]) for p in fresh])
    # where another request was quicker, its order stands
    return results | _settled(program.id, {d.number: d.order for d in ordered if d.number not in results})


def _customers(program_id: UUID, drafts: Sequence[_Draft]) -> dict[str, UUID]:
    """Customers by external id, made when unknown."""
    return members.customers_for(
        program_id, sorted({d.order.customer_external_id for d in drafts if d.order.customer_external_id})
    )


def _acceptances(program: Program, drafts: Sequence[_Draft], people: dict[str, UUID]) -> list[Acceptance]:
    paid = [
        PaidOrder(
            people[draft.order.customer_external_id] if draft.order.customer_external_id else None,
            draft.order.paid_at,
            draft.order.channel,
            _lines(draft),
        )
        for draft in drafts
        if draft.order.paid_at
    ]
    accepted = iter(accept(program, paid) if paid else ())
    return [next(accepted) if draft.order.paid_at else NOT_PAID for draft in drafts]


def _lines(draft: _Draft) -> OrderLines:
    items = draft.order.items
    return OrderLines(
        skus=[item.sku for item in items],
        categories=[item.category for item in items],
        quantities=[item.quantity for item in items],
        bases=draft.sums.bases,
    )


def _record(program: Program, draft: _Draft, acceptance: Acceptance, people: dict[str, UUID]) -> OrderRecord:
    order, sums, paid = draft.order, draft.sums, draft.order.paid_at is not None
    return OrderRecord(
        id=new_id(), external_id=order.external_id, request_hash=draft.request_hash,
        customer_id=people[order.customer_external_id] if order.customer_external_id else None,
        store_id=people[order.store_external_id] if order.store_external_id else None,
        currency=order.currency, status="paid" if paid else "placed", placed_at=order.placed_at,
        paid_at=order.paid_at, completed_at=None, canceled_at=None, cancel_reason=None, after_sale_open=False,
        after_sale_reason=None, subtotal=sums.subtotal, discount=sums.discount,
        coupon_discount=sums.coupon_discount, shipping=order.shipping, tax=order.tax, total=sums.total,
        commission_base=sums.commission_base, refunded=0, refunded_extras=0, channel=order.channel,
        group_id=order.group_id, content_id=order.content_id, session_id=order.session_id, sub_ids=order.sub_ids, campaign_id=None,
        link_id=None, click_id=None, coupons=[], named={}, attributes=order.attributes, plan_id=acceptance.plan_id,
        settings_version=program.settings_version if paid else None,
        attribution_source=acceptance.source if paid else None, attributed_member_id=acceptance.member_id,
        attribution_version=1, guard_status="clear", evidence=acceptance.evidence, created_at=now(),
    )  # fmt: skip


def _finish(program: Program, written: Sequence[tuple[_Draft, OrderRecord, Acceptance]]) -> dict[int, Placed]:
    """Lines, commissions and counters of the orders that are new."""
    lines = [_line_records(draft, record.id) for draft, record, _ in written]
    insert_rows(OrderLineRow, [line for of_order in lines for line in of_order], program_id=program.id)
    commissions = _by_order(accrue_and_count(program, [(record, acceptance) for _, record, acceptance in written]))
    return {
        draft.number: Placed(
            Outcome.CREATED, record.id, OrderView(record, of_order, commissions.get(record.id, []), [])
        )
        for (draft, record, _), of_order in zip(written, lines, strict=True)
    }


def accrue_and_count(program: Program, accepted: Sequence[tuple[OrderRecord, Acceptance]]) -> list[CommissionRecord]:
    """What being paid does beyond the order's own row: commissions, their ledger entries, team counters."""
    paid = [(record, record.paid_at, acceptance) for record, acceptance in accepted if record.paid_at]
    accruals = [
        Accrual(record.id, paid_at, acceptance.matures_at, held_reason(record), acceptance.levels)
        for record, paid_at, acceptance in paid
    ]
    tree.count_orders(
        program.id, [OrderDelta(r.customer_id, 1, r.total, paid_at) for r, paid_at, _ in paid if r.customer_id]
    )
    return earnings.accrue(program.id, program.currency, program.settings.timezone, accruals)


def _line_records(draft: _Draft, order_id: UUID) -> list[LineRecord]:
    return [
        LineRecord(
            order_id, position, item.sku, item.quantity, item.unit_price, item.discount, base, 0, 0, item.category,
            item.name, item.supply_price, item.product_url, item.image_url,
        )
        for position, (item, base) in enumerate(zip(draft.order.items, draft.sums.bases, strict=True))
    ]  # fmt: skip


def _by_order(commissions: Sequence[CommissionRecord]) -> dict[UUID, list[CommissionRecord]]:
    grouped: dict[UUID, list[CommissionRecord]] = {}
    for commission in commissions:
        grouped.setdefault(commission.order_id, []).append(commission)
    return grouped
