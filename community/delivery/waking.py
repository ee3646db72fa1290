"""Setting the sender to work. Callers hold the transaction."""

from uuid import UUID

from core.db import scalar
from core.jobs.outbox import publish


def wake(program_id: UUID) -> None:
    """Publish the sender's job unless one is about to start.

    One that is under way does not count: its worker may be dead, and its lease is longer than anybody likes to wait.
    A sender too many finds nothing and ends.
    """
    about_to_start = scalar(
        """SELECT EXISTS (SELECT 1 FROM outbox
           WHERE program_id = %(program_id)s AND job = 'delivery.send' AND status = 'pending')""",
        program_id=program_id,
    )  # fmt: skip
    if not about_to_start:
        publish(program_id, "delivery.send", {})
