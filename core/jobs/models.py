"""Tables of the kernel's queue. Rows hold ids only, so that the relay may read them across programs."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, IdKey, Instant, Json, ProgramKey


class OutboxRow(Base):
    """A job: it exists when its row is committed, and is done when its handler says so in its own transaction."""

    __tablename__ = "outbox"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    id: Mapped[IdKey]
    job: Mapped[str]
    queue: Mapped[str]
    arguments: Mapped[Json]
    status: Mapped[str]  # pending | leased | done | failed
    attempt: Mapped[int]  # the fence: raised with every lease
    failures: Mapped[int] = mapped_column(server_default=text("0"))  # deliveries whose handler raised
    run_at: Mapped[Instant]  # pending: not before; leased: when the lease ends
    created_at: Mapped[Instant]
    finished_at: Mapped[Instant | None]
    last_error: Mapped[str | None]

    __table_args__ = (
        Index("ix_outbox_due", "program_id", "run_at", postgresql_where=text("status IN ('pending', 'leased')")),
        Index("ix_outbox_finished", "program_id", "finished_at", postgresql_where=text("status = 'done'")),
        Index("ix_outbox_failed", "program_id", "id", postgresql_where=text("status = 'failed'")),
    )


class ScheduleRow(Base):
    """When a scheduled job is due next. The row is what makes a tick unique among schedulers."""

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(primary_key=True)
    next_run_at: Mapped[Instant]


class OperationFlagRow(Base):
    """Facts about this installation that outlive processes, such as payouts being locked after a restore."""

    __tablename__ = "operation_flags"

    name: Mapped[str] = mapped_column(primary_key=True)
    detail: Mapped[Json]
    set_at: Mapped[Instant]
