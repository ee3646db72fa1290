"""Tables of the tree: the history of bindings, two lock rows a program, and the team counters. Ids and counts only."""

from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Amount, Base, Count, Id, IdKey, Instant, ProgramKey


class MemberBindingRow(Base):
    """One change of a member's inviter, for ever. The present binding stands in the member's own row."""

    __tablename__ = "member_bindings"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    inviter_id: Mapped[UUID | None]  # null: unbound
    previous_inviter_id: Mapped[UUID | None]
    source: Mapped[str]  # registration | invite_code | link | click | order | api | staff
    reason: Mapped[str | None]  # blanked when the member is erased
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    bound_at: Mapped[Instant]
    protected_until: Mapped[Instant | None]
    expires_at: Mapped[Instant | None]

    __table_args__ = (
        ForeignKeyConstraint(
            ["program_id", "member_id"], ["members.program_id", "members.id"], name="fk_member_bindings_member"
        ),
        Index("ix_member_bindings_member", "program_id", "member_id", "id"),
    )


class TreeRow(Base):
    """The lock that moves of members with downline take, so that two of them cannot close a ring together."""

    __tablename__ = "trees"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    moves: Mapped[Count]  # how often it was taken


class TeamFoldRow(Base):
    """The lock of the counters' fold, apart from the tree's so that a fold never keeps a binding waiting."""

    __tablename__ = "team_folds"

    program_id: Mapped[ProgramKey] = mapped_column(ForeignKey("programs.id"))
    folds: Mapped[Count]
    folded_at: Mapped[Instant]


class TeamTotalsRow(Base):
    """What has been counted for a member. `counted_under` is the inviter whose team holds his count, which may lag.

    No foreign keys: the fold rewrites these rows in bulk, members are never deleted, and all of it can be recounted.
    """

    __tablename__ = "team_totals"

    program_id: Mapped[ProgramKey]
    member_id: Mapped[IdKey]
    counted_under: Mapped[UUID | None]
    members: Mapped[Count]  # of the team: the whole downline, without himself
    orders: Mapped[Count]
    sales: Mapped[Amount]  # minor units, either sign
    own_orders: Mapped[Count]
    own_sales: Mapped[Amount]
    last_order_at: Mapped[Instant | None]  # of his own


class TeamDeltaRow(Base):
    """Something to count: a member who joined or moved (zeroes), or his orders. Taken and deleted by the next fold.

    No foreign key: order intake appends these, and the order's own row holds the customer already.
    """

    __tablename__ = "team_deltas"

    program_id: Mapped[ProgramKey]
    id: Mapped[IdKey]
    member_id: Mapped[Id]
    orders: Mapped[Count]  # either sign
    sales: Mapped[Amount]  # minor units, either sign
    ordered_at: Mapped[Instant | None]
