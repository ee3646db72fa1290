"""Sums of members and groups by day, and segments."""

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Nothing yet."""
