"""Boards, digests and segments: who sold, earned, invited and bought how much."""
