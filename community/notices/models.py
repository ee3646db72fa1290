"""Tables of notices. What a member reads is made of facts when he reads it: names stay with their owners alone."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amount, Base, Count, Id, IdKey, Instant, Json, ProgramKey, Small, Words


def _member_key(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["program_id", "member_id"], ["members.program_id", "members.id"], name=f"fk_{table}_member"
    )  # fmt: skip


class NoticeTemplateRow(Base):
    """One version of a text, never changed. The highest is in force."""

    __tablename__ = "notice_templates"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    topic: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)  # 1, 2, 3 …
    text: Mapped[str | None]  # null: back to the default
    markdown: Mapped[str | None]  # the same for platforms that show it; null: they get the text
    created_by: Mapped[UUID | None]  # the person of the staff
    created_at: Mapped[Instant]

    __table_args__ = (CheckConstraint("text IS NOT NULL OR markdown IS NULL", name="text"),)


class NoticeRow(Base):
    """Something told to a member, in his inbox."""

    __tablename__ = "notices"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    key: Mapped[str]  # names what is told: told again, it is the same notice
    topic: Mapped[str]
    facts: Mapped[Json]  # ids, amounts and words of ours
    happened_at: Mapped[Instant]
    read_at: Mapped[Instant | None]
    created_at: Mapped[Instant]

    __table_args__ = (
        _member_key("notices"),
        Index("uq_notices_key", "program_id", "member_id", "key", unique=True),
        Index("ix_notices_member", "program_id", "member_id", "id"),
        Index(
            "ix_notices_unread", "program_id", "member_id", "id", postgresql_where=text("read_at IS NULL")
        ),
    )  # fmt: skip


class NoticeSettingRow(Base):
    """What a member wants to hear, and how he is named to others. No row: everything, in the usual way."""

    __tablename__ = "notice_settings"

    program_id: Mapped[ProgramKey]
    member_id: Mapped[IdKey]
    language: Mapped[str | None]  # zh | en; null: the program's
    inbox_off: Mapped[Words]  # topics
    mini_program_off: Mapped[Words]
    updated_at: Mapped[Instant]

    __table_args__ = (_member_key("notice_settings"),)


class MiniProgramNoticeRow(Base):
    """Which subscribe message of WeChat tells a topic, and what stands in its fields."""

    __tablename__ = "mini_program_notices"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    topic: Mapped[str] = mapped_column(primary_key=True)
    template_id: Mapped[str]  # WeChat's
    page: Mapped[str | None]  # where a touch leads
    fields: Mapped[Json]  # WeChat's keyword, as thing1 → our template of its value
    updated_by: Mapped[UUID | None]
    updated_at: Mapped[Instant]

    __table_args__ = (Index("ix_mini_program_notices_template", "program_id", "template_id"),)


class NoticeGrantRow(Base):
    """How often we may still write to a member by one of WeChat's templates: each consent is for one message."""

    __tablename__ = "notice_grants"

    program_id: Mapped[ProgramKey]
    member_id: Mapped[IdKey]
    template_id: Mapped[str] = mapped_column(primary_key=True)
    left_count: Mapped[Small]
    updated_at: Mapped[Instant]

    __table_args__ = (
        _member_key("notice_grants"),
        CheckConstraint("left_count BETWEEN 0 AND 1000", name="left_count"),
    )


class NoticePushRow(Base):
    """A subscribe message: written before the call, so that it is never sent twice."""

    __tablename__ = "notice_pushes"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    key: Mapped[str]  # as of the notice
    topic: Mapped[str]
    facts: Mapped[Json]
    template_id: Mapped[str | None]  # by which it was sent: one grant of it is used; null: not yet
    status: Mapped[str]  # waiting | sending | sent | refused | unknown | expired | canceled
    attempts: Mapped[Small]
    errcode: Mapped[int | None]  # WeChat's last
    reason: Mapped[str | None]  # no_grant | no_identity | … and our word for WeChat's numbers
    due_at: Mapped[Instant]  # waiting: not before; sending: when it counts as lost
    expires_at: Mapped[Instant]
    happened_at: Mapped[Instant]
    created_at: Mapped[Instant]
    finished_at: Mapped[Instant | None]

    __table_args__ = (
        _member_key("notice_pushes"),
        CheckConstraint(
            "status IN ('waiting', 'sending', 'sent', 'refused', 'unknown', 'expired', 'canceled')", name="status"
        ),
        Index("uq_notice_pushes_key", "program_id", "member_id", "key", unique=True),
        Index(
            "ix_notice_pushes_due", "program_id", "due_at", postgresql_where=text("status IN ('waiting', 'sending')")
        ),
    )  # fmt: skip


class MilestoneRow(Base):
    """A mark that a member reached. It is reached once, whatever is refunded afterwards."""

    __tablename__ = "milestones"

    program_id: Mapped[ProgramKey]
    member_id: Mapped[IdKey]
    milestone: Mapped[str] = mapped_column(primary_key=True)  # first_order | orders_10 … | sales_1000 …
    value: Mapped[Amount]  # orders, or minor units
    reached_at: Mapped[Instant]

    __table_args__ = (_member_key("milestones"),)


class MilestoneSumRow(Base):
    """What of a member's counts towards his milestones, without what was canceled or refunded."""

    __tablename__ = "milestone_sums"

    program_id: Mapped[ProgramKey]
    member_id: Mapped[IdKey]
    orders: Mapped[Count]
    sales: Mapped[Amount]  # minor units

    __table_args__ = (_member_key("milestone_sums"),)
