"""Activities, participations and their budgets."""

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Nothing yet."""
