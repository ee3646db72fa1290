"""Audits: the whole ledger recomputed from its rows, in bounded steps. Only reads the books; memory stays flat.

What came before the audit began is checked; what is posted and sealed meanwhile does no harm.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from commission.ledger import audit_steps
from commission.ledger.audit_steps import Checked, Finding, Progress
from commission.ledger.chain import GENESIS
from commission.ledger.errors import AuditNotFound
from commission.ledger.queries import Head, head_of
from core.auth.actor import Actor
from core.clock import now
from core.db import execute, fetch_one, json
from core.ids import new_id
from core.jobs.outbox import publish

AUDIT_JOB = "ledger.audit"
_MOST_PROBLEMS = 100

Step = Callable[[UUID, Progress], Checked]
AuditCheck = Callable[[UUID], Checked]

_STEPS: dict[str, Step] = {
    "chain": audit_steps.check_chain,
    "transactions": audit_steps.check_transactions,
    "balances": audit_steps.check_balances,
    "accounts": audit_steps.check_accounts,
}


def register_audit_check(name: str, check: AuditCheck) -> None:
    """Let a feature above have its books compared with the ledger: `check(program_id)` runs in the audit's transaction."""
    _STEPS[name] = lambda program_id, _progress: check(program_id)


class Audit(NamedTuple):
    """An audit and how far it is."""

    id: UUID
    status: str
    progress: Progress
    created_at: datetime
    completed_at: datetime | None


class _Row(NamedTuple):
    id: UUID
    status: str
    progress: dict[str, Any]
    created_at: datetime
    completed_at: datetime | None


def request_audit(actor: Actor) -> Audit:
    """Begin an audit of everything up to now."""
    audit_id = new_id()
    head = head_of(actor.program_id) or Head(0, GENESIS)
    progress = Progress(step=next(iter(_STEPS)), until=head.seq, head=head.hash.hex())
    execute(
        """INSERT INTO ledger_audits (program_id, id, status, progress, requested_by, created_at)
           VALUES (%(program_id)s, %(id)s, 'running', %(progress)s, %(requested_by)s, %(at)s)""",
        program_id=actor.program_id, id=audit_id, progress=json(msgspec.to_builtins(progress)), requested_by=actor.id,
        at=now(),
    )  # fmt: skip
    publish(actor.program_id, AUDIT_JOB, {"audit_id": str(audit_id)})
    return audit_of(actor.program_id, audit_id)


def audit_of(program_id: UUID, audit_id: UUID) -> Audit:
    """Raises: AuditNotFound: there is none of this id."""
    row = fetch_one(
        _Row,
        """SELECT id, status, progress, created_at, completed_at FROM ledger_audits
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=program_id, id=audit_id,
    )  # fmt: skip
    if row is None:
        raise AuditNotFound()
    return Audit(row.id, row.status, msgspec.convert(row.progress, Progress), row.created_at, row.completed_at)


def audit_chunk(program_id: UUID, audit_id: UUID, most: int) -> bool:
    """Do the next few pieces of an audit; whether it is completed. The job's delivery is what keeps two apart."""
    audit = audit_of(program_id, audit_id)
    progress = audit.progress
    for _ in range(most):
        if audit.completed_at or progress.step is None:
            return True
        _advance(program_id, progress)
    execute(
        """UPDATE ledger_audits SET progress = %(progress)s, status = %(status)s, completed_at = %(completed_at)s
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=program_id, id=audit_id, progress=json(msgspec.to_builtins(progress)),
    )  # fmt: skip
    return progress.step is None
