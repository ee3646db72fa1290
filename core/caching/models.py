"""What was changed that some process may hold a copy of. Rows hold public codes and ids only, and live for an hour."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from core.db import Base, IdKey, Instant


class CacheChangeRow(Base):
    """One change, written in the transaction that makes it; every process reads the newest ones twice a second."""

    __tablename__ = "cache_changes"

    id: Mapped[IdKey]
    topic: Mapped[str]  # what kind of thing: link
    key: Mapped[str]  # which one: its code
    changed_at: Mapped[Instant]

    __table_args__ = (Index("ix_cache_changes_changed_at", "changed_at"),)
