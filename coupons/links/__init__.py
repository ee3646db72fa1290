"""Tracked links: who shares what, and where it leads."""
