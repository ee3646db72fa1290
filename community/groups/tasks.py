"""The job edge of groups."""

from datetime import datetime, timedelta
from uuid import UUID

from community.groups import audiences, callbacks, digests, posting, questions
from core.auth.service import program_of
from core.jobs.outbox import publish
from core.jobs.registry import job, schedule


@job("groups.post", queue="notices")
def post(program_id: UUID) -> None:
    """Post what is due; where more is, the next turn is published in the same transaction."""
    if posting.post_due(program_id) == posting.MOST:
        publish(program_id, "groups.post", {})


@job("groups.post_for_segments", queue="notices")
def post_for_segments(program_id: UUID) -> None:
    """Start what is due for segments; each page of members is a job of its own."""
    audiences.start_due(program_of(program_id))


@job("groups.tell_segment", queue="notices")
def tell_segment(program_id: UUID, post_id: str, segment_id: str, due_at: str, after: str | None = None) -> None:
    """Tell a page of a segment's members; the next page is published in the same transaction."""
    last = audiences.tell_page(
        program_of(program_id),
        UUID(post_id),
        UUID(segment_id),
        datetime.fromisoformat(due_at),
        UUID(after) if after else None,
    )
    if last is not None:
        following = {"post_id": post_id, "segment_id": segment_id, "due_at": due_at, "after": str(last)}
        publish(program_id, "groups.tell_segment", following)


@job("groups.digest", queue="notices")
def digest(program_id: UUID) -> None:
    """Tell the digests that are due; where more are, the next turn is published in the same transaction."""
    if digests.tell_due(program_of(program_id)) == digests.MOST:
        publish(program_id, "groups.digest", {})


@job("groups.answer", queue="notices", own_transactions=True)
def answer(program_id: UUID, question_id: str) -> None:
    """Answer a question from a chat privately."""
    questions.answer(program_id, UUID(question_id))


@job("groups.forget")
def forget(program_id: UUID) -> None:
    """Forget what platforms told long ago."""
    callbacks.forget_events(program_id)
    questions.forget_questions(program_id)


schedule("groups.post", every=timedelta(seconds=5), has_work=posting.any_due)
schedule("groups.post_for_segments", every=timedelta(seconds=5), has_work=audiences.any_due)
schedule("groups.digest", every=timedelta(seconds=5), has_work=digests.any_due)
schedule("groups.forget", every=timedelta(hours=6))
