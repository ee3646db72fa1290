"""Corrections by hand of what a member is owed. One person asks, another approves; only then money moves."""

from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger.errors import AdjustmentNotFound, AlreadyDecided, UnknownMember
from commission.ledger.rules import Account, Entry, Posting
from commission.ledger.service import post
from core.auth.actor import Actor
from core.clock import day_of, now
from core.db import execute, fetch_all, fetch_one
from core.errors import Fault, SamePerson
from core.ids import new_id, public_id
from referral.members import service as members


class Adjustment(NamedTuple):
    """A correction in minor units: above 0 the member gets it, below 0 it is taken from him."""

    id: UUID
    member_id: UUID
    currency: str
    amount: int
    reason: str
    evidence: str | None
    status: str
    requested_by: UUID
    requested_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    rejection: str | None
    transaction_id: UUID | None


_SELECT: LiteralString = """
    SELECT id, member_id, currency, amount, reason, evidence, status, requested_by, requested_at, decided_by,
           decided_at, rejection, transaction_id
    FROM adjustments WHERE program_id = %(program_id)s"""


def request_adjustment(actor: Actor, member_id: UUID, amount: int, reason: str, evidence: str | None) -> Adjustment:
    """Ask for a correction of `amount` minor units, not 0. No money moves.

    Raises:
        UnknownMember: the program has no such member, or he was erased.
    """
    card = members.cards_of(actor.program_id, [member_id]).get(member_id)
    if card is None or card.status == "erased":
        raise UnknownMember(faults=[Fault("/member_id", "There is no such member.")])
    adjustment_id = new_id()
    execute(
        """INSERT INTO adjustments
             (program_id, id, member_id, currency, amount, reason, evidence, status, requested_by, requested_at)
           VALUES (%(program_id)s, %(id)s, %(member_id)s, %(currency)s, %(amount)s, %(reason)s, %(evidence)s,
                   'requested', %(requested_by)s, %(requested_at)s)""",
        program_id=actor.program_id, id=adjustment_id, member_id=member_id, currency=actor.program.currency,
        amount=amount, reason=reason, evidence=evidence, requested_by=actor.id, requested_at=now(),
    )  # fmt: skip
    return adjustment_of(actor.program_id, adjustment_id)


def approve_adjustment(actor: Actor, adjustment_id: UUID) -> Adjustment:
    """Post a correction that another person asked for. Locks the adjustment, so that it is posted once.

    Raises:
        AdjustmentNotFound: there is none of this id.
        AlreadyDecided: it was posted or rejected before.
        SamePerson: the actor asked for it.
    """
    asked = _undecided(actor.program_id, adjustment_id)
    if asked.requested_by == actor.id:
        raise SamePerson()
    [transaction_id] = post(actor.program_id, asked.currency, [_entry(actor, asked)])
    _decide(actor, adjustment_id, "posted", transaction_id=transaction_id)
    return adjustment_of(actor.program_id, adjustment_id)


def reject_adjustment(actor: Actor, adjustment_id: UUID, reason: str) -> Adjustment:
    """Drop a correction that was asked for; whoever asked may take it back so himself.

    Raises:
        AdjustmentNotFound: there is none of this id.
        AlreadyDecided: it was posted or rejected before.
    """
    _undecided(actor.program_id, adjustment_id)
    _decide(actor, adjustment_id, "rejected", rejection=reason)
    return adjustment_of(actor.program_id, adjustment_id)


def adjustment_of(program_id: UUID, adjustment_id: UUID) -> Adjustment:
    """Raises: AdjustmentNotFound: there is none of this id."""
    found = fetch_one(Adjustment, _SELECT + " AND id = %(id)s", program_id=program_id, id=adjustment_id)
    if found is None:
        raise AdjustmentNotFound()
    return found


def adjustments(
    program_id: UUID, *, member_id: UUID | None, status: str | None, before: UUID | None, most: int
) -> list[Adjustment]:
    """Adjustments, newest first, older than the one called `before`."""
    return fetch_all(
        Adjustment,
        _SELECT
        + (" AND member_id = %(member_id)s" if member_id else "")
        + (" AND status = %(status)s" if status else "")
        + (" AND id < %(before)s" if before else "")
        + " ORDER BY id DESC LIMIT %(most)s",
        program_id=program_id, member_id=member_id, status=status, before=before, most=most,
    )  # fmt: skip


def _undecided(program_id: UUID, adjustment_id: UUID) -> Adjustment:
    found = fetch_one(Adjustment, _SELECT + " AND id = %(id)s FOR UPDATE", program_id=program_id, id=adjustment_id)
    if found is None:
        raise AdjustmentNotFound()
    if found.status != "requested":
        raise AlreadyDecided(f"The adjustment is {found.status}.")
    return found


def _entry(approver: Actor, asked: Adjustment) -> Entry:
    return Entry(
        kind="adjustment.posted",
        source_key=f"adjustment:{asked.id}",
        effective_on=day_of(now(), approver.program.settings.timezone),
        postings=(
            Posting(Account.ADJUSTMENT_EXPENSE, None, -asked.amount),
            Posting(Account.MEMBER_AVAILABLE, asked.member_id, asked.amount),
        ),
        note={"adjustment_id": public_id("adj", asked.id)},
    )


def _decide(
    actor: Actor,
    adjustment_id: UUID,
    status: str,
    *,
    transaction_id: UUID | None = None,
    rejection: str | None = None,
) -> None:
    execute(
        """UPDATE adjustments SET status = %(status)s, decided_by = %(decided_by)s, decided_at = %(decided_at)s,
                  transaction_id = %(transaction_id)s, rejection = %(rejection)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'requested'""",
        program_id=actor.program_id, id=adjustment_id, status=status, decided_by=actor.id, decided_at=now(),
        transaction_id=transaction_id, rejection=rejection,
    )  # fmt: skip
