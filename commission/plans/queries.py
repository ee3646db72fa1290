"""Every SELECT on plans."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from core.db import fetch_all, fetch_one


class PlanVersion(NamedTuple):
    """A published plan."""

    id: UUID
    name: str
    effective_from: datetime
    terms: dict[str, Any]
    warnings: list[dict[str, Any]]
    created_at: datetime
    retired_at: datetime | None


class PlanStart(NamedTuple):
    """When a plan takes effect; enough to choose among plans."""

    id: UUID
    effective_from: datetime


def plan_starts(program_id: UUID) -> list[PlanStart]:
    """Plans not retired, by effect and then by making, so that the last one not after an instant applies."""
    return fetch_all(
        PlanStart,
        """SELECT id, effective_from FROM plans WHERE program_id = %(program_id)s AND retired_at IS NULL
           ORDER BY effective_from, id""",
        program_id=program_id,
    )


def plan(program_id: UUID, plan_id: UUID) -> PlanVersion | None:
    return fetch_one(
        PlanVersion,
        """SELECT id, name, effective_from, terms, warnings, created_at, retired_at FROM plans
           WHERE program_id = %(program_id)s AND id = %(plan_id)s""",
        program_id=program_id, plan_id=plan_id,
    )  # fmt: skip


def plans(program_id: UUID, after: UUID | None, most: int) -> Sequence[PlanVersion]:
    """Newest first."""
    return fetch_all(
        PlanVersion,
        """SELECT id, name, effective_from, terms, warnings, created_at, retired_at FROM plans
           WHERE program_id = %(program_id)s AND (%(after)s::uuid IS NULL OR id < %(after)s)
           ORDER BY id DESC LIMIT %(most)s""",
        program_id=program_id, after=after, most=most,
    )  # fmt: skip
