"""Tables of clicks, partitioned by month. No foreign keys: they are loaded in bulk and dropped by retention."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Count, Hash, Id, IdKey, Instant, ProgramKey, Words


class ClickRow(Base):
    """A click as it was recorded. Its id is a UUIDv7 whose time is `clicked_at`, so that an id finds its partition."""

    __tablename__ = "clicks"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    clicked_at: Mapped[datetime] = mapped_column(primary_key=True)
    link_id: Mapped[Id]
    member_id: Mapped[Id]  # the link's owner
    visitor_key: Mapped[Hash]  # 8 bytes, keyed, of the visitor's id within the program
    address_hash: Mapped[Hash]  # 8 bytes, keyed by the day; empty: not known
    agent_hash: Mapped[Hash]  # 8 bytes, of the user agent; empty: not known
    via: Mapped[str]  # redirect | api
    kind: Mapped[str]  # counted | bot | prefetch | repeat (within click_dedupe_seconds)
    is_unique: Mapped[bool]  # the visitor's first counted click on the link that day
    campaign_id: Mapped[str | None]
    channel: Mapped[str | None]
    group_id: Mapped[str | None]
    content_id: Mapped[str | None]
    session_id: Mapped[str | None]
    sub_ids: Mapped[Words]

    __table_args__ = (
        Index("ix_clicks_visitor", "program_id", "visitor_key", "clicked_at"),
        Index("ix_clicks_address", "program_id", "address_hash", "clicked_at"),
        {"postgresql_partition_by": "RANGE (clicked_at)"},
    )


class ClickDayRow(Base):
    """That a visitor was counted on a link on a day: what makes the day's other clicks not unique."""

    __tablename__ = "click_days"

    program_id: Mapped[ProgramKey]
    link_id: Mapped[IdKey]
    visitor_key: Mapped[bytes] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)  # in the program's time zone

    __table_args__ = ({"postgresql_partition_by": "RANGE (day)"},)


class ClickShippingRow(Base):
    """The turn that shipping takes, so that a program's clicks are judged one batch after the other."""

    __tablename__ = "click_shippings"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    shippings: Mapped[Count]  # how often it was taken
    shipped_at: Mapped[Instant]


class VisitorMemberRow(Base):
    """A visitor who turned out to be a member, by an order or a registration. A shared device may be several."""

    __tablename__ = "visitor_members"

    program_id: Mapped[ProgramKey]
    visitor_key: Mapped[bytes] = mapped_column(primary_key=True)
    member_id: Mapped[IdKey]
    source: Mapped[str]  # order | registration
    joined_at: Mapped[Instant]

    __table_args__ = (Index("ix_visitor_members_member", "program_id", "member_id", "joined_at"),)
