"""Caches that processes keep of the database, and how they learn that something changed."""
