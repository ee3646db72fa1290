"""Tables of attribution after the fact: what an order was attributed to before, and what members asked for."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped

from core.db import Base, Id, IdKey, Instant, Json, ProgramKey, Small


class OrderAttributionRow(Base):
    """One re-attribution of an order: what stood before it, what after, who decided and why. Never changes."""

    __tablename__ = "order_attributions"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]  # also names the reversals it made
    order_id: Mapped[Id]
    version: Mapped[Small]  # of the order's attribution after it; the first acceptance is 1
    source_before: Mapped[str]
    member_before: Mapped[UUID | None]
    evidence_before: Mapped[Json]
    member_after: Mapped[UUID | None]
    reason: Mapped[str]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    created_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "order_id"], ["orders.program_id", "orders.id"], name="fk_order_attributions_order"
        ),
        Index("uq_order_attributions_version", "program_id", "order_id", "version", unique=True),
    )


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
    )  # fmt: skip
