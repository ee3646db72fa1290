"""The members' jobs. Safe to run twice."""

from uuid import UUID

from core.http.idempotency import forget_answers_naming
from core.ids import public_id
from core.jobs.registry import job


@job("members.forget_answers")
def forget_answers(program_id: UUID, member_id: str) -> None:
    """Forget the stored answers that show an erased member. Too much to read for the request: a month of them."""
    forget_answers_naming(program_id, public_id("mem", UUID(member_id)))
