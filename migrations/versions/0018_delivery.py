"""Messages on their way to chat platforms."""

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Nothing yet."""
