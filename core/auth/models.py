"""Tables of credentials. Looked up before the program is known, hence without row-level security; hashes only."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Hash, Id, IdKey, Instant, ProgramKey, Words


class StaffRow(Base):
    """A person who signs in with e-mail and password. A global look-up: one e-mail, one person."""

    __tablename__ = "staff"

    id: Mapped[IdKey]
    program_id: Mapped[Id] = mapped_column(ForeignKey("programs.id"))
    email: Mapped[str] = mapped_column(unique=True)  # lower case
    name: Mapped[str | None]
    role: Mapped[str]
    password_hash: Mapped[str]  # argon2id
    token_version: Mapped[int]  # raised to end all tokens
    disabled_at: Mapped[Instant | None]
    created_at: Mapped[Instant]

    __table_args__ = (Index("ix_staff_program_id_id", "program_id", "id"),)


class ApiKeyRow(Base):
    """A secret or publishable key: SHA-256 of 160 random bits, which needs no slow hash."""

    __tablename__ = "api_keys"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    kind: Mapped[str]  # secret | publishable
    name: Mapped[str]
    key_hash: Mapped[Hash]
    hint: Mapped[str]  # the last four characters
    scopes: Mapped[Words]
    created_by: Mapped[UUID | None]
    created_at: Mapped[Instant]
    revoked_at: Mapped[Instant | None]

    __table_args__ = (Index("uq_api_keys_program_id_key_hash", "program_id", "key_hash", unique=True),)


class RefreshTokenRow(Base):
    """A member's long token; used once, then replaced."""

    __tablename__ = "refresh_tokens"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    token_hash: Mapped[Hash]
    created_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    used_at: Mapped[Instant | None]

    __table_args__ = (Index("uq_refresh_tokens_program_id_token_hash", "program_id", "token_hash", unique=True),)
