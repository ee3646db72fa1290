"""Coupons used by orders without the orders: judged, redeemed, given back, as intake does it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Flask

from core.auth.actor import Program
from core.auth.service import program_of
from core.db import Collision, transaction
from core.ids import new_id, parse_public_id
from coupons.vouchers.errors import CouponRefused
from coupons.vouchers.rules import Line
from coupons.vouchers.service import Quote, Use, WantedCoupons, give_back, judge, redeem
from referral.members.service import customers_for
from tests.clients import TestProgram

LINES = [Line("tea", None, 10_000)]


def id_of(coupon: dict[str, Any]) -> UUID:
    found = parse_public_id("cpn", coupon["id"])
    assert found is not None
    return found


def judged(
    program: TestProgram, *wanted: tuple[str | None, Sequence[str]], lines: Sequence[Line] = LINES
) -> list[Quote]:
    """Quotes of orders `o-0`, `o-1` …, each of a customer (or nobody) with codes."""
    asked = [WantedCoupons(f"o-{n}", customer, lines, codes) for n, (customer, codes) in enumerate(wanted)]
    with transaction(program.id, read_only=True):
        return judge(program_now(program), asked)


def program_now(program: TestProgram) -> Program:
    """The program with its settings, inside a transaction."""
    return program_of(program.id)


def reasons(quote: Quote) -> list[str]:
    return [one.reason.value for one in quote.refused]


def place(
    program: TestProgram, order: str, codes: Sequence[str], customer: str | None = "ann",
    recorded: Sequence[tuple[str, int]] = (),
) -> UUID:  # fmt: skip
    """Accept an order with these codes in one transaction, as intake does, again after a collision; its id.

    Raises:
        CouponRefused: a code cannot be used.
    """
    for last in (False, False, True):  # as the edge does
        try:
            with transaction(program.id):
                return _place(program, order, codes, customer, recorded)
        except Collision:
            if last:
                raise
    raise AssertionError("unreachable")


def _place(
    program: TestProgram, order: str, codes: Sequence[str], customer: str | None, recorded: Sequence[tuple[str, int]]
) -> UUID:
    order_id, current = new_id(), program_now(program)
    customer_id = None if customer is None else customers_for(program.id, [customer])[customer]
    (quote,) = judge(current, [WantedCoupons(order, customer, LINES, codes)])
    if quote.refused:
        raise CouponRefused(codes, quote.refused)
    redeem(current, [Use(order_id, order, customer_id, quote.discounts, recorded)])
    return order_id


def cancel(program: TestProgram, *orders: UUID) -> None:
    with transaction(program.id):
        give_back(program.id, orders, [])


def refund(program: TestProgram, *orders: UUID) -> None:
    with transaction(program.id):
        give_back(program.id, [], orders)


def outcome(app: Flask, program: TestProgram, order: str, codes: Sequence[str], customer: str | None = "ann") -> str:
    """`placed`, or why not."""
    try:
        place(program, order, codes, customer)
    except CouponRefused as refused:
        return str(refused.extra["refused"][0]["reason"])
    return "placed"
