"""Tables of members. Personal data lives here and nowhere else, so that erasure has one place to blank."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Hash, Id, IdKey, Instant, Json, ProgramKey


class MemberRow(Base):
    """A member, with his present binding. The binding's columns are all null or, but for the two ends, all set."""

    __tablename__ = "members"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    external_id: Mapped[str | None]  # the shop's own id; null: erased
    content_hash: Mapped[
        Hash | None
    ]  # keyed, of the first POST after defaults; null: named by an order only, or erased
    name: Mapped[str | None]
    avatar_url: Mapped[str | None]
    phone_sealed: Mapped[str | None]  # encrypted for this row
    phone_hash: Mapped[Hash | None]  # keyed
    attributes: Mapped[Json]
    grade: Mapped[str]
    status: Mapped[str]  # active | suspended | erased
    enrolment: Mapped[str]  # none | applied | enrolled | rejected | exited
    agreement_version: Mapped[str | None]  # what he agreed to when he applied or was enrolled
    invite_code: Mapped[str | None]  # null: erased
    inviter_id: Mapped[UUID | None]
    binding_source: Mapped[str | None]  # registration | invite_code | link | click | order | api | staff
    bound_at: Mapped[Instant | None]
    protected_until: Mapped[Instant | None]
    binding_expires_at: Mapped[Instant | None]
    joined_at: Mapped[Instant]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "inviter_id"], ["members.program_id", "members.id"], name="fk_members_inviter"
        ),
        CheckConstraint("status IN ('active', 'suspended', 'erased')", name="status"),
        CheckConstraint("enrolment IN ('none', 'applied', 'enrolled', 'rejected', 'exited')", name="enrolment"),
        CheckConstraint("inviter_id <> id", name="inviter"),
        Index("uq_members_external_id", "program_id", "external_id", unique=True),
        Index("uq_members_invite_code", "program_id", "invite_code", unique=True),
        Index("ix_members_inviter", "program_id", "inviter_id", "id"),
    )


class MemberIdentityRow(Base):
    """What a platform calls a member: an openid, a unionid. One member each within the program."""

    __tablename__ = "member_identities"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    kind: Mapped[str]
    value_sealed: Mapped[str]  # encrypted for this row
    value_hash: Mapped[Hash]  # keyed
    created_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_identities_member"
        ),
        Index("uq_member_identities_value", "program_id", "kind", "value_hash", unique=True),
        Index("ix_member_identities_member", "program_id", "member_id"),
    )


class MemberEnrolmentRow(Base):
    """One step of a member's enrolment: who took it, when, and under which agreement."""

    __tablename__ = "member_enrolments"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    action: Mapped[str]  # apply | approve | reject | exit
    status_before: Mapped[str]
    status_after: Mapped[str]
    agreement_version: Mapped[str | None]
    reason: Mapped[str | None]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    created_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_enrolments_member"
        ),
        Index("ix_member_enrolments_member", "program_id", "member_id", "id"),
    )
