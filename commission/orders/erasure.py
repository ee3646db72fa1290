"""What orders forget when their customer is erased: by whose device he came. Callers hold the transaction."""

from uuid import UUID

from core.db import execute
from referral.members import service as members


def _forget_visits(program_id: UUID, member_id: UUID) -> None:
    execute(
        """UPDATE orders SET named = named - 'visitor' - 'click_id'
           WHERE program_id = %(program_id)s AND customer_id = %(member_id)s
             AND named ?| array['visitor', 'click_id']""",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip


members.register_erasure_step(_forget_visits)
