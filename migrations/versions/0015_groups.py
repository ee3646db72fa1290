"""Chat groups, their members and what is posted in them."""

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Nothing yet."""
