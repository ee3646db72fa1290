"""Ending a run that is not paid: all it reserved goes back to available, in chunks; then it is canceled or failed."""

from uuid import UUID

from commission.earnings.maturation import maturation_of
from commission.payouts import service as payouts
from commission.settlement import queries
from commission.settlement.queries import Run
from core.audit import service as audit
from core.auth.actor import Actor, ActorKind, Program
from core.clock import now
from core.db import execute
from core.ids import public_id
from core.jobs.outbox import publish

PAYOUTS_IN_A_CHUNK = 500

_REASONS = {"canceled": "The settlement was canceled.", "failed": "The settlement could not be prepared."}


def close(program: Program, run: Run, actor: Actor | None) -> None:
    """Give back the first chunk now and leave the rest to a job. The caller has set `closing` and holds the run.

    A maturation that was under way goes on by itself: its commissions are due, whatever becomes of the run.
    """
    if maturation_of(program.id, run.maturation_id).status != "completed":
        publish(program.id, "earnings.mature", {"maturation_id": str(run.maturation_id)})
    give_back_chunk(program, run.id, actor)


def give_back_chunk(program: Program, run_id: UUID, actor: Actor | None) -> None:
    """Give back the next payouts of a run that is closing; the last chunk ends it. Other runs are left alone."""
    run = queries.run(program.id, run_id, lock=True)
    if run is None or run.closing is None or run.finished_at is not None:
        return
    ids = queries.unsent_payouts(program.id, run_id, PAYOUTS_IN_A_CHUNK)
    # one that somebody canceled by itself in the meantime is given back already
    payouts.release(program.id, ids, "canceled", _REASONS[run.closing], actor)
    if len(ids) == PAYOUTS_IN_A_CHUNK:
        publish(program.id, "settlement.give_back", {"settlement_id": str(run_id)})
    else:
        _finish(program.id, run)


def _finish(program_id: UUID, run: Run) -> None:
    execute(
        """UPDATE settlements SET status = closing, closing = NULL, finished_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=program_id, id=run.id, at=now(),
    )  # fmt: skip
    if run.closing == "failed":
        detail = {"reason": run.failure}
        audit.record(program_id, ActorKind.SYSTEM, None, "settlement.failed", public_id("stl", run.id), detail)
