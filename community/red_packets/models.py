"""Tables of red packets. Amounts are minor units of the packet's currency, or points.

Shares have no foreign key to the member who took one: its check would cost as much as the claim. Members are never
deleted, and a claim locks its member by itself.
"""

from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amount, Base, Hash, Id, IdKey, Instant, ProgramKey


class RedPacketRow(Base):
    """A sum that the members of a group share among those who are quick."""

    __tablename__ = "red_packets"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    external_id: Mapped[str | None]
    request_hash: Mapped[Hash]  # of the first POST
    group_id: Mapped[Id]
    activity_id: Mapped[UUID | None]  # whose budget pays; null: nobody's
    total: Mapped[Amount]
    currency: Mapped[str]  # the program's, or PTS
    share_count: Mapped[int]
    split: Mapped[str]  # equal | random
    max_share: Mapped[int | None] = mapped_column(BigInteger)  # of a random split; null: no bound
    greeting: Mapped[str | None]
    status: Mapped[str]  # draft | scheduled | open | finished | expired
    funded_from: Mapped[str | None]  # campaign_expense | activity_budget | points; null: not yet, or never
    opens_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    created_by: Mapped[Id]  # staff
    created_at: Mapped[Instant]
    approved_by: Mapped[UUID | None]  # staff; null: it needed nobody
    approved_at: Mapped[Instant | None]
    best_place: Mapped[int | None]  # of the largest share, once a random split is all taken
    returned: Mapped[Amount]  # what nobody claimed
    ended_at: Mapped[Instant | None]  # the last claim, or the expiry

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "group_id"], ["groups.program_id", "groups.id"], name="fk_red_packets_group"
        ),
        CheckConstraint("share_count > 0 AND total >= share_count", name="total"),
        CheckConstraint("split IN ('equal', 'random')", name="split"),
        CheckConstraint("max_share IS NULL OR max_share >= (total + share_count - 1) / share_count", name="max_share"),
        CheckConstraint("status IN ('draft', 'scheduled', 'open', 'finished', 'expired')", name="status"),
        CheckConstraint("funded_from IN ('campaign_expense', 'activity_budget', 'points')", name="funded_from"),
        CheckConstraint(
            "CASE status WHEN 'draft' THEN funded_from IS NULL WHEN 'expired' THEN true "
            "ELSE funded_from IS NOT NULL END",
            name="funded",
        ),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved"),
        CheckConstraint(
            "funded_from IS DISTINCT FROM 'campaign_expense' "
            "OR (approved_by IS NOT NULL AND approved_by <> created_by)",
            name="two_persons",
        ),
        CheckConstraint("opens_at < expires_at", name="window"),
        CheckConstraint("returned >= 0", name="returned"),
        CheckConstraint("(ended_at IS NULL) = (status IN ('draft', 'scheduled', 'open'))", name="ended"),
        Index("uq_red_packets_external_id", "program_id", "external_id", unique=True),
        Index("ix_red_packets_group", "program_id", "group_id", "id"),
        Index(
            "ix_red_packets_running", "program_id", "id",
            postgresql_where=text("status IN ('draft', 'scheduled', 'open')"),
        ),
    )  # fmt: skip


class RedPacketShareRow(Base):
    """One share of a packet, decided when the packet was funded. Who takes it writes himself into it, once."""

    __tablename__ = "red_packet_shares"

    program_id: Mapped[ProgramKey]
    red_packet_id: Mapped[IdKey]
    place: Mapped[int] = mapped_column(primary_key=True)  # 1 … share_count; lower ones are handed out first
    amount: Mapped[Amount]
    status: Mapped[str]  # free | claimed | returned
    member_id: Mapped[UUID | None]
    claimed_at: Mapped[Instant | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "red_packet_id"], ["red_packets.program_id", "red_packets.id"],
            name="fk_red_packet_shares_packet",
        ),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("status IN ('free', 'claimed', 'returned')", name="status"),
        CheckConstraint(
            "(status = 'claimed') = (member_id IS NOT NULL) AND (member_id IS NULL) = (claimed_at IS NULL)",
            name="claimed",
        ),
        Index(
            "uq_red_packet_shares_member", "program_id", "red_packet_id", "member_id", unique=True,
            postgresql_where=text("member_id IS NOT NULL"),
        ),
        Index(
            "ix_red_packet_shares_free", "program_id", "red_packet_id", "place",
            postgresql_where=text("status = 'free'"),
        ),
        Index(
            "ix_red_packet_shares_claimant", "program_id", "member_id", "claimed_at",
            postgresql_where=text("member_id IS NOT NULL"),
        ),
    )  # fmt: skip
