"""Tables of settlement runs. A run's counters and cursor move in the transaction of the chunk they count."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped

from core.db import Amount, Base, Count, Id, IdKey, Ids, Instant, Json, ProgramKey, Words


class SettlementRow(Base):
    """One settlement run: who is paid what, who made it, who approved it, and how far it is."""

    __tablename__ = "settlements"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    status: Mapped[str]  # preparing | draft | approved | executing | completed | canceled | failed
    closing: Mapped[str | None]  # canceled | failed: everything is being given back, then the status becomes this
    as_of: Mapped[Instant]
    min_payout: Mapped[Amount]  # minor units
    rails: Mapped[Words | None]  # null: any
    member_ids: Mapped[Ids | None]  # null: everybody
    grades: Mapped[Words | None]  # null: any
    maturation_id: Mapped[Id]  # the maturation up to as_of that comes first
    after_member_id: Mapped[UUID | None]  # preparing: members up to here are decided
    after_payout_id: Mapped[UUID | None]  # executing: payouts up to here are queued
    failures: Mapped[int]  # attempts at the present chunk that failed in a row
    failure: Mapped[str | None]  # why the last one did
    payout_count: Mapped[Count]
    gross: Mapped[Amount]  # minor units, as the three below: as prepared, less what was excluded from the draft
    tax: Mapped[Amount]
    fee: Mapped[Amount]
    net: Mapped[Amount]
    skipped: Mapped[Json]  # reason → [members, minor units available]
    digest: Mapped[str | None]  # sha256 in hex over what approval covers; null until draft
    created_by: Mapped[Id]
    created_at: Mapped[Instant]
    prepared_at: Mapped[Instant | None]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[Instant | None]
    executed_by: Mapped[UUID | None]
    executed_at: Mapped[Instant | None]
    canceled_by: Mapped[UUID | None]
    canceled_at: Mapped[Instant | None]  # when it was asked for
    finished_at: Mapped[Instant | None]  # completed, canceled or failed

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "maturation_id"],
            ["maturations.program_id", "maturations.id"],
            name="fk_settlements_maturation",
        ),
        # nobody approves what he made himself: the database holds it as well
        CheckConstraint("approved_by IS NULL OR approved_by <> created_by", name="two_people"),
        CheckConstraint(
            "status NOT IN ('approved', 'executing', 'completed') OR approved_by IS NOT NULL",
            name="approved_by_somebody",
        ),
        Index(
            "ix_settlements_open", "program_id", "id",
            postgresql_where=text("status NOT IN ('completed', 'canceled', 'failed')"),
        ),
    )  # fmt: skip
