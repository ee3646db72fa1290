"""Orders on their way in: checked, added up and their codes judged, before anything is written."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from commission.orders.coupons import Codes, apply_codes
from commission.orders.new_order import NewOrder, request_hash
from commission.orders.rules import CouponDiscount, OrderSums, duplicate_line_faults, order_sums
from commission.plans.rules import OrderLines
from core.auth.actor import Program
from core.errors import DomainError, Invalid
from core.ids import new_id


class Draft(NamedTuple):
    """An order that is fit to be written, and its number in the request."""

    id: UUID
    number: int
    order: NewOrder
    request_hash: bytes
    sums: OrderSums
    codes: Codes

    @property
    def lines(self) -> OrderLines:
        items = self.order.items
        return OrderLines(
            skus=[item.sku for item in items],
            categories=[item.category for item in items],
            quantities=[item.quantity for item in items],
            bases=self.sums.bases,
        )


def draft_of(program: Program, number: int, order: NewOrder, stores: dict[str, UUID]) -> Draft:
    """The order before its codes are applied, once nothing else speaks against it.

    Raises:
        Invalid: another currency, an unknown store, two equal lines, or discounts that are too large.
    """
    if order.currency != program.currency:
        raise Invalid.at("/currency", f"The program's currency is {program.currency}.")
    if order.store_external_id is not None and order.store_external_id not in stores:
        # a store is a member the shop has made: an unknown one is a mistake, not a new store
        raise Invalid.at("/store_external_id", "There is no such member.")
    if faults := duplicate_line_faults([item.sku for item in order.items], [item.unit_price for item in order.items]):
        raise Invalid(faults=faults)
    return Draft(new_id(), number, order, request_hash(order), _sums(order), [])


def _sums(order: NewOrder, codes: Codes | None = None) -> OrderSums:
    items = order.items
    return order_sums(
        [item.quantity for item in items],
        [item.unit_price for item in items],
        [item.discount for item in items],
        discount=order.discount,
        coupons=[CouponDiscount(code.amount, code.lines) for code in codes or ()],
        shipping=order.shipping,
        tax=order.tax,
    )


def with_codes(program: Program, drafts: Sequence[Draft]) -> tuple[list[Draft], dict[int, DomainError]]:
    """The drafts after their codes, and the refusals of the others by number."""
    applied = apply_codes(program, [(draft.order, draft.sums.bases) for draft in drafts])
    fit: list[Draft] = []
    refused: dict[int, DomainError] = {}
    for draft, codes in zip(drafts, applied, strict=True):
        if isinstance(codes, DomainError):
            refused[draft.number] = codes
        else:
            fit.append(draft._replace(codes=codes, sums=_sums(draft.order, codes)) if codes else draft)
    return fit, refused
