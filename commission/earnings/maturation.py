"""Maturation: commissions whose hold has ended move from pending to available, in chunks that survive a crash.

Lock order, agreed with refunds: the maturation's row, then commissions in id order, then balances in member-id order.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from commission.earnings import queries
from commission.earnings.errors import MaturationNotFound
from commission.earnings.queries import DueCommission, MaturationRecord
from commission.ledger.service import Account, Entry, Posting, post
from core.auth.actor import Actor, Program
from core.clock import day_of, now
from core.db import execute, fetch_all
from core.errors import Invalid
from core.events.service import Event, announce
from core.ids import new_id
from core.jobs.outbox import publish

COMMISSIONS_IN_A_CHUNK = 5000
MEMBERS_IN_AN_EVENT = 500


class _Matured(NamedTuple):
    """What a chunk moved for one member."""

    member_id: UUID
    commission_count: int
    amount: int


def request_maturation(actor: Actor, as_of: datetime) -> MaturationRecord:
    """Begin a maturation and let the worker carry it out; any number may run at once.

    Raises:
        Invalid: `as_of` lies in the future.
    """
    refuse_future(as_of)
    maturation_id = begin_maturation(actor.program_id, as_of, source="request", created_by=actor.id)
    publish(actor.program_id, "earnings.mature", {"maturation_id": str(maturation_id)})
    return maturation_of(actor.program_id, maturation_id)


def refuse_future(as_of: datetime) -> None:
    """No hold may be declared ended before its time.

    Raises:
        Invalid: `as_of` lies in the future.
    """
    if as_of > now():
        raise Invalid.at("/as_of", "It lies in the future.")


def begin_maturation(program_id: UUID, as_of: datetime, *, source: str, created_by: UUID | None) -> UUID:
    """The row of a maturation; whoever begins it also calls `mature_chunk` until it is done."""
    maturation_id = new_id()
    execute(
        """INSERT INTO maturations
             (program_id, id, as_of, status, source, commission_count, amount, created_by, created_at)
           VALUES (%(program_id)s, %(id)s, %(as_of)s, 'running', %(source)s, 0, 0, %(created_by)s, %(at)s)""",
        program_id=program_id, id=maturation_id, as_of=as_of, source=source, created_by=created_by, at=now(),
    )  # fmt: skip
    return maturation_id


def mature_chunk(program: Program, maturation_id: UUID) -> bool:
    """Mature the next chunk of due commissions by member id; True when there is none left.

    Locks the maturation, so that two deliveries of its job follow each other and each does a chunk of its own.
    """
    maturation = queries.maturation(program.id, maturation_id, lock=True)
    if maturation is None:
        raise MaturationNotFound()
    if maturation.status == "completed":
        return True
    due = queries.due_commissions(program.id, maturation.after_member_id, maturation.as_of, COMMISSIONS_IN_A_CHUNK)
    matured = _move(program.id, maturation, due)
    if matured:
        today = day_of(now(), program.settings.timezone)
        post(program.id, program.currency, [_entry(maturation, one, today) for one in matured])
        announce(program.id, _events(maturation.id, matured))
    done = len(due) < COMMISSIONS_IN_A_CHUNK
    _advance(program.id, maturation, matured, due[-1].member_id if due else None, done=done)
    return done


def _move(program_id: UUID, maturation: MaturationRecord, due: list[DueCommission]) -> list[_Matured]:
    """Make commissions available, as far as they are still due once they are locked; the sums by member."""
    return fetch_all(
        _Matured,
        # locked in id order, as refunds do, so that the two cannot deadlock
        """WITH locked AS MATERIALIZED (
             SELECT id FROM commissions
             WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[])
               AND status = 'pending' AND held_reason IS NULL AND matures_at <= %(as_of)s
             ORDER BY id FOR UPDATE),
           moved AS (
             UPDATE commissions c SET status = 'available', matured_at = %(at)s, maturation_id = %(maturation_id)s
             FROM locked WHERE c.program_id = %(program_id)s AND c.id = locked.id
             RETURNING c.member_id, c.amount - c.reversed AS left_over)
           SELECT member_id, count(*), sum(left_over)::bigint FROM moved GROUP BY member_id ORDER BY member_id""",
        program_id=program_id, ids=[one.id for one in due], as_of=maturation.as_of, at=now(),
        maturation_id=maturation.id,
    )  # fmt: skip


def _entry(maturation: MaturationRecord, matured: _Matured, today: date) -> Entry:
    """Effective on the day it is recorded: before that nobody could dispose of the money, whatever `as_of` says."""
    return Entry(
        kind="commission.matured",
        # a member whose commissions span chunks has an entry in each; the count before the chunk tells them apart
        source_key=f"maturation:{maturation.id}:{maturation.commission_count}:{matured.member_id}",
        effective_on=today,
        postings=(
            Posting(Account.MEMBER_PENDING, matured.member_id, -matured.amount),
            Posting(Account.MEMBER_AVAILABLE, matured.member_id, matured.amount),
        ),
        note={"commissions": matured.commission_count},
    )


def _events(maturation_id: UUID, matured: Sequence[_Matured]) -> list[Event]:
    """What a chunk moved, in events of a bearable size."""
    at = now()
    moved = [{"member_id": one.member_id, "amount": one.amount, "count": one.commission_count} for one in matured]
    return [
        Event(
            "commission.matured",
            at,
            {"maturation_id": maturation_id, "members": moved[start : start + MEMBERS_IN_AN_EVENT]},
        )
        for start in range(0, len(moved), MEMBERS_IN_AN_EVENT)
    ]


def _advance(
    program_id: UUID, maturation: MaturationRecord, matured: list[_Matured], reached: UUID | None, *, done: bool
) -> None:
    execute(
        """UPDATE maturations SET after_member_id = coalesce(%(reached)s, after_member_id),
                  commission_count = commission_count + %(count)s, amount = amount + %(amount)s,
                  status = CASE WHEN %(done)s THEN 'completed' ELSE status END,
                  completed_at = CASE WHEN %(done)s THEN %(at)s::timestamptz END
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=program_id, id=maturation.id, reached=reached, done=done, at=now(),
        count=sum(one.commission_count for one in matured), amount=sum(one.amount for one in matured),
    )  # fmt: skip


def maturation_of(program_id: UUID, maturation_id: UUID) -> MaturationRecord:
    """One maturation and how far it is.

    Raises:
        MaturationNotFound: there is none of that id.
    """
    found = queries.maturation(program_id, maturation_id)
    if found is None:
        raise MaturationNotFound()
    return found
