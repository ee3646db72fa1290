"""Audits: the whole ledger recomputed from its rows, in bounded pieces. Only reads the books; memory stays flat.

What came before the audit began is checked; what is posted and sealed meanwhile does no harm.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from commission.ledger import audit_steps
from commission.ledger.audit_steps import Checked, Finding
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

AuditCheck = Callable[[UUID], Checked]

_STEPS: dict[str, audit_steps.Step] = {
    "chain": audit_steps.check_chain,
    "transactions": audit_steps.check_transactions,
    "balances": audit_steps.check_balances,
    "accounts": audit_steps.check_accounts,
}


def register_audit_check(name: str, check: AuditCheck) -> None:
    """Have a feature above compare its books with the ledger: `check(program_id)`, in the audit's transaction."""
    _STEPS[name] = lambda program_id, _head, _after: check(program_id)


class Progress(msgspec.Struct):
    """How far an audit is and what it found."""

    step: str | None  # the one to go on with; None: all are done
    seq: int  # the chain's head when it began
    hash: str
    after: str | None = None  # where the step goes on
    checked: dict[str, int] = {}
    problems: list[dict[str, str | None]] = []  # the first hundred
    problem_count: int = 0


class Audit(NamedTuple):
    """An audit as it stands."""

    id: UUID
    status: str
    progress: Progress
    created_at: datetime
    completed_at: datetime | None


def request_audit(actor: Actor) -> Audit:
    """Begin an audit of everything up to now."""
    audit_id = new_id()
    head = head_of(actor.program_id) or Head(0, GENESIS)
    execute(
        """INSERT INTO ledger_audits (program_id, id, status, progress, requested_by, created_at)
           VALUES (%(program_id)s, %(id)s, 'running', %(progress)s, %(requested_by)s, %(at)s)""",
        program_id=actor.program_id, id=audit_id, requested_by=actor.id, at=now(),
        progress=json(msgspec.to_builtins(Progress(next(iter(_STEPS)), head.seq, head.hash.hex()))),
    )  # fmt: skip
    publish(actor.program_id, AUDIT_JOB, {"audit_id": str(audit_id)})
    return audit_of(actor.program_id, audit_id)


class _Row(NamedTuple):
    id: UUID
    status: str
    progress: dict[str, Any]
    created_at: datetime
    completed_at: datetime | None


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
    """Do the next pieces of an audit, `most` of them; whether it is completed."""
    progress = audit_of(program_id, audit_id).progress
    for _ in range(most):
        if progress.step is not None:
            _advance(program_id, progress, progress.step)
    done = progress.step is None
    execute(
        """UPDATE ledger_audits SET progress = %(progress)s, status = %(status)s, completed_at = %(completed_at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'running'""",
        program_id=program_id, id=audit_id, progress=json(msgspec.to_builtins(progress)),
        status="completed" if done else "running", completed_at=now() if done else None,
    )  # fmt: skip
    return done


def _advance(program_id: UUID, progress: Progress, name: str) -> None:
    checked = _STEPS[name](program_id, Head(progress.seq, bytes.fromhex(progress.hash)), progress.after)
    progress.checked[name] = progress.checked.get(name, 0) + checked.number
    _note(progress, name, checked.findings)
    progress.after = checked.after
    if checked.after is None:
        progress.step = _step_after(name)


def _note(progress: Progress, name: str, findings: list[Finding]) -> None:
    room = _MOST_PROBLEMS - len(progress.problems)
    progress.problems += [{"check": name, **finding._asdict()} for finding in findings[:room]]
    progress.problem_count += len(findings)


def _step_after(name: str) -> str | None:
    names = list(_STEPS)
    return next(iter(names[names.index(name) + 1 :]), None)


__all__ = [
    "AUDIT_JOB",
    "Audit",
    "Checked",
    "Finding",
    "audit_chunk",
    "audit_of",
    "register_audit_check",
    "request_audit",
]
