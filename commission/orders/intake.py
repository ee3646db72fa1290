"""Orders come in: one path for one order and for hundreds. Callers hold the transaction.

Twice or at once the same: the unique external id decides, and the content's hash tells a repeat from a clash.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from commission.attribution.evidence import Signs
from commission.earnings.records import CommissionRecord
from commission.orders import inspection, queries
from commission.orders.acceptance import Acceptance, PaidOrder, accept, not_paid
from commission.orders.coupons import redeem_codes
from commission.orders.drafts import Draft, draft_of, with_codes
from commission.orders.models import OrderLineRow, OrderRow
from commission.orders.naming import join_visitors, named_of, origin_of_new, signs_of_new
from commission.orders.new_order import NewOrder, request_hash
from commission.orders.records import LineRecord, OrderRecord, OrderView
from commission.orders.sales import record_sales
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import now
from core.db import pipelined
from core.errors import AlreadyExists, DomainError
from referral.members import service as members


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


class _Fresh(NamedTuple):
    """A draft with all that is written of it."""

    draft: Draft
    signs: Signs
    acceptance: Acceptance
    record: OrderRecord


def place_orders(program: Program, orders: Sequence[NewOrder]) -> list[Placed]:
    """Accept orders; the outcome of each, in the given order. A bad one never harms the others.

    An order that is there already has no effect at all: nothing is checked or looked up for it again.

    Raises:
        Collision: somebody was quicker to the last one of a coupon; nothing may be committed.
    """
    placed: dict[int, Placed] = {}
    waiting = dict(enumerate(orders))
    while waiting:  # again for an id that stands twice, or that another request wrote meanwhile
        placed |= _place(program, waiting)
        waiting = {number: order for number, order in waiting.items() if number not in placed}
    return [placed[number] for number in range(len(orders))]


def _place(program: Program, orders: Mapping[int, NewOrder]) -> dict[int, Placed]:
    """What became of the first of each external id, and of all that were not fit."""
    placed = _repeats(program.id, orders)
    unknown = {number: order for number, order in orders.items() if number not in placed}
    if not unknown:
        return placed
    stores = _stores(program.id, unknown.values())
    drafts: dict[str, Draft] = {}
    for number, order in unknown.items():
        if order.external_id not in drafts:
            try:
                drafts[order.external_id] = draft_of(program, number, order, stores)
            except DomainError as error:
                placed[number] = Placed(Outcome.ERROR, error=error)
    fit, refused = with_codes(program, list(drafts.values()))
    return placed | _refused(program.id, orders, refused) | _write(program, fit, stores)


def _repeats(program_id: UUID, orders: Mapping[int, NewOrder]) -> dict[int, Placed]:
    known = queries.known_orders(program_id, [order.external_id for order in orders.values()])
    return {
        number: _repeated(known[order.external_id], request_hash(order))
        for number, order in orders.items()
        if order.external_id in known
    }


def _repeated(known: queries.KnownOrder, digest: bytes) -> Placed:
    if known.request_hash == digest:
        return Placed(Outcome.EXISTS, known.id)
    return Placed(Outcome.ERROR, known.id, error=AlreadyExists())


def _refused(program_id: UUID, orders: Mapping[int, NewOrder], refused: Mapping[int, DomainError]) -> dict[int, Placed]:
    if not refused:
        return {}
    # the very same order may have been written meanwhile and have used the code: then this one is its repeat
    repeats = _repeats(program_id, {number: orders[number] for number in refused})
    return {number: Placed(Outcome.ERROR, error=error) for number, error in refused.items()} | repeats


def _stores(program_id: UUID, orders: Iterable[NewOrder]) -> dict[str, UUID]:
    return members.known_members(program_id, sorted({o.store_external_id for o in orders if o.store_external_id}))


def _write(program: Program, drafts: Sequence[Draft], stores: dict[str, UUID]) -> dict[int, Placed]:
    """Write drafts in the order of their external ids, so that two batches cannot deadlock.

    One that another request wrote meanwhile is left out.
    """
    if not drafts:
        return {}
    ordered = sorted(drafts, key=lambda draft: draft.order.external_id)
    people = stores | _customers(program.id, ordered)
    signs = [signs_of_new(program.id, draft.order, [code.named for code in draft.codes]) for draft in ordered]
    acceptances = _acceptances(program, ordered, signs, people)
    fresh = [
        _Fresh(draft, named, acceptance, _record(program, draft, named, acceptance, people))
        for draft, named, acceptance in zip(ordered, signs, acceptances, strict=True)
    ]
    records = [one.record for one in fresh]
    rows = insert_rows(
        OrderRow, records, program_id=program.id, on_conflict="(program_id, external_id) DO NOTHING", returning="id"
    )
    written = {row[0] for row in rows}
    return _finish(program, [one for one in fresh if one.record.id in written])


def _customers(program_id: UUID, drafts: Sequence[Draft]) -> dict[str, UUID]:
    """Customers by external id, made when unknown."""
    return members.customers_for(
        program_id, sorted({d.order.customer_external_id for d in drafts if d.order.customer_external_id})
    )


def _acceptances(
    program: Program, drafts: Sequence[Draft], signs: Sequence[Signs], people: dict[str, UUID]
) -> list[Acceptance]:
    paid = [
        PaidOrder(
            draft.id,
            people[draft.order.customer_external_id] if draft.order.customer_external_id else None,
            draft.order.paid_at,
            draft.lines,
            origin_of_new(draft.order),
            named,
        )
        for draft, named in zip(drafts, signs, strict=True)
        if draft.order.paid_at
    ]
    accepted = iter(accept(program, paid) if paid else ())
    return [next(accepted) if draft.order.paid_at else not_paid(origin_of_new(draft.order)) for draft in drafts]


def _record(
    program: Program, draft: Draft, signs: Signs, acceptance: Acceptance, people: dict[str, UUID]
) -> OrderRecord:
    order, sums, paid = draft.order, draft.sums, draft.order.paid_at is not None
    return OrderRecord(
        id=draft.id, external_id=order.external_id, request_hash=draft.request_hash,
        customer_id=people[order.customer_external_id] if order.customer_external_id else None,
        store_id=people[order.store_external_id] if order.store_external_id else None,
        currency=order.currency, status="paid" if paid else "placed", placed_at=order.placed_at,
        paid_at=order.paid_at, completed_at=None, canceled_at=None, cancel_reason=None, after_sale_open=False,
        after_sale_reason=None, subtotal=sums.subtotal, discount=sums.discount,
        coupon_discount=sums.coupon_discount, shipping=order.shipping, tax=order.tax, total=sums.total,
        commission_base=sums.commission_base, refunded=0, refunded_extras=0,
        coupons=[code.shown for code in draft.codes], named=named_of(signs), attributes=order.attributes,
        plan_id=acceptance.plan_id, settings_version=program.settings_version if paid else None,
        attribution_source=acceptance.source if paid else None, attributed_member_id=acceptance.member_id,
        attribution_version=1, guard_status=acceptance.guard_status, evidence=acceptance.evidence, created_at=now(),
        **acceptance.origin._asdict(),
    )  # fmt: skip


def _finish(program: Program, written: Sequence[_Fresh]) -> dict[int, Placed]:
    """Codes, lines, commissions and counters of the orders that are new."""
    if not written:
        return {}
    with pipelined():
        return _written_with(program, written)


def _written_with(program: Program, written: Sequence[_Fresh]) -> dict[int, Placed]:
    # first: coupons are locked before commissions and balances everywhere, and a rival is noticed before more is done
    redeem_codes(program, [(one.record, one.draft.codes) for one in written])
    lines = [_line_records(one.draft, one.record.id) for one in written]
    insert_rows(OrderLineRow, [line for of_order in lines for line in of_order], program_id=program.id)
    join_visitors(program.id, [(one.record, one.signs) for one in written])
    inspection.record(program.id, [signal for one in written for signal in one.acceptance.signals])
    commissions = _by_order(record_sales(program, [(one.record, one.acceptance) for one in written]))
    return {
        one.draft.number: Placed(
            Outcome.CREATED, one.record.id, OrderView(one.record, of_order, commissions.get(one.record.id, []), [])
        )
        for one, of_order in zip(written, lines, strict=True)
    }


def _line_records(draft: Draft, order_id: UUID) -> list[LineRecord]:
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
