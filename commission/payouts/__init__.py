"""Paying members what they are owed, at most once, whatever crashes."""
