"""Table of attribution claims. A member has at most one open claim to an order."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped

from core.db import Base, Id, IdKey, Instant, ProgramKey


class AttributionClaimRow(Base):
    """A member says that an order is his (订单找回)."""

    __tablename__ = "attribution_claims"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    order_external_id: Mapped[str]
    note: Mapped[str | None]  # the member's words
    status: Mapped[str]  # waiting (no such order yet) | open | approved | rejected
    reason: Mapped[str | None]  # a code where rules answered, else the words of who decided
    decided_by_kind: Mapped[str | None]  # rules | staff
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[Instant | None]
    created_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_attribution_claims_member"
        ),
        CheckConstraint("status IN ('waiting', 'open', 'approved', 'rejected')", name="status"),
        Index(
            "uq_attribution_claims_open", "program_id", "member_id", "order_external_id", unique=True,
            postgresql_where=text("status IN ('waiting', 'open')"),
        ),
        Index("ix_attribution_claims_status", "program_id", "status", "id"),
        Index("ix_attribution_claims_order", "program_id", "order_external_id"),
        Index("ix_attribution_claims_member", "program_id", "member_id", "id"),
    )  # fmt: skip
