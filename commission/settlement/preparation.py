"""Preparing a run: first maturation up to its `as_of`, then every payable balance is reserved, in chunks by member id.

One chunk is one transaction with its cursor and the next delivery: killed anywhere, the chunk was or was not.
"""

from uuid import UUID

import structlog

from commission.earnings.maturation import maturation_of, mature_chunk
from commission.payouts import service as payouts
from commission.settlement import closing, queries, totals
from commission.settlement.queries import Run
from commission.settlement.rules import (
    MOST_FAILURES,
    Candidate,
    Decisions,
    Status,
    Terms,
    add_skipped,
    decide,
    refusal_of,
    wait_after,
)  # fmt: skip
from core.auth.actor import Actor, ActorKind, Program
from core.clock import now
from core.db import execute, json, savepoint
from core.jobs.outbox import publish

MEMBERS_IN_A_CHUNK = 2000

_log = structlog.get_logger(__name__)


def prepare_chunk(program: Program, run_id: UUID) -> None:
    """Do the run's next chunk and publish the one after it; a chunk that fails again and again ends the run.

    A run that is no longer preparing, or is being given back, is left alone.
    """
    run = queries.run(program.id, run_id, lock=True)
    if run is None or run.status != Status.PREPARING or run.closing is not None:
        return
    try:
        with savepoint():
            done = _advance(program, run)
    except Exception as error:  # noqa: BLE001 -- whatever stops a chunk is counted, and in the end gives the money back
        _log.exception("settlement chunk failed", settlement_id=str(run_id), failures=run.failures + 1)
        _count_failure(program, run, error)
        return
    if not done:
        _publish_next(program.id, run_id, 0)


def _advance(program: Program, run: Run) -> bool:
    """One chunk of maturation, or else of reserving; True when the run has become a draft.

    Never both in one transaction: each locks balances in id order, and twice would not be in order.
    """
    if maturation_of(program.id, run.maturation_id).status != "completed":
        mature_chunk(program, run.maturation_id)
        _clear_failures(program.id, run)
        return False
    found = queries.candidates(program.id, program.currency, run, MEMBERS_IN_A_CHUNK)
    decisions = _decide(program, run, found)
    maker = Actor(program, ActorKind.STAFF, run.created_by)
    payouts.reserve(program, decisions.payouts, kind="settlement", settlement_id=run.id, requested_by=maker)
    _record(program.id, run, found, decisions)
    if len(found) == MEMBERS_IN_A_CHUNK:
        return False
    _become_draft(program.id, run.id)
    return True


def _decide(program: Program, run: Run, found: list[Candidate]) -> Decisions:
    terms = Terms(run.min_payout, program.settings.enrolment == "open")
    payable = [one.member_id for one in found if refusal_of(one, terms) is None]
    return decide(found, terms, payouts.methods_for(program.id, payable, rails=run.rails, at=now()))


def _record(program_id: UUID, run: Run, found: list[Candidate], decisions: Decisions) -> None:
    """Move cursor and counters; skipped reasons add up over the chunks."""
    skipped = dict(run.skipped)
    for reason, (count, amount) in decisions.skipped.items():
        add_skipped(skipped, reason, count, amount)
    amount = sum(one.amount for one in decisions.payouts)
    execute(
        """UPDATE settlements SET after_member_id = coalesce(%(reached)s, after_member_id),
                  payout_count = payout_count + %(count)s, gross = gross + %(amount)s, net = net + %(amount)s,
                  skipped = %(skipped)s, failures = 0, failure = NULL
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=program_id, id=run.id, reached=found[-1].member_id if found else None,
        count=len(decisions.payouts), amount=amount, skipped=json(skipped),
    )  # fmt: skip


def _become_draft(program_id: UUID, run_id: UUID) -> None:
    totals.add_up(program_id, run_id)
    execute(
        """UPDATE settlements SET status = 'draft', prepared_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=program_id, id=run_id, at=now(),
    )  # fmt: skip


def _clear_failures(program_id: UUID, run: Run) -> None:
    if run.failures:
        execute(
            """UPDATE settlements SET failures = 0, failure = NULL
               WHERE program_id = %(program_id)s AND id = %(id)s""",
            program_id=program_id, id=run.id,
        )  # fmt: skip


def _count_failure(program: Program, run: Run, error: Exception) -> None:
    """Try again later; after too many failures in a row give everything back."""
    given_up = run.failures + 1 >= MOST_FAILURES
    execute(
        """UPDATE settlements SET failures = failures + 1, failure = %(failure)s,
                  closing = CASE WHEN %(given_up)s THEN 'failed' END
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=program.id, id=run.id, failure=type(error).__name__, given_up=given_up,
    )  # fmt: skip
    if given_up:
        closing.close(program, run, None)
    else:
        _publish_next(program.id, run.id, run.failures + 1)


def _publish_next(program_id: UUID, run_id: UUID, failures: int) -> None:
    run_at = now() + wait_after(failures) if failures else None
    publish(program_id, "settlement.prepare", {"settlement_id": str(run_id)}, run_at=run_at)
