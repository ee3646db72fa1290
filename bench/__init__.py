"""Measurements, each against its comparison in one run. Nothing here is a test."""
