"""The job edge of red packets, and what an audit of the ledger asks them."""

from datetime import timedelta
from uuid import UUID

from commission.ledger.audits import register_audit_check
from community.red_packets.audit_checks import check_packets
from community.red_packets.closing import advance, any_to_advance
from core.auth.service import program_of
from core.jobs.outbox import publish
from core.jobs.registry import job, schedule


@job("red_packets.advance", queue="money")
def advance_packets(program_id: UUID) -> None:
    """Open, finish and expire what is due; where more waits, the next turn is published in the same transaction."""
    if advance(program_of(program_id)):
        publish(program_id, "red_packets.advance", {})


schedule("red_packets.advance", every=timedelta(seconds=1), has_work=any_to_advance)
register_audit_check("red_packets", check_packets)
