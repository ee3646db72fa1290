"""What members ask for: an order of theirs that was attributed to nobody, or to somebody else (订单找回)."""
