"""Jobs of the ledger: each delivery does a bounded piece and publishes the next in the same transaction."""

from datetime import timedelta
from uuid import UUID

from commission.ledger import queries
from commission.ledger.audits import AUDIT_JOB, audit_chunk
from commission.ledger.sealing import CHUNK, seal_chunk
from commission.ledger.service import open_money_of
from core.jobs.outbox import publish
from core.jobs.registry import job, schedule
from core.programs.service import register_money_gate
from referral.members.service import register_erasure_guard

SEAL_JOB = "ledger.seal"
_CHUNKS = 5  # a delivery: about a second of work
_PIECES = 8


@job(SEAL_JOB)
def seal(program_id: UUID) -> None:
    """Seal what waits for it, some thousands at a time."""
    for _ in range(_CHUNKS):
        if seal_chunk(program_id) < CHUNK:
            return
    publish(program_id, SEAL_JOB, {})


schedule(SEAL_JOB, every=timedelta(seconds=5), has_work=queries.is_anything_unsealed)


@job(AUDIT_JOB)
def audit(program_id: UUID, audit_id: str) -> None:
    """Go on with an audit."""
    if not audit_chunk(program_id, UUID(audit_id), _PIECES):
        publish(program_id, AUDIT_JOB, {"audit_id": audit_id})


register_erasure_guard(open_money_of)
register_money_gate(queries.has_transactions)
