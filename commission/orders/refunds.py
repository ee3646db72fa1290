"""Refunds, by line and by amount, one or many, through one path. Callers hold the transaction.

The order's row is locked first, so that two refunds of one order follow each other; the external id is unique.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from commission.earnings import service as earnings
from commission.earnings.records import CommissionRecord
from commission.earnings.service import Reversing
from commission.orders import queries
from commission.orders.coupons import give_codes_back
from commission.orders.errors import OrderInOtherState, OrderNotFound
from commission.orders.models import RefundRow
from commission.orders.records import LineRecord, OrderRecord, RefundRecord
from commission.orders.refund_rules import (
    Refund,
    RefundableLine,
    RefundItem,
    refund_of_amount,
    refund_of_items,
    refund_of_rest,
    reversal_of,
)  # fmt: skip
from commission.orders.sales import TakenBack, take_back_sales
from commission.orders.telling import events_of_refunds
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import day_of, now
from core.db import Collision, execute
from core.errors import AlreadyExists, DomainError
from core.events.service import Event, announce
from core.ids import new_id

_content = msgspec.msgpack.Encoder(order="deterministic")


ON_CONFLICT = "(program_id, external_id) DO NOTHING"


class NewRefund(NamedTuple):
    """A refund as a shop sends it: units of lines, or an amount."""

    order_id: UUID
    external_id: str
    refunded_at: datetime
    reason: str | None
    items: list[dict[str, Any]] | None
    amount: int | None

    @property
    def kind(self) -> str:
        return "amount" if self.items is None else "items"

    @property
    def request_hash(self) -> bytes:
        content = [str(self.order_id), self.refunded_at, self.reason, self.items, self.amount]
        return hashlib.sha256(_content.encode(content)).digest()


class Refunded(NamedTuple):
    """What became of one refund: created by this call, there already, or refused."""

    refund: RefundRecord | None
    created: bool = False
    error: DomainError | None = None


def refundable_lines(lines: Sequence[LineRecord]) -> list[RefundableLine]:
    """Stored lines as the refund rules see them."""
    return [
        RefundableLine(x.sku, x.unit_price, x.quantity, x.base, x.refunded_quantity, x.refunded_amount) for x in lines
    ]


class _State:
    """An order while refunds are applied to it: its lines and what each refund changed."""

    def __init__(self, order: OrderRecord, lines: list[LineRecord], commissions: list[CommissionRecord]) -> None:
        self.order = order
        self.lines = refundable_lines(lines)
        self.commissions = commissions
        self.extras_left = order.extras_left
        self.value = 0
        self.touched: set[int] = set()
        self.records: list[RefundRecord] = []
        self.reversing: list[Reversing] = []

    def apply(self, refund: Refund, record: RefundRecord, timezone: str) -> None:
        """Take a refund's effects in: the lines after it, and what each commission loses."""
        for commission in self.commissions:
            one = _reversing(commission, self.lines, refund, record, timezone)
            if one is not None:
                self.reversing.append(one)
        self.lines = refund.lines
        self.extras_left -= refund.extras
        self.value += refund.value
        self.touched.update(refund.touched)
        self.records.append(record)

    @property
    def events(self) -> list[Event]:
        return events_of_refunds(self.order, self.records, self.reversing)

    @property
    def is_all_back(self) -> bool:
        """Every unit, or all the money there was."""
        units = all(line.refunded_quantity == line.quantity for line in self.lines)
        return units or 0 < self.order.total <= self.order.refunded + self.value

    def taken_back(self, *, canceled: bool) -> TakenBack:
        return TakenBack(self.order, self.value, sum(one.amount for one in self.reversing), canceled)


def _reversing(
    commission: CommissionRecord, before: Sequence[RefundableLine], refund: Refund, record: RefundRecord, timezone: str
) -> Reversing | None:
    """What the refund takes from one commission, line by line; only the lines it touched can lose."""
    touched = refund.touched
    shares = [commission.line_amounts[line] for line in touched]
    was, now_ = [before[line] for line in touched], [refund.lines[line] for line in touched]
    reversal = reversal_of(shares, was, now_)
    if not reversal.amount:
        return None
    by_line = [0] * len(before)
    for line, state, part, kept in zip(touched, was, shares, reversal.kept, strict=True):
        by_line[line] = state.kept_share(part) - kept
    return Reversing(record.id, day_of(record.refunded_at, timezone), commission, reversal.amount, by_line)


def refund_orders(program: Program, wanted: Sequence[NewRefund]) -> list[Refunded]:
    """Apply refunds in the given order; the fate of each. A bad one never harms the others.

    Locks the orders' rows, then their commissions, each in id order.
    """
    states = _locked_states(program.id, sorted({refund.order_id for refund in wanted}))
    known = queries.known_refunds(program.id, [refund.external_id for refund in wanted])
    results = []
    for refund in wanted:
        result = _refund_one(program, refund, states, known)
        if result.created and result.refund is not None:
            known[refund.external_id] = result.refund
        results.append(result)
    changed = [state for state in states.values() if state.records]
    _write(program, changed)
    announce(program.id, [event for state in changed for event in state.events])
    return results


