"""The table of commission plans: immutable versions, found by when they take effect."""

from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from core.db import Base, IdKey, Instant, Json, JsonList, ProgramKey


class PlanRow(Base):
    """One published plan. Only `retired_at` ever changes."""

    __tablename__ = "plans"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    name: Mapped[str]
    effective_from: Mapped[Instant]
    terms: Mapped[Json]  # levels, rules, cap_bps: commission.plans.terms.Plan
    warnings: Mapped[JsonList]
    created_by: Mapped[UUID | None]
    created_at: Mapped[Instant]
    retired_at: Mapped[Instant | None]

    __table_args__ = (Index("ix_plans_effective", "program_id", "effective_from", "id"),)
