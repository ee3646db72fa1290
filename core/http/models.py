"""The table of idempotency keys: kept for ever, answers for 30 days."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Hash, IdKey, Instant, ProgramKey


class IdempotencyKeyRow(Base):
    """A key that had its effect, with the first answer."""

    __tablename__ = "idempotency_keys"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    credential_id: Mapped[IdKey]
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[Hash]  # SHA-256 over method, path and body
    status: Mapped[int | None]
    answer: Mapped[Hash | None]  # the body's bytes; null: expired, or a secret that is not kept
    created_at: Mapped[Instant]

    __table_args__ = (Index("ix_idempotency_keys_program_id_created_at", "program_id", "created_at"),)
