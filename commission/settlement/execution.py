"""Executing a run: its approved payouts are queued in chunks, and it is completed when the last of them has ended."""

from uuid import UUID

from commission.payouts import service as payouts
from commission.settlement import queries
from commission.settlement.rules import OPEN_PAYOUTS, Status
from core.audit import service as audit
from core.auth.actor import ActorKind, Program
from core.clock import now
from core.db import execute
from core.events.service import Event, announce
from core.ids import public_id
from core.jobs.outbox import publish

PAYOUTS_IN_A_CHUNK = 500


def queue_chunk(program: Program, run_id: UUID) -> None:
    """Queue the run's next approved payouts; after the last see whether the run has ended, as an empty one has."""
    run = queries.run(program.id, run_id, lock=True)
    if run is None or run.status != Status.EXECUTING:
        return
    reached = payouts.queue_settlement(program.id, run_id, run.after_payout_id, PAYOUTS_IN_A_CHUNK)
    if reached is None:
        complete_if_over(program.id, run_id)
        return
    execute(
        "UPDATE settlements SET after_payout_id = %(reached)s WHERE program_id = %(program_id)s AND id = %(id)s",
        program_id=program.id, id=run_id, reached=reached,
    )  # fmt: skip
    publish(program.id, "settlement.queue", {"settlement_id": str(run_id)})


def complete_finished(program_id: UUID) -> None:
    """End every executing run whose payouts have all ended, in run-id order."""
    for run_id in queries.executing_runs(program_id):
        complete_if_over(program_id, run_id)


def complete_if_over(program_id: UUID, run_id: UUID) -> None:
    """executing → completed once no payout is open: what is unknown or processing keeps the run executing.

    A payout that failed for good counts as ended; if somebody retries it later, it is paid outside the run's life.
    """
    progress = payouts.progress_of(program_id, run_id)
    if OPEN_PAYOUTS & progress.keys():
        return
    ended = execute(
        """UPDATE settlements SET status = 'completed', finished_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'executing'""",
        program_id=program_id, id=run_id, at=now(),
    )  # fmt: skip
    if ended:
        paid = progress.get("paid")
        facts = {"settlement_id": run_id, "payout_count": paid.count if paid else 0, "net": paid.net if paid else 0}
        announce(program_id, [Event("settlement.completed", now(), facts)])
        detail = {status: one.count for status, one in progress.items()}
        audit.record(program_id, ActorKind.SYSTEM, None, "settlement.completed", public_id("stl", run_id), detail)
