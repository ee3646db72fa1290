"""What orders and refunds can be refused for."""

from core.errors import Conflict


class RefundExceedsOrder(Conflict):
    code = "refund_exceeds_order"
    title = "The refund is larger than what is left of the order"
