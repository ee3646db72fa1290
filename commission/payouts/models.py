"""Tables of payouts. A payout's content never changes; `status` moves only by transitions.py, always with an event."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amount, Base, Hash, Id, IdKey, Instant, ProgramKey

_STATUSES = (
    "'requested', 'approved', 'queued', 'submitting', 'processing', 'awaiting_payee', "
    "'unknown', 'paid', 'failed', 'returned', 'canceled', 'rejected'"
)


class PayoutMethodRow(Base):
    """Where a member is paid. Immutable but for `is_default`, deletion and erasure: another account is another row."""

    __tablename__ = "payout_methods"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    kind: Mapped[str]  # the rail that pays it
    account: Mapped[str | None]  # encrypted for this row; null: erased
    account_name: Mapped[str | None]  # the same
    fingerprint: Mapped[Hash]  # keyed hash over kind, account and name: what approvals cover
    is_default: Mapped[bool]
    usable_from: Mapped[Instant]  # before it the method is frozen
    created_at: Mapped[Instant]
    created_by_kind: Mapped[str]  # staff | key | member
    created_by: Mapped[Id]
    deleted_at: Mapped[Instant | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_payout_methods_member"
        ),
        Index(
            "uq_payout_methods_default", "program_id", "member_id", unique=True,
            postgresql_where=text("is_default AND deleted_at IS NULL"),
        ),
        Index(
            "uq_payout_methods_account", "program_id", "member_id", "fingerprint", unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_payout_methods_member", "program_id", "member_id", "id"),
    )  # fmt: skip


class PayoutRow(Base):
    """Money on its way to a member, reserved in the ledger until it is paid or given back."""

    __tablename__ = "payouts"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    method_id: Mapped[Id]
    kind: Mapped[str]  # settlement | withdrawal
    settlement_id: Mapped[UUID | None]
    rail: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[Amount]  # minor units, gross: what the balance is charged
    tax: Mapped[Amount]
    fee: Mapped[Amount]
    net: Mapped[Amount]  # what the rail is told
    status: Mapped[str]
    status_at: Mapped[Instant]
    version: Mapped[int]  # number of its last event
    attempt: Mapped[int]  # number of the present attempt, which also numbers its ledger entries
    seal: Mapped[Hash | None]  # hash over what was approved; a row that no longer matches is not sent
    requested_by_kind: Mapped[str]  # staff | key | member | system
    requested_by: Mapped[UUID | None]
    created_at: Mapped[Instant]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[Instant | None]
    adopted_at: Mapped[Instant | None]  # found in the rail's book after a restore, whatever had been approved here
    paid_at: Mapped[Instant | None]
    rail_reference: Mapped[str | None]
    payee_action: Mapped[str | None]  # what the payee's app needs to confirm
    failure: Mapped[str | None]  # why it failed, was returned, canceled or rejected, or is unknown
    next_check_at: Mapped[Instant | None]  # when a worker looks at it again if nothing happens before; null: never
    check_count: Mapped[int]  # looks since the last change

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_payouts_member"
        ),
        ForeignKeyConstraint(
            ["program_id", "method_id"], ["payout_methods.program_id", "payout_methods.id"], name="fk_payouts_method"
        ),
        CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        CheckConstraint("amount > 0 AND net > 0 AND net = amount - tax - fee", name="sums"),
        CheckConstraint("(kind = 'settlement') = (settlement_id IS NOT NULL)", name="kind"),
        # nobody approves what he made himself: the database holds it as well
        CheckConstraint("approved_by IS NULL OR approved_by <> requested_by", name="two_people"),
        CheckConstraint(
            "status IN ('requested', 'canceled', 'rejected') OR approved_by IS NOT NULL OR adopted_at IS NOT NULL",
            name="approved_first",
        ),
        Index("ix_payouts_member", "program_id", "member_id", "id"),
        Index("ix_payouts_status", "program_id", "status", "id"),
        Index("ix_payouts_method", "program_id", "method_id"),
        Index(
            "ix_payouts_settlement", "program_id", "settlement_id", "id",
            postgresql_where=text("settlement_id IS NOT NULL"),
        ),
        Index("ix_payouts_check", "program_id", "next_check_at", postgresql_where=text("next_check_at IS NOT NULL")),
    )  # fmt: skip


class PayoutEventRow(Base):
    """One step of a payout's timeline. Append-only."""

    __tablename__ = "payout_events"

    program_id: Mapped[ProgramKey]
    payout_id: Mapped[IdKey]
    number: Mapped[int] = mapped_column(primary_key=True)  # from 1, without gaps
    state: Mapped[str]
    at: Mapped[Instant]
    text: Mapped[str]  # for both sides to read; no personal data
    actor_kind: Mapped[str]  # staff | key | member | system
    actor_id: Mapped[UUID | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "payout_id"], ["payouts.program_id", "payouts.id"], name="fk_payout_events_payout"
        ),
    )


class PayoutAttemptRow(Base):
    """One key at the rail. Committed before the rail hears of it; at most one per payout may move money."""

    __tablename__ = "payout_attempts"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    payout_id: Mapped[Id]
    number: Mapped[int]
    rail: Mapped[str]
    key: Mapped[str]  # rules.key_of(payout, number)
    request_hash: Mapped[Hash]  # over all the rail is told: the same key is never sent with another body
    status: Mapped[str]  # open | paid | failed | returned | canceled (never taken by the rail)
    outcome: Mapped[str | None]  # what the rail said last; null: it has not answered
    reason: Mapped[str | None]
    reference: Mapped[str | None]
    sends: Mapped[int]  # how often the request went out, the first time included
    created_at: Mapped[Instant]
    last_sent_at: Mapped[Instant]
    acknowledged_at: Mapped[Instant | None]  # the rail said that it has this key
    finished_at: Mapped[Instant | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "payout_id"], ["payouts.program_id", "payouts.id"], name="fk_payout_attempts_payout"
        ),
        CheckConstraint("status IN ('open', 'paid', 'failed', 'returned', 'canceled')", name="status"),
        Index("uq_payout_attempts_number", "program_id", "payout_id", "number", unique=True),
        Index("uq_payout_attempts_key", "program_id", "rail", "key", unique=True),
        # never two keys of one payout that may move money: a new one only after the rail itself gave the old one up
        Index(
            "uq_payout_attempts_live", "program_id", "payout_id", unique=True,
            postgresql_where=text("status IN ('open', 'paid')"),
        ),
    )  # fmt: skip


class PayoutResolutionRow(Base):
    """What people found out about an unknown payout: one proposes with evidence, another confirms."""

    __tablename__ = "payout_resolutions"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    payout_id: Mapped[Id]
    attempt: Mapped[int]
    outcome: Mapped[str]  # paid | failed
    evidence: Mapped[str]
    status: Mapped[str]  # proposed | confirmed | superseded
    proposed_by: Mapped[Id]
    proposed_at: Mapped[Instant]
    confirmed_by: Mapped[UUID | None]
    confirmed_evidence: Mapped[str | None]
    confirmed_at: Mapped[Instant | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "payout_id"], ["payouts.program_id", "payouts.id"], name="fk_payout_resolutions_payout"
        ),
        CheckConstraint("confirmed_by IS NULL OR confirmed_by <> proposed_by", name="two_people"),
        CheckConstraint("status <> 'confirmed' OR confirmed_by IS NOT NULL", name="confirmed_by_somebody"),
        Index("ix_payout_resolutions_payout", "program_id", "payout_id", "id"),
        Index(
            "uq_payout_resolutions_proposed", "program_id", "payout_id", unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
    )  # fmt: skip
