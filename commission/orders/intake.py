"""Orders come in: one path for one order and for hundreds. Callers hold the transaction.

Twice or at once the same: the unique external id decides, and the content's hash tells a repeat from a clash.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec

from commission.earnings import service as earnings
from commission.earnings.records import CommissionRecord
from commission.earnings.service import Accrual
from commission.orders import queries
from commission.orders.acceptance import NOT_PAID, Acceptance, PaidOrder, accept
from commission.orders.models import OrderLineRow, OrderRow
from commission.orders.new_order import NewOrder
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

_content = msgspec.msgpack.Encoder(order="deterministic")


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
    """An order that is fit to be written."""

    order: NewOrder
    request_hash: bytes
    sums: OrderSums


def place_orders(program: Program, orders: Sequence[NewOrder]) -> list[Placed]:
    """Accept orders; the outcome of each, in the given order. A bad one never harms the others."""
    placed: dict[int, Placed] = {}
    drafts: dict[str, _Draft] = {}
    known = queries.known_orders(program.id, [order.external_id for order in orders]) if len(orders) > 1 else {}
    first: dict[str, int] = {}
    for number, order in enumerate(orders):
        digest = hashlib.sha256(_content.encode(order)).digest()
        if order.external_id in known:
            placed[number] = _repeated(known[order.external_id], digest)
        elif order.external_id not in first:  # the same id twice in one batch is settled when the first is written
            try:
                drafts[order.external_id] = _Draft(order, digest, _sums(program, order))
                first[order.external_id] = number
            except DomainError as error:
                placed[number] = Placed(Outcome.ERROR, error=error)
    _refuse_unknown_stores(program.id, drafts, placed, first)
    placed |= {first[external_id]: result for external_id, result in _write(program, drafts).items()}
    again = [number for number in range(len(orders)) if number not in placed]
    if again:
        known = queries.known_orders(program.id, [orders[number].external_id for number in again])
        placed |= {number: _settled(orders[number], known, placed[first[orders[number].external_id]]) for number in again}
    return [placed[number] for number in range(len(orders))]


def _settled(order: NewOrder, known: dict[str, queries.KnownOrder], earlier: Placed) -> Placed:
    """The fate of an order that the same batch brought before."""
    if order.external_id not in known:
        return earlier
    return _repeated(known[order.external_id], hashlib.sha256(_content.encode(order)).digest())


def _repeated(known: queries.KnownOrder, digest: bytes) -> Placed:
    if known.request_hash == digest:
        return Placed(Outcome.EXISTS, known.id)
    return Placed(Outcome.ERROR, known.id, error=AlreadyExists())


def _sums(program: Program, order: NewOrder) -> OrderSums:
    """Raises: Invalid: another currency, two equal lines, or discounts that are too large."""
    if order.currency != program.currency:
        raise Invalid.at("/currency", f"The program's currency is {program.currency}.")
    items = order.items
    skus, prices = [item.sku for item in items], [item.unit_price for item in items]
    if faults := duplicate_line_faults(skus, prices):
        raise Invalid(faults=faults)
    return order_sums(
        [item.quantity for item in items],
        prices,
        [item.discount for item in items],
        discount=order.discount,
        shipping=order.shipping,
        tax=order.tax,
    )


def _refuse_unknown_stores(
    program_id: UUID, drafts: dict[str, _Draft], placed: dict[int, Placed], first: dict[str, int]
) -> None:
    """A store is a member the shop has made: an unknown one is a mistake, not a new store."""
    wanted = {draft.order.store_external_id for draft in drafts.values()} - {None}
    if not wanted:
        return
    stores = members.known_members(program_id, [store for store in wanted if store])
    for external_id, draft in list(drafts.items()):
        if draft.order.store_external_id is not None and draft.order.store_external_id not in stores:
            error = Invalid.at("/store_external_id", "There is no such member.")
            placed[first[external_id]] = Placed(Outcome.ERROR, error=error)
            del drafts[external_id]


def _write(program: Program, drafts: dict[str, _Draft]) -> dict[str, Placed]:
    """Write drafts in the order of their external ids, so that two batches cannot deadlock."""
    if not drafts:
        return {}
    ordered = [drafts[external_id] for external_id in sorted(drafts)]
    people = _people(program.id, ordered)
    acceptances = _acceptances(program, ordered, people)
    records = [
        _record(program, draft, people, acceptance)
        for draft, acceptance in zip(ordered, acceptances, strict=True)
    ]
    rows = insert_rows(
        OrderRow, records, program_id=program.id, on_conflict="(program_id, external_id) DO NOTHING", returning="id"
    )
    written = {row[0] for row in rows}
    fresh = [place for place, record in enumerate(records) if record.id in written]
    results = _finish(program, [(ordered[p], records[p], acceptances[p]) for p in fresh])
    lost = [record.external_id for record in records if record.id not in written]
    if lost:  # another request was quicker: its order stands
        known = queries.known_orders(program.id, lost)
        results |= {external_id: _repeated(known[external_id], drafts[external_id].request_hash) for external_id in lost}
    return results


def _people(program_id: UUID, drafts: Sequence[_Draft]) -> dict[str, UUID]:
    """Customers (made when unknown) and stores, by external id."""
    customers = sorted({d.order.customer_external_id for d in drafts if d.order.customer_external_id})
    stores = sorted({d.order.store_external_id for d in drafts if d.order.store_external_id})
    people = members.customers_for(program_id, customers) if customers else {}
    return people | (members.known_members(program_id, stores) if stores else {})


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


def _record(program: Program, draft: _Draft, people: dict[str, UUID], acceptance: Acceptance) -> OrderRecord:
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
        group_id=order.group_id, content_id=order.content_id, session_id=order.session_id, campaign_id=None,
        attributes=order.attributes, plan_id=acceptance.plan_id,
        settings_version=program.settings_version if paid else None,
        attribution_source=acceptance.source if paid else None, attributed_member_id=acceptance.member_id,
        evidence=acceptance.evidence, created_at=now(),
    )  # fmt: skip


def _finish(program: Program, written: Sequence[tuple[_Draft, OrderRecord, Acceptance]]) -> dict[str, Placed]:
    """Lines, commissions and counters of the orders that are new."""
    lines = [_line_records(draft, record.id) for draft, record, _ in written]
    insert_rows(OrderLineRow, [line for of_order in lines for line in of_order], program_id=program.id)
    commissions = _by_order(accrue_and_count(program, [(record, acceptance) for _, record, acceptance in written]))
    return {
        record.external_id: Placed(
            Outcome.CREATED, record.id, OrderView(record, of_order, commissions.get(record.id, []), [])
        )
        for (_, record, _), of_order in zip(written, lines, strict=True)
    }


def accrue_and_count(program: Program, accepted: Sequence[tuple[OrderRecord, Acceptance]]) -> list[CommissionRecord]:
    """What being paid does beyond the order's own row: commissions, their ledger entries, team counters."""
    paid = [(record, record.paid_at, acceptance) for record, acceptance in accepted if record.paid_at]
    accruals = [
        Accrual(record.id, paid_at, acceptance.matures_at, "after_sale" if record.after_sale_open else None, acceptance.levels)
        for record, paid_at, acceptance in paid
    ]
    tree.count_orders(program.id, [(r.customer_id, 1, r.total) for r, _, _ in paid if r.customer_id])
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


