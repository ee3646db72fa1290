"""What members earn: commissions, their reversals and their maturation."""
