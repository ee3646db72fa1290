"""Tables of tracked links. A link's code never changes and is never given again, even after it is deleted."""

from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Hash, Id, IdKey, Instant, ProgramKey, Words


class LinkRow(Base):
    """A member's link to one destination. What rides on it is copied onto its clicks and orders."""

    __tablename__ = "links"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    code: Mapped[str]  # of `/r/{code}`; also the mini-program's scene
    request_hash: Mapped[Hash]  # SHA-256 of the content after defaults: tells a repeat of a chosen code from a clash
    member_id: Mapped[Id]  # who earns by it
    destination_url: Mapped[str]
    mini_program_path: Mapped[str | None]
    campaign_id: Mapped[str | None]
    group_id: Mapped[str | None]
    content_id: Mapped[str | None]
    session_id: Mapped[str | None]  # a live session
    channel: Mapped[str | None]
    sub_ids: Mapped[Words]  # up to 5
    coupon_code: Mapped[str | None]  # as the coupon has it: upper case
    product: Mapped[dict[str, str | int] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # sku, title, image_url, price
    expires_at: Mapped[Instant | None]
    deleted_at: Mapped[Instant | None]
    created_by_kind: Mapped[str]  # staff | key | member
    created_by: Mapped[UUID | None]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_links_member"),
        Index("uq_links_code", "program_id", "code", unique=True),
        Index("ix_links_member", "program_id", "member_id", "id"),
        Index(
            "ix_links_campaign", "program_id", "campaign_id", "id", postgresql_where=text("campaign_id IS NOT NULL")
        ),
    )  # fmt: skip


class LinkNameRow(Base):
    """A code that somebody chose: one program has it, for ever. Made codes carry their program's number instead."""

    __tablename__ = "link_names"

    code: Mapped[str] = mapped_column(primary_key=True)
    program_id: Mapped[UUID] = mapped_column(ForeignKey("programs.id"))
