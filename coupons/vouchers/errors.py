"""What coupons can be refused for."""

from collections.abc import Sequence

from core.errors import AlreadyExists, Conflict, Fault, Invalid, NotFound, WrongState
from coupons.vouchers.rules import Reason, RefusedCode


class CouponNotFound(NotFound):
    title = "There is no such coupon"


class CodeNotFound(NotFound):
    title = "The coupon has no such code"


class CouponEnded(WrongState):
    title = "The coupon has ended"


class CodeTaken(AlreadyExists):
    title = "The code exists, for another coupon or another owner"


class CodeInUse(WrongState):
    title = "An order has the code or has used it"


class SoldOut(Conflict):
    code = Reason.SOLD_OUT.value
    title = "None is left of the coupon"


class LimitReached(Conflict):
    code = Reason.LIMIT_REACHED.value
    title = "The customer has as many of the coupon as one may have"


class NotYetValid(Conflict):
    code = Reason.NOT_YET_VALID.value
    title = "The coupon is not valid yet"


class CouponExpired(Conflict):
    code = Reason.EXPIRED.value
    title = "The coupon is not valid any more"


class NoMoreClaims(Conflict):
    code = Reason.ENDED.value
    title = "The coupon was ended"


class ReservationNotFound(NotFound):
    title = "There is no such reservation"


class ReservationExists(AlreadyExists):
    title = "The order has a reservation with other content"


class ReservationInOtherState(WrongState):
    title = "The reservation is confirmed, released or expired"


class CouponRefused(Invalid):
    """Codes of an order that take nothing off it; `refused` says why, and the pointers which."""

    code = "coupon_refused"
    title = "A coupon code cannot be used"

    def __init__(self, codes: Sequence[str], refused: Sequence[RefusedCode], at: str = "/codes") -> None:
        """`codes` as the caller named them; `at` is where they stand in what he sent."""
        reasons = {one.code: one.reason for one in refused}
        named = [
            (place, reasons[code.strip().upper()])
            for place, code in enumerate(codes)
            if code.strip().upper() in reasons
        ]
        super().__init__(
            faults=[Fault(f"{at}/{place}", _SAID[reason]) for place, reason in named],
            refused=[{"code": one.code, "reason": one.reason.value} for one in refused],
        )


_SAID = {
    Reason.UNKNOWN_CODE: "There is no such code.",
    Reason.NOT_YET_VALID: "The coupon is not valid yet.",
    Reason.EXPIRED: "The code or its coupon is not valid any more.",
    Reason.ENDED: "The coupon was ended.",
    Reason.SOLD_OUT: "None is left of the coupon.",
    Reason.LIMIT_REACHED: "The customer has used as many of the coupon as one may.",
    Reason.NOT_YOURS: "The code belongs to another customer.",
    Reason.ALREADY_USED: "The code was used by an order already.",
    Reason.RESERVED_ELSEWHERE: "The code is kept for another order.",
    Reason.MIN_SPEND_NOT_REACHED: "The lines it covers come to less than its threshold.",
    Reason.NO_MATCHING_ITEMS: "It covers none of the items.",
    Reason.NOT_STACKABLE: "It does not go together with a code named before it.",
    Reason.NAMED_TWICE: "The code is named twice.",
}
