"""What customers bought, and whose invites they are. Read and written whole by the one reader of the log.

An invite counts when the invited one buys for the first time. If that order is canceled or refunded in full, the invite
is taken off its day again, and the customer's next order counts.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from community.boards.models import CustomerSumRow
from community.boards.rules import Change, DaySums, Fact, Sums, place_of
from core.bulk import insert_rows
from core.db import fetch_all


class _Row(NamedTuple):
    customer_id: UUID
    first_order_at: datetime
    last_order_at: datetime
    orders: int
    spent: int
    invite_order_id: UUID | None
    invite_inviter_id: UUID | None
    invite_paid_at: datetime | None
    invite_group: str | None
    invite_open: bool


class Invite(NamedTuple):
    """An invite that is counted: by which order, for whom, and where."""

    order_id: UUID
    inviter_id: UUID
    paid_at: datetime
    group: str | None


@dataclass(slots=True)
class Customer:
    """One customer while events are applied to him."""

    id: UUID
    first_order_at: datetime
    last_order_at: datetime
    orders: int = 0
    spent: int = 0
    invite: Invite | None = None
    invite_open: bool = False

    def buys(self, fact: Fact, paid_at: datetime, timezone: str) -> list[Change]:
        """A paid order; the invite it makes count."""
        self.first_order_at = min(self.first_order_at, paid_at)
        self.last_order_at = max(self.last_order_at, paid_at)
        self.orders += 1
        self.spent += fact.facts["total"]
        inviter_id, order_id = fact.id("inviter_id"), fact.id("order_id")
        if inviter_id is None or order_id is None or not (fact.facts["is_first"] or self.invite_open):
            return []
        self.invite, self.invite_open = Invite(order_id, inviter_id, paid_at, fact.facts["group_id"]), False
        return [_counted(self.invite, 1, timezone)]

    def loses(self, order_id: UUID, timezone: str) -> list[Change]:
        """An order that does not stand any more: the invite it made count counts no longer."""
        invite = self.invite
        if invite is None or invite.order_id != order_id:
            return []
        self.invite, self.invite_open = None, True
        return [_counted(invite, -1, timezone)]


def _counted(invite: Invite, sign: int, timezone: str) -> Change:
    place = place_of(invite.paid_at, invite.group, timezone)
    return Change(place, invite.inviter_id, Sums(invites=sign), DaySums())


class Bought(NamedTuple):
    """An event of a customer's order, and when that was paid."""

    fact: Fact
    customer_id: UUID
    paid_at: datetime


def apply(customers: dict[UUID, Customer], bought: Iterable[Bought], timezone: str) -> list[Change]:
    """Let customers follow the events, in order; what changes of invites. Pure but for `customers`."""
    changes: list[Change] = []
    for fact, customer_id, paid_at in bought:
        customer = customers.setdefault(customer_id, Customer(customer_id, paid_at, paid_at))
        order_id = fact.id("order_id")
        if fact.kind == "order.attributed":
            changes += customer.buys(fact, paid_at, timezone)
        elif fact.kind == "order.refunded":
            customer.spent -= fact.facts["amount"]
            if order_id and 0 < fact.facts["total"] <= fact.facts["refunded_total"]:
                changes += customer.loses(order_id, timezone)
        elif fact.kind == "order.canceled":
            customer.orders -= 1
            changes += customer.loses(order_id, timezone) if order_id else []
    return changes


def known(program_id: UUID, ids: Collection[UUID]) -> dict[UUID, Customer]:
    """Those customers who have bought before."""
    if not ids:
        return {}
    rows = fetch_all(
        _Row,
        """SELECT customer_id, first_order_at, last_order_at, orders, spent, invite_order_id, invite_inviter_id,
                  invite_paid_at, invite_group, invite_open
           FROM customer_sums WHERE program_id = %(program_id)s AND customer_id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=list(ids),
    )  # fmt: skip
    return {row.customer_id: _customer(row) for row in rows}


def _customer(row: _Row) -> Customer:
    invite = None
    if row.invite_order_id and row.invite_inviter_id and row.invite_paid_at:
        invite = Invite(row.invite_order_id, row.invite_inviter_id, row.invite_paid_at, row.invite_group)
    return Customer(
        row.customer_id, row.first_order_at, row.last_order_at, row.orders, row.spent, invite, row.invite_open
    )


def store(program_id: UUID, customers: Mapping[UUID, Customer]) -> None:
    """Write customers whole."""
    rows = [_row(one) for _, one in sorted(customers.items())]
    insert_rows(
        CustomerSumRow, rows, program_id=program_id,
        on_conflict="""(program_id, customer_id) DO UPDATE SET
          first_order_at = excluded.first_order_at, last_order_at = excluded.last_order_at, orders = excluded.orders,
          spent = excluded.spent, invite_order_id = excluded.invite_order_id,
          invite_inviter_id = excluded.invite_inviter_id, invite_paid_at = excluded.invite_paid_at,
          invite_group = excluded.invite_group, invite_open = excluded.invite_open""",
    )  # fmt: skip


def _row(one: Customer) -> _Row:
    invite = one.invite
    return _Row(
        one.id, one.first_order_at, one.last_order_at, one.orders, one.spent, invite and invite.order_id,
        invite and invite.inviter_id, invite and invite.paid_at, invite and invite.group, one.invite_open,
    )  # fmt: skip
