"""Tables of programs: one row each, and every version of their settings."""

from uuid import UUID

from sqlalchemy import ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, IdKey, Instant, Json, ProgramKey


class ProgramRow(Base):
    """A tenant. A reference table: the only key without program_id, because it is the program."""

    __tablename__ = "programs"

    id: Mapped[IdKey]
    number: Mapped[int] = mapped_column(Identity(always=True), unique=True)  # the short number that keys carry
    name: Mapped[str]
    settings_version: Mapped[int]
    created_at: Mapped[Instant]


class ProgramSettingsRow(Base):
    """One immutable version of a program's settings."""

    __tablename__ = "program_settings"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    version: Mapped[int] = mapped_column(primary_key=True)
    settings: Mapped[Json]
    created_at: Mapped[Instant]
    created_by: Mapped[UUID | None]  # staff; null: the operator's command line
