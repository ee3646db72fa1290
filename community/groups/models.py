"""Tables of groups. Addresses and chat users are encrypted for their rows; of people there are ids only."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Count, Hash, Id, IdKey, Instant, JsonList, ProgramKey, Words


def _group_key(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["program_id", "group_id"], ["groups.program_id", "groups.id"], name=f"fk_{table}_group"
    )  # fmt: skip


def _member_key(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["program_id", "member_id"], ["members.program_id", "members.id"], name=f"fk_{table}_member"
    )  # fmt: skip


class GroupRow(Base):
    """A chat group, how it is reached, what it hears of, and how the last sendings went."""

    __tablename__ = "groups"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    external_id: Mapped[str | None]
    content_hash: Mapped[Hash]  # keyed, of the first POST after defaults
    name: Mapped[str]
    platform: Mapped[str]
    target_sealed: Mapped[str | None]  # encrypted for this row; null: ended
    chat_hash: Mapped[Hash | None]  # keyed, of the platform's id of the chat: a bot that knows several tells of all
    callback_token: Mapped[str]  # names the group in the address that its platform calls; no secret
    topics: Mapped[Words]
    scope: Mapped[str]  # program | group | team
    show_amounts: Mapped[bool]
    quiet_from: Mapped[int | None] = mapped_column(SmallInteger)  # minutes after midnight in the group's time zone
    quiet_to: Mapped[int | None] = mapped_column(SmallInteger)
    timezone: Mapped[str | None]  # null: the program's
    language: Mapped[str]  # zh | en
    owner_member_id: Mapped[UUID | None]
    rules: Mapped[str | None]
    welcome: Mapped[str | None]
    digest_minute: Mapped[int | None] = mapped_column(SmallInteger)  # when the day's digest is due; null: none
    next_digest_at: Mapped[Instant | None]
    status: Mapped[str]  # active | paused | ended
    last_sent_at: Mapped[Instant | None]
    refusals_in_a_row: Mapped[int]
    last_error: Mapped[str | None]
    paused_at: Mapped[Instant | None]
    paused_reason: Mapped[str | None]
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "owner_member_id"], ["members.program_id", "members.id"], name="fk_groups_owner"
        ),
        CheckConstraint("status IN ('active', 'paused', 'ended')", name="status"),
        CheckConstraint("scope IN ('program', 'group', 'team')", name="scope"),
        CheckConstraint("(quiet_from IS NULL) = (quiet_to IS NULL)", name="quiet"),
        CheckConstraint("(target_sealed IS NULL) = (status = 'ended')", name="target"),
        Index("uq_groups_external_id", "program_id", "external_id", unique=True),
        Index("uq_groups_callback_token", "program_id", "callback_token", unique=True),
        Index("ix_groups_chat", "program_id", "chat_hash", postgresql_where=text("chat_hash IS NOT NULL")),
        Index(
            "ix_groups_digest", "program_id", "next_digest_at", postgresql_where=text("next_digest_at IS NOT NULL")
        ),
    )  # fmt: skip


class GroupMemberRow(Base):
    """One stay of a member in a group: joining again after leaving is another. He has one open stay at most."""

    __tablename__ = "group_members"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    group_id: Mapped[Id]
    member_id: Mapped[Id]
    told_by: Mapped[str]  # shop | platform
    joined_at: Mapped[Instant]
    left_at: Mapped[Instant | None]

    __table_args__ = (
        _group_key("group_members"),
        _member_key("group_members"),
        Index(
            "uq_group_members_open", "program_id", "group_id", "member_id", unique=True,
            postgresql_where=text("left_at IS NULL"),
        ),
        Index("ix_group_members_group", "program_id", "group_id", "id"),
        Index("ix_group_members_member", "program_id", "member_id", "id"),
    )  # fmt: skip


class GroupSendingRow(Base):
    """Messages of one hour that a group got or refused. An hour that two days share has a row for each."""

    __tablename__ = "group_sendings"

    program_id: Mapped[ProgramKey]
    group_id: Mapped[IdKey]
    hour: Mapped[datetime] = mapped_column(primary_key=True)  # UTC
    day: Mapped[date] = mapped_column(primary_key=True)  # in the program's time zone
    sent: Mapped[Count]
    refused: Mapped[Count]

    __table_args__ = (_group_key("group_sendings"),)


class ChatEventRow(Base):
    """An event that a platform told, so that telling it again has no effect. Kept for a few days."""

    __tablename__ = "chat_events"

    program_id: Mapped[ProgramKey]
    group_id: Mapped[IdKey]
    event_hash: Mapped[bytes] = mapped_column(primary_key=True)  # SHA-256 of the platform's id of it
    received_at: Mapped[Instant]

    __table_args__ = (_group_key("chat_events"), Index("ix_chat_events_received", "program_id", "received_at"))


class ChatQuestionRow(Base):
    """A question from a chat, to be answered privately. Who asked is forgotten once he has his answer."""

    __tablename__ = "chat_questions"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    group_id: Mapped[Id]
    member_id: Mapped[UUID | None]  # null: nobody knows the chat user, or he was erased
    chat_user_sealed: Mapped[str | None]  # encrypted for this row
    chat_user_hash: Mapped[Hash | None]  # keyed, of this group: to see who asks without end
    keyword: Mapped[str]  # earnings | link | rank | points | help
    status: Mapped[str]  # waiting | answered | refused | unknown
    reason: Mapped[str | None]
    created_at: Mapped[Instant]
    answered_at: Mapped[Instant | None]

    __table_args__ = (
        _group_key("chat_questions"),
        _member_key("chat_questions"),
        CheckConstraint("status IN ('waiting', 'answered', 'refused', 'unknown')", name="status"),
        Index(
            "ix_chat_questions_member", "program_id", "member_id", postgresql_where=text("member_id IS NOT NULL")
        ),
        Index("ix_chat_questions_created", "program_id", "created_at"),
        Index("ix_chat_questions_asker", "program_id", "group_id", "chat_user_hash", "id"),
    )  # fmt: skip


class GroupPostRow(Base):
    """What is posted at a time, once or on certain days. Of several contents each day has its own, in turn."""

    __tablename__ = "group_posts"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    contents: Mapped[JsonList]  # [{text, markdown}], one or, a topic of the day, several
    image_url: Mapped[str | None]
    image: Mapped[bytes | None]  # PNG or JPEG, as it was when the post was made
    at: Mapped[Instant | None]  # once
    minute: Mapped[int | None] = mapped_column(SmallInteger)  # or every day, minutes after midnight of the group
    weekdays: Mapped[list[int] | None] = mapped_column(ARRAY(SmallInteger))  # 1 Monday … 7 Sunday; null: all
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    status: Mapped[str]  # active | ended
    created_at: Mapped[Instant]
    updated_at: Mapped[Instant]

    __table_args__ = (
        CheckConstraint("status IN ('active', 'ended')", name="status"),
        CheckConstraint("(at IS NULL) <> (minute IS NULL)", name="time"),
    )


class PostTargetRow(Base):
    """A group that a post goes to, and when the next time is due there. Whoever moves it on posts, nobody else."""

    __tablename__ = "post_targets"

    program_id: Mapped[ProgramKey]
    post_id: Mapped[IdKey]
    group_id: Mapped[IdKey]
    next_due_at: Mapped[Instant | None]  # null: never again
    last_due_at: Mapped[Instant | None]
    posted: Mapped[Count]
    missed: Mapped[Count]  # due while nobody was there to post, and stale when somebody was

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "post_id"], ["group_posts.program_id", "group_posts.id"], name="fk_post_targets_post"
        ),
        _group_key("post_targets"),
        Index("ix_post_targets_due", "program_id", "next_due_at", postgresql_where=text("next_due_at IS NOT NULL")),
        Index("ix_post_targets_group", "program_id", "group_id"),
    )


class PostAudienceRow(Base):
    """The segment that a post goes to instead of groups, in the program's time zone: its members read it themselves."""

    __tablename__ = "post_audiences"

    program_id: Mapped[ProgramKey]
    post_id: Mapped[IdKey]
    segment_id: Mapped[Id]  # without a foreign key: a segment may be forgotten, and its posts are over then
    next_due_at: Mapped[Instant | None]
    last_due_at: Mapped[Instant | None]
    posted: Mapped[Count]
    missed: Mapped[Count]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "post_id"], ["group_posts.program_id", "group_posts.id"], name="fk_post_audiences_post"
        ),
        Index("ix_post_audiences_due", "program_id", "next_due_at", postgresql_where=text("next_due_at IS NOT NULL")),
    )


class GroupDigestRow(Base):
    """A day's digest that was told to a group; each day has one. Its words are delivery's."""

    __tablename__ = "group_digests"

    program_id: Mapped[ProgramKey]
    group_id: Mapped[IdKey]
    day: Mapped[date] = mapped_column(primary_key=True)
    made_at: Mapped[Instant]

    __table_args__ = (_group_key("group_digests"),)
