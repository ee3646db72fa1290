"""What coupon codes do to orders: judged before they are written, redeemed with them, given back after a cancel.

Callers hold the transaction. Orders are judged in the order given: of two that want a last unit the earlier has it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from commission.attribution.evidence import NamedCode
from commission.orders.new_order import NewOrder
from commission.orders.records import OrderRecord
from commission.orders.rules import CouponDiscount, discounts_as_told
from core.auth.actor import Program
from core.errors import DomainError
from core.ids import public_id_or_none
from coupons.vouchers import service as vouchers
from coupons.vouchers.errors import CouponRefused
from coupons.vouchers.rules import CodeDiscount, Line, Quote, covered_lines
from coupons.vouchers.service import FoundCode, Use, WantedCoupons


class AppliedCode(NamedTuple):
    """One code of an order and what it took off which lines. Without `redeemed` the shop had done so beforehand."""

    code: str
    coupon_id: UUID | None  # null: nobody knows the code
    member_id: UUID | None  # its owner
    amount: int
    lines: list[int]
    redeemed: CodeDiscount | None = None

    @property
    def shown(self) -> dict[str, Any]:
        """As the order keeps and answers it."""
        return {
            "code": self.code,
            "coupon_id": public_id_or_none("cpn", self.coupon_id),
            "amount": self.amount,
            "lines": self.lines,
            "recorded": self.redeemed is None,
        }

    @property
    def named(self) -> NamedCode:
        return NamedCode(self.code, self.member_id, known=self.coupon_id is not None)


Codes = list[AppliedCode]


def apply_codes(program: Program, orders: Sequence[tuple[NewOrder, Sequence[int]]]) -> list[Codes | DomainError]:
    """What the codes of each order do, or why they cannot be used. With an order goes what its lines come to before.

    A fixed number of statements for any number of orders, none where no order has codes.
    """
    redeeming = [n for n, (order, _) in enumerate(orders) if order.coupon_codes and order.coupon_policy == "redeem"]
    recording = [n for n, (order, _) in enumerate(orders) if order.coupon_policy == "record"]
    applied: list[Codes | DomainError] = [[] for _ in orders]
    quotes = vouchers.judge(program, [_wanted(*orders[n]) for n in redeeming]) if redeeming else []
    for n, quote in zip(redeeming, quotes, strict=True):
        applied[n] = _redeemable(orders[n][0].coupon_codes, quote)
    told = {n: _told(orders[n][0]) for n in recording}
    codes = {code for of_order in told.values() for code in of_order}
    found = vouchers.find_codes(program.id, codes) if codes else {}
    for n in recording:
        applied[n] = _as_told(*orders[n], told[n], found)
    return applied


def _wanted(order: NewOrder, nets: Sequence[int]) -> WantedCoupons:
    return WantedCoupons(order.external_id, order.customer_external_id, _lines(order, nets), order.coupon_codes)


def _lines(order: NewOrder, nets: Sequence[int]) -> list[Line]:
    return [Line(item.sku, item.category, net) for item, net in zip(order.items, nets, strict=True)]


def _redeemable(codes: Sequence[str], quote: Quote) -> Codes | DomainError:
    if quote.refused:
        return CouponRefused(codes, quote.refused, "/coupon_codes")
    return [AppliedCode(one.code, one.coupon_id, one.member_id, one.amount, one.lines, one) for one in quote.discounts]


def _told(order: NewOrder) -> dict[str, int]:
    """What the shop has taken off, code by code; one that it names without an amount has taken nothing."""
    told = {one.code: one.amount for one in order.coupon_discounts or ()}
    return told | {code: 0 for code in order.coupon_codes if code not in told}


def _as_told(
    order: NewOrder, nets: Sequence[int], told: Mapping[str, int], found: Mapping[str, FoundCode]
) -> Codes | DomainError:
    lines = _lines(order, nets)
    wished = [CouponDiscount(amount, _own_lines(found.get(code), lines)) for code, amount in told.items()]
    try:
        taken = discounts_as_told(nets, wished)
    except DomainError as error:
        return error
    known = [found.get(code) for code in told]
    return [
        AppliedCode(code, one and one.coupon.id, one and one.member_id, discount.amount, list(discount.lines))
        for code, one, discount in zip(told, known, taken, strict=True)
    ]


def _own_lines(found: FoundCode | None, lines: Sequence[Line]) -> list[int]:
    covered = covered_lines(found.coupon.skus, found.coupon.categories, lines) if found else []
    return covered or list(range(len(lines)))


def redeem_codes(program: Program, written: Sequence[tuple[OrderRecord, Codes]]) -> None:
    """Take the codes of orders that were just written.

    Raises:
        Collision: somebody was quicker to the last of one; judged again, the code is refused.
    """
    uses = [
        Use(
            order.id,
            order.external_id,
            order.customer_id,
            [one.redeemed for one in codes if one.redeemed],
            [(one.code, one.amount) for one in codes if not one.redeemed],
        )
        for order, codes in written
        if codes
    ]
    if uses:
        vouchers.redeem(program, uses)


def give_codes_back(
    program_id: UUID, *, canceled: Sequence[OrderRecord] = (), refunded: Sequence[OrderRecord] = ()
) -> None:
    """Return what canceled orders and orders refunded in full had redeemed, by each coupon's own rule."""
    canceled_ids = [order.id for order in canceled if order.coupons]
    refunded_ids = [order.id for order in refunded if order.coupons]
    if canceled_ids or refunded_ids:
        vouchers.give_back(program_id, canceled_ids, refunded_ids)


def codes_named(program_id: UUID, orders: Sequence[OrderRecord]) -> list[list[NamedCode]]:
    """The codes of orders that are there already, and whose they are now; no statement where there are none."""
    named = [[str(one["code"]) for one in order.coupons] for order in orders]
    wanted = {code for codes in named for code in codes}
    found = vouchers.find_codes(program_id, wanted) if wanted else {}
    return [
        [NamedCode(code, found[code].member_id if code in found else None, known=code in found) for code in codes]
        for codes in named
    ]
