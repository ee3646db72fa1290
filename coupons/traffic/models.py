"""Tables of traffic: sums by hour and by day for every dimension, and what waits to be added. Ids and sums only."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amount, Base, Count, IdKey, Instant, ProgramKey


class TrafficHourRow(Base):
    """Sums of one hour (UTC) for one link, campaign, channel, group, content, live session or member."""

    __tablename__ = "traffic_hours"

    program_id: Mapped[ProgramKey]
    dimension: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    clicks: Mapped[Count]  # counted ones: neither bots nor prefetches nor repeats
    unique_clicks: Mapped[Count]
    bot_clicks: Mapped[Count]
    orders: Mapped[Count]
    sales: Mapped[Amount]  # minor units, less refunds, in the hour of paid_at
    commission: Mapped[Amount]  # minor units at all levels, less reversals, in the hour of paid_at


class TrafficDayRow(Base):
    """The same by day, in the program's time zone."""

    __tablename__ = "traffic_days"

    program_id: Mapped[ProgramKey]
    dimension: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    clicks: Mapped[Count]
    unique_clicks: Mapped[Count]
    bot_clicks: Mapped[Count]
    orders: Mapped[Count]
    sales: Mapped[Amount]
    commission: Mapped[Amount]

    # the primary key answers "all keys in these days", this one "all days of this key"
    __table_args__ = (Index("ix_traffic_days_key", "program_id", "dimension", "key", "day"),)


class TrafficDeltaRow(Base):
    """What an order or refund changes, appended in its transaction and added up by the next fold."""

    __tablename__ = "traffic_deltas"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    at: Mapped[Instant]  # the order's paid_at
    link_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]  # whom the order is attributed to
    campaign_id: Mapped[str | None]
    channel: Mapped[str | None]
    group_id: Mapped[str | None]
    content_id: Mapped[str | None]
    session_id: Mapped[str | None]
    orders: Mapped[Count]  # either sign, as the amounts
    sales: Mapped[Amount]
    commission: Mapped[Amount]
