"""Tracked links and coupon codes."""
