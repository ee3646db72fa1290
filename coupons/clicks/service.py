"""Clicks, for other features: which of them speak for an order, and who clicked. Callers hold the transaction."""

from coupons.clicks import arrivals as _arrivals  # noqa: F401 -- tells referral whom links and clicks name
from coupons.clicks.tokens import open_token, visitor_key_of
from coupons.clicks.touches import Named, Touch, touches_of
from coupons.clicks.visitors import join_visitors

__all__ = ["Named", "Touch", "join_visitors", "open_token", "touches_of", "visitor_key_of"]