def _refund_one(
    program: Program, refund: NewRefund, states: dict[UUID, _State], known: dict[str, RefundRecord]
) -> Refunded:
    before = known.get(refund.external_id)
    if before is not None:
        same = before.request_hash == refund.request_hash and before.order_id == refund.order_id
        return Refunded(before if same else None, error=None if same else AlreadyExists())
    state = states.get(refund.order_id)
    if state is None:
        return Refunded(None, error=OrderNotFound())
    if state.order.paid_at is None:
        return Refunded(None, error=OrderInOtherState("The order is not paid.", status_now=state.order.status))
    try:
        outcome = _outcome(refund, state)
    except DomainError as error:
        return Refunded(None, error=error)
    record = _record(refund, outcome)
    state.apply(outcome, record, program.settings.timezone)
    return Refunded(record, created=True)


def _outcome(refund: NewRefund, state: _State) -> Refund:
    if refund.items is None:
        return refund_of_amount(state.lines, state.extras_left, refund.amount or 0)
    items = [RefundItem(item["sku"], item["quantity"], item["unit_price"]) for item in refund.items]
    return refund_of_items(state.lines, items)


def _record(refund: NewRefund, outcome: Refund) -> RefundRecord:
    terms: dict[str, Any] = {"amount": refund.amount} if refund.items is None else {"items": refund.items}
    return RefundRecord(
        new_id(), refund.order_id, refund.external_id, refund.request_hash, refund.kind, outcome.value, outcome.extras,
        terms, refund.reason, refund.refunded_at, now(),
    )  # fmt: skip


def refund_rest(program: Program, order: OrderRecord, canceled_at: datetime, reason: str) -> list[Event]:
    """What is left of a canceled order, as one refund of its own. The caller has locked the order's row.

    Returns what the caller is to announce of it, with whatever else he has to tell.
    """
    state = _locked_states(program.id, [order.id])[order.id]
    outcome = refund_of_rest(state.lines, state.extras_left)
    record = RefundRecord(
        new_id(), order.id, None, b"", "cancel", outcome.value, outcome.extras, {}, reason, canceled_at, now()
    )
    state.apply(outcome, record, program.settings.timezone)
    _write(program, [state], canceled=True)
    return state.events


def _locked_states(program_id: UUID, order_ids: Sequence[UUID]) -> dict[UUID, _State]:
    orders = queries.orders_by_id(program_id, order_ids, lock=True)
    lines = queries.lines_of(program_id, list(orders))
    commissions: dict[UUID, list[CommissionRecord]] = {order_id: [] for order_id in orders}
    for commission in earnings.commissions_of_orders(program_id, list(orders), lock=True):
        # those of an earlier attribution are reversed whole
        if commission.attribution_version == orders[commission.order_id].attribution_version:
            commissions[commission.order_id].append(commission)
    return {order_id: _State(order, lines[order_id], commissions[order_id]) for order_id, order in orders.items()}


def _write(program: Program, changed: Sequence[_State], *, canceled: bool = False) -> None:
    if not changed:
        return
    records = sorted((record for state in changed for record in state.records), key=lambda one: one.external_id or "")
    written = insert_rows(RefundRow, records, program_id=program.id, on_conflict=ON_CONFLICT, returning="id")
    if len(written) < len(records):
        raise Collision("the external id was given to a refund of another order at the same time")
    _write_lines(program.id, changed)
    execute(
        """UPDATE orders o SET refunded = o.refunded + t.value, refunded_extras = t.extras
           FROM unnest(%(ids)s::uuid[], %(values)s::bigint[], %(extras)s::bigint[]) AS t (id, value, extras)
           WHERE o.program_id = %(program_id)s AND o.id = t.id""",
        program_id=program.id, ids=[s.order.id for s in changed], values=[s.value for s in changed],
        extras=[s.order.shipping + s.order.tax - s.extras_left for s in changed],
    )  # fmt: skip
    # as intake does it: codes before commissions and balances, so that the two cannot deadlock
    if canceled:
        give_codes_back(program.id, canceled=[state.order for state in changed])
    else:
        give_codes_back(program.id, refunded=[state.order for state in changed if state.is_all_back])
    earnings.reverse(program.id, program.currency, [one for state in changed for one in state.reversing])
    take_back_sales(program, [state.taken_back(canceled=canceled) for state in changed])


def _write_lines(program_id: UUID, states: Sequence[_State]) -> None:
    rows = [
        (state.order.id, position, state.lines[position].refunded_quantity, state.lines[position].refunded_amount)
        for state in states
        for position in sorted(state.touched)
    ]
    if not rows:
        return
    ids, positions, quantities, amounts = (list(column) for column in zip(*rows, strict=True))
    execute(
        """UPDATE order_lines l SET refunded_quantity = t.quantity, refunded_amount = t.amount
           FROM unnest(%(ids)s::uuid[], %(positions)s::smallint[], %(quantities)s::bigint[], %(amounts)s::bigint[])
                AS t (order_id, position, quantity, amount)
           WHERE l.program_id = %(program_id)s AND l.order_id = t.order_id AND l.position = t.position""",
        program_id=program_id, ids=ids, positions=positions, quantities=quantities, amounts=amounts,
    )  # fmt: skip
