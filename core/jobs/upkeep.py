"""The kernel's own scheduled work: forgetting what is past its time."""

from datetime import timedelta
from uuid import UUID

from core.caching.service import prune_changes
from core.clock import now
from core.db import execute
from core.http.idempotency import expire_answers
from core.jobs import outbox
from core.jobs.registry import job, schedule

JOBS_KEPT = timedelta(days=7)


@job("core.upkeep")
def upkeep(program_id: UUID) -> None:
    """Forget done jobs, answers of idempotency keys, spent refresh tokens and changes that everybody has read."""
    outbox.prune(program_id, now() - JOBS_KEPT)
    expire_answers(program_id)
    prune_changes()
    execute("DELETE FROM refresh_tokens WHERE program_id = %(p)s AND expires_at < %(at)s", p=program_id, at=now())


schedule("core.upkeep", every=timedelta(hours=6))
