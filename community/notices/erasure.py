"""What notices keep of a person, and how it goes with him."""

from uuid import UUID

from core.db import execute
from referral.members import service as members

_ERASED = (
    "DELETE FROM notices WHERE program_id = %(program_id)s AND member_id = %(member_id)s",
    "DELETE FROM notice_pushes WHERE program_id = %(program_id)s AND member_id = %(member_id)s",
    "DELETE FROM notice_grants WHERE program_id = %(program_id)s AND member_id = %(member_id)s",
    "DELETE FROM notice_settings WHERE program_id = %(program_id)s AND member_id = %(member_id)s",
)


def forget_member(program_id: UUID, member_id: UUID) -> None:
    """His inbox and his wishes. Others' notices of him hold his id, and show no name from now on."""
    for statement in _ERASED:
        execute(statement, program_id=program_id, member_id=member_id)


members.register_erasure_step(forget_member)
