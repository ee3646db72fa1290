"""What payouts refuse."""

from core.errors import Conflict, Invalid, NotFound, WrongState


class PayoutNotFound(NotFound):
    title = "There is no such payout"


class BalanceTooLow(Conflict):
    code = "balance_too_low"
    title = "The available balance is lower than the amount"


class BelowMinimum(Invalid):
    code = "below_minimum"
    title = "The amount is below the program's minimum"


class NoPayoutMethod(Conflict):
    code = "no_payout_method"
    title = "The member has no payout method"


class MethodFrozen(Conflict):
    code = "method_frozen"
    title = "The payout method was added lately and cannot be paid to yet"


class MemberSuspended(Conflict):
    code = "member_suspended"
    title = "The member is suspended and is not paid"


class DigestMismatch(Conflict):
    code = "digest_mismatch"
    title = "The payouts are not those that were looked at"


class NotRetryable(WrongState):
    code = "not_retryable"
    title = "Only a payout that definitely failed can be tried again"
