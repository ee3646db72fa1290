"""Tables of the event log. Facts are ids, amounts and words of ours, never personal data: erasure leaves the log be."""

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Count, IdKey, Instant, Json, ProgramKey


class EventRow(Base):
    """One event, written in the transaction of what it tells. It has a number once it may be read."""

    __tablename__ = "events"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    seq: Mapped[int | None] = mapped_column(BigInteger)  # 1, 2, 3 …; null: not numbered yet
    kind: Mapped[str]  # noun.verb, as API.md, *Events and webhooks*, names them
    facts: Mapped[Json]
    happened_at: Mapped[Instant]
    created_at: Mapped[Instant]

    __table_args__ = (
        Index("ix_events_unnumbered", "program_id", "id", postgresql_where=text("seq IS NULL")),
        Index("uq_events_seq", "program_id", "seq", unique=True),
        Index("ix_events_kind", "program_id", "kind", "seq"),
    )


class EventHeadRow(Base):
    """The last number given in a program. Whoever numbers locks it."""

    __tablename__ = "event_heads"

    program_id: Mapped[ProgramKey]
    seq: Mapped[Count]


class EventCursorRow(Base):
    """How far a consumer has read. Moved in the transaction of what he did about it: so he does it once."""

    __tablename__ = "event_cursors"

    program_id: Mapped[ProgramKey]
    consumer: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[Count]
