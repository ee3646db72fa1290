"""Selling in groups."""
