"""What happens to an order once it is in: paid, completed, canceled, an after-sale case. Callers hold the transaction.

Every step locks the order's row first and is guarded by the state it expects; the same step again with the same instant
changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from commission.earnings import service as earnings
from commission.orders import inspection, queries, refunds
from commission.orders.acceptance import Acceptance, PaidOrder, accept, hold_end
from commission.orders.coupons import codes_named, give_codes_back
from commission.orders.errors import OrderInOtherState, OrderNotFound
from commission.orders.holds import hold_commissions
from commission.orders.naming import origin_of_stored, signs_of_stored
from commission.orders.records import OrderRecord, earning_lines
from commission.orders.sales import record_sales
from commission.orders.telling import canceled_event, completed_events
from core.auth.actor import Program
from core.db import execute, json
from core.errors import DomainError
from core.events.service import Event, announce
from core.ids import ExternalRef, Ref
from core.programs.service import settings_at


def order_id_of(program_id: UUID, ref: Ref) -> UUID:
    """Raises: OrderNotFound."""
    if not isinstance(ref, ExternalRef):
        return ref
    found = queries.order_id_of(program_id, ref.external_id)
    if found is None:
        raise OrderNotFound()
    return found


def locked_order(program_id: UUID, order_id: UUID) -> OrderRecord:
    """Raises: OrderNotFound."""
    found = queries.orders_by_id(program_id, [order_id], lock=True).get(order_id)
    if found is None:
        raise OrderNotFound()
    return found


def pay_order(program: Program, order_id: UUID, paid_at: datetime) -> None:
    """A placed order is paid: attributed, and its commissions accrued, as of now and by what the shop named then.

    Raises:
        OrderInOtherState: it is canceled, or was paid at another instant.
    """
    order = locked_order(program.id, order_id)
    if order.paid_at == paid_at:
        return
    if order.status != "placed":
        raise OrderInOtherState(f"The order is {order.status}.", status_now=order.status)
    (codes,) = codes_named(program.id, [order])
    signs = signs_of_stored(order, codes)
    lines = earning_lines(queries.lines_of(program.id, [order_id])[order_id])
    (acceptance,) = accept(
        program, [PaidOrder(order.id, order.customer_id, paid_at, lines, origin_of_stored(order), signs)]
    )
    paid = order._replace(
        status="paid", paid_at=paid_at, attribution_source=acceptance.source,
        attributed_member_id=acceptance.member_id, guard_status=acceptance.guard_status, **acceptance.origin._asdict(),
    )  # fmt: skip
    _write_paid(program, paid, acceptance)
    inspection.record(program.id, acceptance.signals)
    inspection.look_later(program.id, order_id)
    record_sales(program, [(paid, acceptance)])


def _write_paid(program: Program, paid: OrderRecord, acceptance: Acceptance) -> None:
    execute(
        """UPDATE orders SET status = 'paid', paid_at = %(paid_at)s, plan_id = %(plan_id)s,
                  settings_version = %(version)s, attribution_source = %(source)s,
                  attributed_member_id = %(member_id)s, evidence = %(evidence)s,
                  guard_status = %(guard_status)s, channel = %(channel)s,
                  group_id = %(group_id)s, content_id = %(content_id)s, session_id = %(session_id)s,
                  sub_ids = %(sub_ids)s, campaign_id = %(campaign_id)s, link_id = %(link_id)s, click_id = %(click_id)s
           WHERE program_id = %(program_id)s AND id = %(order_id)s AND status = 'placed'""",
        program_id=program.id, order_id=paid.id, paid_at=paid.paid_at, plan_id=acceptance.plan_id,
        version=program.settings_version, source=acceptance.source, member_id=acceptance.member_id,
        evidence=json(acceptance.evidence), guard_status=acceptance.guard_status, **acceptance.origin._asdict(),
    )  # fmt: skip


class Completion(NamedTuple):
    """What became of one order of a batch: its id, why it was not completed, and whether it was so already."""

    order_id: UUID | None
    refused: DomainError | None = None
    was_so: bool = False


def complete_orders(program: Program, completions: Sequence[tuple[str, datetime]]) -> list[Completion]:
    """Complete orders named by external id; the fate of each. Locks their rows in id order."""
    known = queries.known_orders(program.id, [external_id for external_id, _ in completions])
    orders = queries.orders_by_id(program.id, [order.id for order in known.values()], lock=True)
    due: dict[UUID, datetime] = {}
    fates = []
    for external_id, completed_at in completions:
        order = orders[known[external_id].id] if external_id in known else None
        fates.append(_completion(order, completed_at, due) if order else Completion(None, OrderNotFound()))
    _complete(program, {order_id: orders[order_id] for order_id in due}, due)
    return fates


def _completion(order: OrderRecord, completed_at: datetime, due: dict[UUID, datetime]) -> Completion:
    """Whether it can be; adds to `due` what is to be done."""
    before = due.get(order.id, order.completed_at)
    if before == completed_at:
        return Completion(order.id, was_so=True)
    if before is not None or order.status != "paid":
        return Completion(order.id, _not_completable(order.status, before))
    due[order.id] = completed_at
    return Completion(order.id)


def complete_order(program: Program, order_id: UUID, completed_at: datetime) -> None:
    """The order is final: its hold begins, where holds count from completion.

    Raises:
        OrderInOtherState: it is not paid, canceled, or was completed at another instant.
    """
    order = locked_order(program.id, order_id)
    due: dict[UUID, datetime] = {}
    if refused := _completion(order, completed_at, due).refused:
        raise refused
    _complete(program, {order_id: order}, due)


def _not_completable(status: str, completed_at: datetime | None) -> OrderInOtherState:
    detail = "The order was completed at another instant." if completed_at else f"The order is {status}."
    return OrderInOtherState(detail, status_now=status)


def _complete(program: Program, orders: dict[UUID, OrderRecord], due: dict[UUID, datetime]) -> None:
    if not due:
        return
    execute(
        """UPDATE orders o SET status = 'completed', completed_at = t.completed_at
           FROM unnest(%(ids)s::uuid[], %(instants)s::timestamptz[]) AS t (id, completed_at)
           WHERE o.program_id = %(program_id)s AND o.id = t.id AND o.status = 'paid'""",
        program_id=program.id, ids=list(due), instants=list(due.values()),
    )  # fmt: skip
    ends = _hold_ends(program, orders, due)
    if ends:
        earnings.start_hold(program.id, list(ends), list(ends.values()))
    announce(program.id, completed_events(orders, due))


def _hold_ends(program: Program, orders: dict[UUID, OrderRecord], due: dict[UUID, datetime]) -> dict[UUID, datetime]:
    """By the settings under which each order was accepted; those that hold from payment have begun already."""
    versions = {order.settings_version for order in orders.values() if order.settings_version is not None}
    settings = {version: settings_at(program.id, version) for version in versions}
    return {
        order_id: hold_end(settings[order.settings_version], due[order_id])
        for order_id, order in orders.items()
        if order.settings_version in settings and settings[order.settings_version].hold_from == "completed"
    }


def cancel_order(program: Program, order_id: UUID, canceled_at: datetime, reason: str) -> None:
    """The order does not stand: of a paid one all that is left is refunded, and its codes are given back.

    Raises:
        OrderInOtherState: it was canceled at another instant.
    """
    order = locked_order(program.id, order_id)
    if order.canceled_at == canceled_at:
        return
    if order.status == "canceled":
        raise OrderInOtherState("The order was canceled at another instant.", status_now=order.status)
    events: list[Event] = []
    if order.paid_at is not None:
        events = refunds.refund_rest(program, order, canceled_at, reason)
    else:
        give_codes_back(program.id, canceled=[order])
    execute(
        """UPDATE orders SET status = 'canceled', canceled_at = %(canceled_at)s, cancel_reason = %(reason)s
           WHERE program_id = %(program_id)s AND id = %(order_id)s AND status <> 'canceled'""",
        program_id=program.id, order_id=order_id, canceled_at=canceled_at, reason=reason,
    )  # fmt: skip
    announce(program.id, [*events, canceled_event(order, canceled_at)])


def set_after_sale(program: Program, order_id: UUID, is_open: bool, reason: str | None) -> None:
    """Open or close an after-sale case; while it is open the order's commissions do not mature."""
    order = locked_order(program.id, order_id)
    execute(
        """UPDATE orders SET after_sale_open = %(open)s, after_sale_reason = %(reason)s
           WHERE program_id = %(program_id)s AND id = %(order_id)s""",
        program_id=program.id, order_id=order_id, open=is_open, reason=reason,
    )  # fmt: skip
    hold_commissions(program.id, order, order._replace(after_sale_open=is_open))
