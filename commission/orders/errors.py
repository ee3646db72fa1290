"""What orders and refunds can be refused for."""

from core.errors import Conflict, NotFound, WrongState


class OrderNotFound(NotFound):
    title = "There is no such order"


class RefundExceedsOrder(Conflict):
    code = "refund_exceeds_order"
    title = "The refund is larger than what is left of the order"


class MemberNotPayable(Conflict):
    code = "member_not_payable"
    title = "The member cannot be paid for this order"


class OrderHeld(Conflict):
    code = "order_held"
    title = "The guard holds the order: decide that first"


class OrderInOtherState(WrongState):
    code = "wrong_state"
    title = "The order is in another state"
