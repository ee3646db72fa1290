"""Tables of delivery: what shall be said, what was sent, and the lanes that both go by."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amounts, Base, Hash, Id, IdKey, Ids, Instant, ProgramKey, Small


def _group_key(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["program_id", "group_id"], ["groups.program_id", "groups.id"], name=f"fk_{table}_group"
    )  # fmt: skip


class MessageRow(Base):
    """One thing to be said in one group. Several of a burst go out as one dispatch, some of them only counted in it."""

    __tablename__ = "messages"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]  # by time: the order within a group and priority
    group_id: Mapped[Id]
    key: Mapped[str]  # names what is said: the same key again is the same message
    topic: Mapped[str]
    priority: Mapped[Small]  # 0 money … 9
    text: Mapped[str]  # '' once nobody may read it any more
    markdown: Mapped[str | None]
    image_hash: Mapped[bytes | None]
    fold_key: Mapped[str | None]  # messages with the same one may be folded; null: stands alone
    summary: Mapped[str | None]  # what is written for those left out, with {n}
    language: Mapped[str]
    ignores_quiet: Mapped[bool]
    about: Mapped[Ids]  # members whose names may be in the text
    due_at: Mapped[Instant]  # not before; moved to the end of quiet hours
    expires_at: Mapped[Instant]
    status: Mapped[str]  # waiting | sending | sent | refused | unknown | expired | canceled
    status_at: Mapped[Instant]
    folded: Mapped[bool]  # of one that was sent: only counted, not shown
    dispatch_id: Mapped[UUID | None]  # the newest
    earlier_dispatch_ids: Mapped[Ids]
    created_at: Mapped[Instant]

    __table_args__ = (
        _group_key("messages"),
        CheckConstraint(
            "status IN ('waiting', 'sending', 'sent', 'refused', 'unknown', 'expired', 'canceled')", name="status"
        ),
        CheckConstraint("priority BETWEEN 0 AND 9", name="priority"),
        CheckConstraint("status <> 'sending' OR dispatch_id IS NOT NULL", name="sending"),
        Index("uq_messages_key", "program_id", "key", unique=True),
        Index(
            "ix_messages_waiting", "program_id", "group_id", "priority", "id", "due_at",
            postgresql_where=sql("status = 'waiting'"),
        ),
        Index(
            "ix_messages_expiring", "program_id", "expires_at", postgresql_where=sql("status = 'waiting'"),
        ),
        Index(
            "ix_messages_sending", "program_id", "group_id", postgresql_where=sql("status IN ('sending', 'unknown')")
        ),
        Index("ix_messages_group", "program_id", "group_id", "id"),
    )  # fmt: skip


class MessageImageRow(Base):
    """A picture that messages show, kept once however many groups it goes to."""

    __tablename__ = "message_images"

    program_id: Mapped[ProgramKey]
    hash: Mapped[Hash] = mapped_column(primary_key=True)  # SHA-256
    content: Mapped[Hash]
    used_at: Mapped[Instant]  # last enqueued


class DispatchRow(Base):
    """One try to give one composed message to a platform. Written and committed before the call."""

    __tablename__ = "dispatches"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    group_id: Mapped[Id]
    key: Mapped[str]  # told to receivers that recognise repeats; tries of the same message share it
    number: Mapped[Small]  # which try, from 1
    priority: Mapped[Small]
    messages: Mapped[int]  # how many are in it, shown or counted
    text: Mapped[str]
    markdown: Mapped[str | None]
    image_hash: Mapped[bytes | None]
    status: Mapped[str]  # sending | sent | refused | throttled | unreached | unknown
    reason: Mapped[str | None]
    reference: Mapped[str | None]  # the platform's own id of it
    started_at: Mapped[Instant]
    finished_at: Mapped[Instant | None]

    __table_args__ = (
        _group_key("dispatches"),
        CheckConstraint("status IN ('sending', 'sent', 'refused', 'throttled', 'unreached', 'unknown')", name="status"),
        Index("ix_dispatches_group", "program_id", "group_id", "id"),
    )


class LaneRow(Base):
    """What a group's sender has to keep to. One dispatch at a time: whoever holds the lease, fenced by the turn."""

    __tablename__ = "lanes"

    program_id: Mapped[ProgramKey]
    group_id: Mapped[IdKey]
    turn: Mapped[int]  # the fence: an earlier turn has no effect any more
    free_at: Mapped[Instant]  # when the next may be sent; while one is under way, the end of its lease
    news_at: Mapped[Instant]  # the same for what is not money: some room is kept for that
    recent: Mapped[Amounts]  # when calls of the last window reached the platform at the latest, ms since 1970
    failures: Mapped[Small]  # tries in a row that did not reach the platform or got no answer
    dispatch_id: Mapped[UUID | None]  # under way, or to be sent again

    __table_args__ = (
        _group_key("lanes"),
        Index("ix_lanes_unsettled", "program_id", "free_at", postgresql_where=sql("dispatch_id IS NOT NULL")),
    )


class SharedLaneRow(Base):
    """What all groups behind one bot keep to together."""

    __tablename__ = "shared_lanes"

    program_id: Mapped[ProgramKey]
    name: Mapped[str] = mapped_column(primary_key=True)  # a hash of the bot's token
    recent: Mapped[Amounts]  # as in lanes
