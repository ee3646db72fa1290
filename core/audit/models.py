"""The audit table: append-only by grants and trigger."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, IdKey, Instant, Json, ProgramKey


class AuditEventRow(Base):
    """One action of a person or of the operator's command line. Holds ids, never personal data."""

    __tablename__ = "audit_events"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    actor_kind: Mapped[str]  # staff | key | system
    actor_id: Mapped[UUID | None]
    action: Mapped[str]
    target: Mapped[str | None]  # a public id
    detail: Mapped[Json]
    request_id: Mapped[str | None]
    created_at: Mapped[Instant]

    __table_args__ = (Index("ix_audit_events_program_id_target", "program_id", "target"),)
