"""Tables of sharing: a program's mini-program, and the URL Links that WeChat made."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Hash, IdKey, Instant, ProgramKey, Small


class MiniProgramRow(Base):
    """The mini-program of a program."""

    __tablename__ = "mini_programs"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    app_id: Mapped[str]
    secret_sealed: Mapped[str]  # encrypted for the program's id
    env_version: Mapped[str]  # release | trial | develop
    updated_at: Mapped[Instant]
    updated_by: Mapped[UUID | None]  # staff

    __table_args__ = (CheckConstraint("env_version IN ('release', 'trial', 'develop')", name="env_version"),)


class UrlLinkRow(Base):
    """The newest URL Link of a link for so many days: WeChat counts those it makes, so they are used again."""

    __tablename__ = "link_url_links"

    program_id: Mapped[ProgramKey]
    link_id: Mapped[IdKey]
    days: Mapped[Small] = mapped_column(primary_key=True)  # that were asked for
    content_hash: Mapped[Hash]  # SHA-256 over mini-program, page and query: another content needs another URL Link
    url_link: Mapped[str]
    expires_at: Mapped[Instant]
    created_at: Mapped[Instant]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "link_id"], ["links.program_id", "links.id"], name="fk_link_url_links_link"
        ),
    )
