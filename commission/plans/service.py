"""Publishing plans and finding the one that applies. A published plan never changes. Callers hold the transaction."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from commission.plans import queries
from commission.plans.errors import PlanNotFound
from commission.plans.queries import PlanStart, PlanVersion
from commission.plans.rules import PlanWarning, cap_bps_of, plan_warnings
from commission.plans.terms import MAX_LEVELS, Plan, PlanTerms, level_count, plan_from
from core.auth.actor import Actor
from core.clock import now
from core.db import execute, json
from core.ids import new_id
from core.programs.settings import ProgramSettings

# A published plan never changes, so making its terms ready once a process is enough.
_ready: dict[tuple[UUID, UUID], PlanTerms] = {}
_MAX_READY = 1000


def publish_plan(actor: Actor, name: str, effective_from: datetime, terms: dict[str, Any]) -> PlanVersion:
    """A new version, in effect from an instant that may be past; earlier orders keep theirs.

    Terms that could exceed the caps, and more levels than the program pays, are published all the same, with warnings:
    the caps and max_levels hold on every order.
    """
    plan = plan_from(terms)
    warnings = [msgspec.to_builtins(one) for one in _warnings(plan, actor.program.settings)]
    plan_id = new_id()
    execute(
        """INSERT INTO plans (program_id, id, name, effective_from, terms, warnings, created_by, created_at)
           VALUES (%(program_id)s, %(id)s, %(name)s, %(effective_from)s, %(terms)s, %(warnings)s, %(by)s, %(at)s)""",
        program_id=actor.program_id, id=plan_id, name=name, effective_from=effective_from,
        terms=json(msgspec.to_builtins(plan)), warnings=json(warnings), by=actor.id, at=now(),
    )  # fmt: skip
    return plan_of(actor.program_id, plan_id)


def _warnings(plan: Plan, settings: ProgramSettings) -> list[PlanWarning]:
    warnings = plan_warnings(plan, settings.payout_cap_bps, settings.max_levels)
    listed, paid = level_count(plan, MAX_LEVELS), settings.max_levels
    if listed > paid:
        detail = f"The plan lists {listed} levels and the program pays {paid} at most (max_levels)."
        warnings.append(PlanWarning((), 0, cap_bps_of(plan, settings.payout_cap_bps), detail))
    return warnings


def retire_plan(program_id: UUID, plan_id: UUID) -> PlanVersion:
    """Use a plan for no order accepted from now on; again is no error.

    Raises:
        PlanNotFound: no such plan in the program.
    """
    execute(
        """UPDATE plans SET retired_at = coalesce(retired_at, %(at)s)
           WHERE program_id = %(program_id)s AND id = %(plan_id)s""",
        program_id=program_id, plan_id=plan_id, at=now(),
    )  # fmt: skip
    return plan_of(program_id, plan_id)


def plan_of(program_id: UUID, plan_id: UUID) -> PlanVersion:
    """Raises: PlanNotFound."""
    found = queries.plan(program_id, plan_id)
    if found is None:
        raise PlanNotFound()
    return found


class PlanBook:
    """The plans of a program as of one moment, to find the one for an instant. Make one for a batch."""

    def __init__(self, starts: Sequence[PlanStart]) -> None:
        self._starts = starts
        self._instants = [start.effective_from for start in starts]

    def in_effect(self, paid_at: datetime) -> UUID | None:
        """The plan with the latest start not after `paid_at`; of equal starts the later made."""
        place = bisect_right(self._instants, paid_at)
        return self._starts[place - 1].id if place else None


def plan_book(program_id: UUID) -> PlanBook:
    return PlanBook(queries.plan_starts(program_id))


def terms_of(program_id: UUID, plan_id: UUID) -> PlanTerms:
    """A plan made ready for the arithmetic, kept for the life of the process.

    Raises:
        PlanNotFound: no such plan in the program.
    """
    ready = _ready.get((program_id, plan_id))
    if ready is None:
        if len(_ready) >= _MAX_READY:
            _ready.clear()
        ready = _ready[program_id, plan_id] = PlanTerms(plan_from(plan_of(program_id, plan_id).terms))
    return ready
