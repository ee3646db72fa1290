"""Coupons: terms, codes, claims, reservations, redemptions; quantities are exact at any concurrency."""
