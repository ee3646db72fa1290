"""Which claims rules can answer without a person. Pure: the order and the member are given."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple
from uuid import UUID

CLAIMABLE_FOR = timedelta(days=90)  # after payment
WAITS_FOR = timedelta(days=30)  # for an order that nobody knows


class Answer(StrEnum):
    """Why a claim was rejected by rule."""

    ALREADY_YOURS = "already_yours"
    ORDER_CANCELED = "order_canceled"
    OWN_ORDER = "own_order"  # the claimant is the customer, and self-purchase does not earn
    TOO_LATE = "too_late"
    ORDER_NOT_FOUND = "order_not_found"


class ClaimedOrder(NamedTuple):
    """What of an order an answer depends on."""

    status: str
    paid_at: datetime | None
    customer_id: UUID | None
    attributed_member_id: UUID | None


class Verdict(NamedTuple):
    """waiting: for the order or its payment; open: for a person; rejected: with the rule's answer."""

    status: Literal["waiting", "open", "rejected"]
    answer: Answer | None = None


def verdict_on(
    order: ClaimedOrder | None, claimant_id: UUID, claimed_at: datetime, at: datetime, *, self_purchase: str
) -> Verdict:
    """What rules say of a claim now."""
    if order is None or (order.paid_at is None and order.status != "canceled"):
        late = at - claimed_at > WAITS_FOR
        return Verdict("rejected", Answer.ORDER_NOT_FOUND) if late else Verdict("waiting")
    answer = _answer(order, claimant_id, claimed_at, self_purchase)
    return Verdict("rejected", answer) if answer else Verdict("open")


def _answer(order: ClaimedOrder, claimant_id: UUID, claimed_at: datetime, self_purchase: str) -> Answer | None:
    if order.status == "canceled" or order.paid_at is None:
        return Answer.ORDER_CANCELED
    if order.attributed_member_id == claimant_id:
        return Answer.ALREADY_YOURS
    if order.customer_id == claimant_id and self_purchase == "off":
        return Answer.OWN_ORDER
    return Answer.TOO_LATE if claimed_at - order.paid_at > CLAIMABLE_FOR else None
