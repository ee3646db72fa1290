"""Ends the payout lock once a person has answered for every finding. Opens its own transactions."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from commission.payouts.lock import FLAG, held_lock, keep_detail, remove_lock
from commission.payouts.queueing import publish_submissions
from core.audit import service as audit
from core.auth.actor import ActorKind
from core.clock import now
from core.db import fetch_all, lookup, scalars, transaction
from core.errors import NotFound, WrongState


class _Waiting(NamedTuple):
    id: UUID
    rail: str


def acknowledge(names: Sequence[str], evidence: str, by: str) -> int:
    """Write down what was done about findings, and by whom; how many. A name is a key, or a class of findings.

    Raises:
        WrongState: payouts are not locked.
        NotFound: a name stands for no finding.
    """
    with transaction():
        lock = held_lock()
        if lock is None:
            raise WrongState("Payouts are not locked.")
        named = {name: _named(lock.detail.get("findings", []), name) for name in names}
        answer = {"evidence": evidence, "by": by, "at": now().isoformat()}
        for finding in (finding for found in named.values() for finding in found):
            finding["acknowledged"] = answer
        keep_detail(lock.detail)
    return sum(map(len, named.values()))


def _named(findings: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    found = [finding for finding in findings if name in {finding["key"], finding["class"]}]
    if not found:
        raise NotFound(f"There is no finding {name}.")
    return found


def unlock() -> int:
    """Let payouts go out again; how many wait in the queue.

    Raises:
        WrongState: not locked, not reconciled since the lock, or a finding is not acknowledged.
    """
    with transaction():
        lock = held_lock()
        if lock is None:
            raise WrongState("Payouts are not locked.")
        if "reconciled_at" not in lock.detail:
            raise WrongState("Reconcile first: flask payouts reconcile.")
        left = [finding["key"] for finding in lock.detail["findings"] if finding["acknowledged"] is None]
        if left:
            raise WrongState(f"{len(left)} findings are not acknowledged: {', '.join(left[:5])}")
        remove_lock()
    with lookup():
        programs: list[UUID] = scalars("SELECT id FROM programs ORDER BY id")
    return sum(_wake(program_id, len(lock.detail["findings"])) for program_id in programs)


def _wake(program_id: UUID, findings: int) -> int:
    """Publish the sending of what waited; a crash here only makes it later, the sweep finds it."""
    with transaction(program_id):
        waiting = fetch_all(
            _Waiting,
            "SELECT id, rail FROM payouts WHERE program_id = %(program_id)s AND status = 'queued' AND rail <> 'manual'",
            program_id=program_id,
        )
        publish_submissions(program_id, waiting)
        audit.record(program_id, ActorKind.SYSTEM, None, "payouts.unlock", None, {"findings": findings, "flag": FLAG})
    return len(waiting)
