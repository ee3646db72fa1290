"""Rows and request bodies for tests. Money is seeded through the services that make it in production."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import factory

from commission.earnings.records import CommissionRecord
from commission.earnings.service import Accrual, Reversing, accrue, commissions_of_orders, reverse
from commission.orders.models import OrderRow
from commission.orders.records import OrderRecord
from commission.payouts.methods import add_method
from commission.plans.rules import LevelCommission
from core.auth.actor import Actor, ActorKind
from core.auth.service import program_of
from core.bulk import insert_rows
from core.clock import day_of, now
from core.db import execute, transaction
from core.ids import new_id, public_id
from referral.members.service import customers_for
from tests.clients import TestProgram

LONG_AGO = datetime(2026, 1, 5, 12, tzinfo=UTC)


class OrderFactory(factory.Factory):
    """A completed, paid order as its row; `external_id` is unique in the process."""

    class Meta:
        model = OrderRecord

    id = factory.LazyFunction(new_id)
    external_id = factory.Sequence(lambda n: f"seeded-{n}")
    request_hash = b""
    customer_id = None
    store_id = None
    currency = "GBP"
    status = "completed"
    placed_at = None
    paid_at = LONG_AGO
    completed_at = factory.SelfAttribute("paid_at")
    canceled_at = None
    cancel_reason = None
    after_sale_open = False
    after_sale_reason = None
    subtotal = 10_000
    discount = 0
    coupon_discount = 0
    shipping = 0
    tax = 0
    total = factory.SelfAttribute("subtotal")
    commission_base = factory.SelfAttribute("subtotal")
    refunded = 0
    refunded_extras = 0
    channel = None
    group_id = None
    content_id = None
    session_id = None
    sub_ids = factory.LazyFunction(list)
    campaign_id = None
    link_id = None
    click_id = None
    coupons = factory.LazyFunction(list)
    named = factory.DictFactory()
    attributes = factory.DictFactory()
    plan_id = None
    settings_version = 1
    attribution_source = "none"
    attributed_member_id = None
    attribution_version = 1
    guard_status = "clear"
    evidence = factory.DictFactory()
    created_at = factory.LazyFunction(now)


class MemberBody(factory.DictFactory):
    """The body of `POST /v1/members`."""

    external_id = factory.Sequence(lambda n: f"member-{n}")
    name = factory.Sequence(lambda n: f"Member {n}")


class LineBody(factory.DictFactory):
    """One line of an order's body: 100.00 in all."""

    sku = factory.Sequence(lambda n: f"sku-{n}")
    quantity = 1
    unit_price = 10_000


class OrderBody(factory.DictFactory):
    """The body of `POST /v1/orders`: paid long ago, one line of 100.00."""

    external_id = factory.Sequence(lambda n: f"order-{n}")
    currency = "GBP"
    paid_at = LONG_AGO.isoformat()
    items = factory.List([factory.SubFactory(LineBody)])


class Earning(NamedTuple):
    """One commission to be seeded, on an order of its own."""

    member_id: UUID
    amount: int
    paid_at: datetime = LONG_AGO
    matures_at: datetime | None = LONG_AGO + timedelta(days=7)
    held_reason: str | None = None


def seed_members(program: TestProgram, count: int = 1, *, prefix: str = "m", grade: str = "standard") -> list[UUID]:
    """Active members without inviter, by external id `<prefix>-0`, `<prefix>-1` …"""
    names = [f"{prefix}-{number}" for number in range(count)]
    with transaction(program.id):
        made = customers_for(program.id, names)
        execute(
            "UPDATE members SET grade = %(grade)s WHERE program_id = %(program_id)s AND id = ANY(%(ids)s)",
            program_id=program.id, grade=grade, ids=list(made.values()),
        )  # fmt: skip
    return [made[name] for name in names]


def set_member(program: TestProgram, member_id: UUID, **columns: str) -> None:
    """Set `status`, `enrolment` or `grade` of a member, whatever rules say."""
    with transaction(program.id):
        for column, value in columns.items():
            assert column in {"status", "enrolment", "grade"}
            execute(
                f"UPDATE members SET {column} = %(value)s WHERE program_id = %(program_id)s AND id = %(id)s",
                program_id=program.id, id=member_id, value=value,
            )  # fmt: skip


def seed_commissions(program: TestProgram, earnings: Sequence[Earning]) -> list[CommissionRecord]:
    """Commissions accrued as pending, in the given order; their hold ended long ago unless said."""
    orders = [OrderFactory(paid_at=one.paid_at) for one in earnings]
    accruals = [
        Accrual(order.id, one.paid_at, one.matures_at, one.held_reason, [_level(one)])
        for order, one in zip(orders, earnings, strict=True)
    ]
    with transaction(program.id):
        insert_rows(OrderRow, orders, program_id=program.id)
        settings = program_of(program.id).settings
        return accrue(program.id, settings.currency, settings.timezone, accruals)


def _level(earning: Earning) -> LevelCommission:
    return LevelCommission(1, earning.member_id, earning.amount, [earning.amount], earning.amount, [], [])


def take_back(program: TestProgram, commission: CommissionRecord, amount: int) -> None:
    """Reverse a part of a commission as a refund of its order does."""
    with transaction(program.id):
        (current,) = commissions_of_orders(program.id, [commission.order_id], lock=True)
        settings = program_of(program.id).settings
        today = day_of(now(), settings.timezone)
        reverse(program.id, settings.currency, [Reversing(new_id(), today, current, amount, [amount])])


def add_payout_method(program: TestProgram, member_id: UUID, *, kind: str = "sandbox", default: bool = True) -> UUID:
    """A payout method of the member, as the shop's key adds it."""
    with transaction(program.id):
        current = program_of(program.id)
        actor = Actor(current, ActorKind.KEY, new_id())
        method, _ = add_method(
            current, member_id, actor, kind=kind, account=f"acct-{new_id()}", account_name="A. Payee", default=default
        )
    return method.id


def seed_payees(program: TestProgram, amounts: Sequence[int], *, prefix: str = "m") -> list[UUID]:
    """Members with a payout method and one due commission of each amount."""
    member_ids = seed_members(program, len(amounts), prefix=prefix)
    for member_id in member_ids:
        add_payout_method(program, member_id)
    earnings = [Earning(member_id, amount) for member_id, amount in zip(member_ids, amounts, strict=True)]
    seed_commissions(program, earnings)
    return member_ids


def member_ref(member_id: UUID) -> str:
    """The public id of a member."""
    return public_id("mem", member_id)
