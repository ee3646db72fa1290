"""Tables of activities. Amounts are minor units of the budget's currency, or points where it is PTS.

Uniqueness and limits are the database's: an occasion of a member counts once and is rewarded once, a budget and the
seats of a team never go below zero, and nobody approves money that he asked for.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amount, Base, Count, Hash, Id, IdKey, Ids, Instant, Json, ProgramKey, Small


class ActivityRow(Base):
    """What members are moved to do in a window, and what it brings them. Kind, goal, reward and budget never change."""

    __tablename__ = "activities"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    external_id: Mapped[str | None]
    request_hash: Mapped[Hash]  # SHA-256 of the content after defaults
    kind: Mapped[str]
    name: Mapped[str]
    group_ids: Mapped[Ids]  # empty: the whole program
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]  # until just before
    settle_after_seconds: Mapped[Count]  # after the end, so that late news and refunds still count
    published: Mapped[bool]  # false: stays a draft
    goal: Mapped[Json]  # by kind, as schemas.py has it
    limits: Mapped[Json]  # per_member, per_day, total; null: none
    reward: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # kind, amount | coupon_id, pay: at_once | settlement
    guard: Mapped[Json]  # shared_device, members_only, public_engagement
    texts: Mapped[Json]  # by language: title, rules
    status: Mapped[str]  # draft | scheduled | running | settling | settled | canceled
    settled_to: Mapped[UUID | None]  # settling: the last member whose rewards are computed
    computed: Mapped[bool]  # all members' rewards are computed
    created_by: Mapped[UUID | None]
    started_at: Mapped[Instant | None]
    settled_at: Mapped[Instant | None]
    canceled_at: Mapped[Instant | None]
    cancel_reason: Mapped[str | None]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint(
            "kind IN ('share', 'check_in', 'invite', 'group_buy', 'engagement', 'topic', 'poll', 'member_day')",
            name="kind",
        ),
        CheckConstraint(
            "status IN ('draft', 'scheduled', 'running', 'settling', 'settled', 'canceled')", name="status"
        ),
        CheckConstraint("ends_at > starts_at", name="window"),
        Index(
            "uq_activities_external_id", "program_id", "external_id", unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index("ix_activities_status", "program_id", "status", "kind", "id"),
    )  # fmt: skip


class ActivityBudgetRow(Base):
    """What an activity may give away. Money is set aside in the ledger when another person than the maker approves."""

    __tablename__ = "activity_budgets"

    program_id: Mapped[ProgramKey]
    activity_id: Mapped[IdKey]
    currency: Mapped[str]  # the program's, or PTS
    amount: Mapped[Amount]
    left_amount: Mapped[Amount]  # not given away yet; 0 until approved and after it is closed
    status: Mapped[str]  # requested | approved | closed
    requested_by: Mapped[UUID | None]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[Instant | None]
    returned: Mapped[Amount]  # what was left when it was closed
    closed_at: Mapped[Instant | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "activity_id"], ["activities.program_id", "activities.id"],
            name="fk_activity_budgets_activity",
        ),
        CheckConstraint("status IN ('requested', 'approved', 'closed')", name="status"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("left_amount >= 0 AND left_amount <= amount", name="left_amount"),
        CheckConstraint("approved_by <> requested_by", name="two_people"),
        CheckConstraint("currency = 'PTS' OR status <> 'approved' OR approved_by IS NOT NULL", name="approved"),
    )  # fmt: skip


class ActivityBudgetMoveRow(Base):
    """A sum that left a budget for a red packet, or came back. Rewards are their own record."""

    __tablename__ = "activity_budget_moves"

    program_id: Mapped[ProgramKey]
    key: Mapped[str] = mapped_column(primary_key=True)  # the caller's: the same key twice is one move
    activity_id: Mapped[Id]
    amount: Mapped[Amount]  # below 0: it left the budget
    kept: Mapped[bool]  # false: it came back after the budget was closed, and went where a closed budget's rest goes
    created_at: Mapped[Instant]

    __table_args__ = (Index("ix_activity_budget_moves_activity", "program_id", "activity_id"),)


class ActivityCounterRow(Base):
    """How many participations an activity with a total limit has admitted."""

    __tablename__ = "activity_counters"

    program_id: Mapped[ProgramKey]
    activity_id: Mapped[IdKey]
    admitted: Mapped[Count]

    __table_args__ = (CheckConstraint("admitted >= 0", name="admitted"),)


class ActivityMemberRow(Base):
    """A member in an activity. Whoever lets him take part holds this row, so that his limits hold."""

    __tablename__ = "activity_members"

    program_id: Mapped[ProgramKey]
    activity_id: Mapped[IdKey]
    member_id: Mapped[IdKey]
    joined_at: Mapped[Instant]

    __table_args__ = (Index("ix_activity_members_member", "program_id", "member_id", "activity_id"),)


class ActivityParticipationRow(Base):
    """One occasion on which a member took part: a day, an invited customer, a team, a post, a vote."""

    __tablename__ = "activity_participations"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    activity_id: Mapped[Id]
    member_id: Mapped[Id]
    occasion: Mapped[str]  # unique for the member in the activity
    status: Mapped[str]  # reserved | counted | held | taken_back | refused | released | winner
    reason: Mapped[str | None]  # why it is held or refused
    day: Mapped[date]  # in the program's time zone
    happened_at: Mapped[Instant]
    team_id: Mapped[UUID | None]
    order_id: Mapped[UUID | None]
    order_external_id: Mapped[str | None]
    invited_id: Mapped[UUID | None]
    content_id: Mapped[str | None]
    option: Mapped[str | None]
    body: Mapped[str | None]  # the member's words; erased with him
    value: Mapped[Count | None]  # share: unique clicks
    reported: Mapped[dict[str, int] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # engagement as staff read it elsewhere: likes, comments, shares, views
    reached_at: Mapped[Instant | None]
    expires_at: Mapped[Instant | None]  # reserved: when the seat is given back unless paid
    created_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint(
            "status IN ('reserved', 'counted', 'held', 'taken_back', 'refused', 'released', 'winner')", name="status"
        ),
        Index(
            "uq_activity_participations_occasion", "program_id", "activity_id", "member_id", "occasion", unique=True
        ),
        Index("ix_activity_participations_activity", "program_id", "activity_id", "id"),
        Index("ix_activity_participations_member", "program_id", "member_id", "id"),
        Index(
            "ix_activity_participations_team", "program_id", "team_id", postgresql_where=text("team_id IS NOT NULL")
        ),
        Index(  # an order speaks for one participation of an activity
            "uq_activity_participations_order", "program_id", "order_id", "activity_id", unique=True,
            postgresql_where=text("order_id IS NOT NULL"),
        ),
        Index(
            "ix_activity_participations_order_name", "program_id", "order_external_id",
            postgresql_where=text("order_external_id IS NOT NULL"),
        ),
        Index(
            "uq_activity_participations_invited", "program_id", "activity_id", "invited_id", unique=True,
            postgresql_where=text("invited_id IS NOT NULL"),
        ),
        Index(
            "uq_activity_participations_content", "program_id", "activity_id", "content_id", unique=True,
            postgresql_where=text("content_id IS NOT NULL"),
        ),
        Index(
            "ix_activity_participations_content", "program_id", "content_id",
            postgresql_where=text("content_id IS NOT NULL"),
        ),
        Index(
            "ix_activity_participations_reserved", "program_id", "expires_at",
            postgresql_where=text("status = 'reserved'"),
        ),
        Index(
            "ix_activity_participations_held", "program_id", "activity_id", postgresql_where=text("status = 'held'")
        ),
    )  # fmt: skip


class ActivityTeamRow(Base):
    """A team of a group buy (拼团). A seat is taken by a guarded update, so the last one is taken once."""

    __tablename__ = "activity_teams"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    activity_id: Mapped[Id]
    leader_id: Mapped[Id]
    size: Mapped[Small]
    seats_left: Mapped[Small]
    confirmed: Mapped[int] = mapped_column(SmallInteger)  # seats that are paid
    status: Mapped[str]  # open | done | released
    opened_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "activity_id"], ["activities.program_id", "activities.id"], name="fk_activity_teams_activity"
        ),
        CheckConstraint("status IN ('open', 'done', 'released')", name="status"),
        CheckConstraint("seats_left BETWEEN 0 AND size", name="seats_left"),
        CheckConstraint("confirmed BETWEEN 0 AND size - seats_left", name="confirmed"),
        Index("ix_activity_teams_activity", "program_id", "activity_id", "id"),
        Index("ix_activity_teams_expiring", "program_id", "expires_at", postgresql_where=text("status = 'open'")),
    )  # fmt: skip


class ActivityRewardRow(Base):
    """What a member gets for one occasion. It is made once by its key, and given by a job."""

    __tablename__ = "activity_rewards"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    activity_id: Mapped[Id]
    member_id: Mapped[Id]
    occasion: Mapped[str]
    kind: Mapped[str]  # points | coupon | cash
    amount: Mapped[int | None] = mapped_column(BigInteger)  # points or minor units
    coupon_id: Mapped[UUID | None]
    status: Mapped[str]  # due | paid | refused | reclaim (to be taken back) | taken_back
    reason: Mapped[str | None]  # why it was refused
    paid_at: Mapped[Instant | None]
    created_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("status IN ('due', 'paid', 'refused', 'reclaim', 'taken_back')", name="status"),
        CheckConstraint("kind IN ('points', 'coupon', 'cash')", name="kind"),
        Index("uq_activity_rewards_occasion", "program_id", "activity_id", "member_id", "occasion", unique=True),
        Index("ix_activity_rewards_activity", "program_id", "activity_id", "id"),
        Index("ix_activity_rewards_member", "program_id", "member_id", "id"),
        Index(
            "ix_activity_rewards_open", "program_id", "id", postgresql_where=text("status IN ('due', 'reclaim')")
        ),
    )  # fmt: skip


class EngagementRow(Base):
    """A like, comment, share or view of a piece of content, told once by whoever saw it. Ids only."""

    __tablename__ = "engagements"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    kind: Mapped[str]  # like | comment | share | view
    content_id: Mapped[str]
    external_id: Mapped[str]  # natural key within kind
    request_hash: Mapped[Hash]
    member_id: Mapped[UUID | None]
    visitor_key: Mapped[bytes | None]  # 8 bytes, keyed, of the visitor's id within the program
    source: Mapped[str]  # key | publishable | staff
    counted: Mapped[bool]  # false: the same person liked it before, or visitors told too much of it
    happened_at: Mapped[Instant]
    created_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("kind IN ('like', 'comment', 'share', 'view')", name="kind"),
        Index("uq_engagements_external_id", "program_id", "kind", "external_id", unique=True),
        Index(
            "ix_engagements_content", "program_id", "content_id", "kind", "happened_at",
            postgresql_where=text("counted"),
        ),
        Index(
            "uq_engagements_member", "program_id", "content_id", "kind", "member_id", unique=True,
            postgresql_where=text("counted AND kind <> 'comment' AND member_id IS NOT NULL"),
        ),
        Index(
            "uq_engagements_visitor", "program_id", "content_id", "kind", "visitor_key", unique=True,
            postgresql_where=text(
                "counted AND kind <> 'comment' AND member_id IS NULL AND visitor_key IS NOT NULL"
            ),
        ),
    )  # fmt: skip


class EngagementQuotaRow(Base):
    """What publishable keys told of one content in an hour: anybody can send with them, so it is capped."""

    __tablename__ = "engagement_quotas"

    program_id: Mapped[ProgramKey]
    content_id: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    told: Mapped[Count]


__all__ = [
    "ActivityBudgetMoveRow", "ActivityBudgetRow", "ActivityCounterRow", "ActivityMemberRow", "ActivityParticipationRow",
    "ActivityRewardRow", "ActivityRow", "ActivityTeamRow", "EngagementQuotaRow", "EngagementRow",
]  # fmt: skip
