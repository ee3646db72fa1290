"""Every SELECT of payouts that is shown or decided about."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.payouts.approval import SEAL
from core.db import fetch_all, scalar


class Held(NamedTuple):
    """A payout locked for a decision."""

    id: UUID
    member_id: UUID
    kind: str
    settlement_id: UUID | None
    rail: str
    currency: str
    amount: int
    status: str
    attempt: int
    requested_by: UUID | None
    digest: str


class PayoutRecord(NamedTuple):
    """A payout as it is shown, with its method's account still encrypted."""

    id: UUID
    member_id: UUID
    kind: str
    settlement_id: UUID | None
    method_id: UUID
    rail: str
    currency: str
    amount: int
    tax: int
    fee: int
    net: int
    status: str
    status_at: datetime
    rail_reference: str | None
    payee_action: str | None
    failure: str | None
    requested_by_kind: str
    requested_by: UUID | None
    created_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None
    paid_at: datetime | None
    account: str | None
    account_name: str | None
    digest: str


class Event(NamedTuple):
    """One step of a timeline."""

    state: str
    at: datetime
    text: str


class AttemptRecord(NamedTuple):
    """One key at the rail, as it is shown."""

    id: UUID
    number: int
    rail: str
    key: str
    status: str
    outcome: str | None
    reason: str | None
    reference: str | None
    sends: int
    created_at: datetime
    last_sent_at: datetime
    finished_at: datetime | None


class ResolutionRecord(NamedTuple):
    """What people said about an unknown payout."""

    outcome: str
    evidence: str
    status: str
    proposed_by: UUID
    proposed_at: datetime
    confirmed_by: UUID | None
    confirmed_at: datetime | None


class PayoutFilter(NamedTuple):
    """Which payouts a list shows; None: any."""

    status: str | None = None
    member_id: UUID | None = None
    rail: str | None = None
    settlement_id: UUID | None = None
    kind: str | None = None


_HELD: LiteralString = f"""
    SELECT p.id, p.member_id, p.kind, p.settlement_id, p.rail, p.currency, p.amount, p.status, p.attempt,
           p.requested_by, encode({SEAL}, 'hex')
    FROM payouts p JOIN payout_methods m ON m.program_id = p.program_id AND m.id = p.method_id
    WHERE p.program_id = %(program_id)s AND p.id = ANY(%(ids)s) ORDER BY p.id FOR UPDATE OF p"""  # noqa: S608 -- ours


def held(program_id: UUID, payout_ids: Sequence[UUID]) -> list[Held]:
    """Payouts locked in id order; those that are not of the program are left out."""
    return fetch_all(Held, _HELD, program_id=program_id, ids=list(payout_ids))


_PAYOUT: LiteralString = f"""
    SELECT p.id, p.member_id, p.kind, p.settlement_id, p.method_id, p.rail, p.currency, p.amount, p.tax, p.fee, p.net,
           p.status, p.status_at, p.rail_reference, p.payee_action, p.failure, p.requested_by_kind, p.requested_by,
           p.created_at, p.approved_by, p.approved_at, p.paid_at, m.account, m.account_name, encode({SEAL}, 'hex')
    FROM payouts p JOIN payout_methods m ON m.program_id = p.program_id AND m.id = p.method_id
    WHERE p.program_id = %(program_id)s"""  # noqa: S608 -- a constant of ours


def payouts(program_id: UUID, wanted: PayoutFilter, after: UUID | None, most: int) -> list[PayoutRecord]:
    """Newest first, after the last id shown."""
    return fetch_all(
        PayoutRecord,
        _PAYOUT
        + (" AND p.status = %(status)s" if wanted.status else "")
        + (" AND p.member_id = %(member_id)s" if wanted.member_id else "")
        + (" AND p.rail = %(rail)s" if wanted.rail else "")
        + (" AND p.settlement_id = %(settlement_id)s" if wanted.settlement_id else "")
        + (" AND p.kind = %(kind)s" if wanted.kind else "")
        + (" AND p.id < %(after)s" if after else "")
        + " ORDER BY p.id DESC LIMIT %(most)s",
        program_id=program_id, after=after, most=most, **wanted._asdict(),
    )  # fmt: skip


def payouts_of_ids(program_id: UUID, payout_ids: Sequence[UUID]) -> list[PayoutRecord]:
    """In id order; those that are not of the program are left out."""
    sql = _PAYOUT + " AND p.id = ANY(%(ids)s) ORDER BY p.id"
    return fetch_all(PayoutRecord, sql, program_id=program_id, ids=list(payout_ids))


def timeline(program_id: UUID, payout_id: UUID) -> list[Event]:
    return fetch_all(
        Event,
        """SELECT state, at, text FROM payout_events
           WHERE program_id = %(program_id)s AND payout_id = %(payout_id)s ORDER BY number""",
        program_id=program_id, payout_id=payout_id,
    )  # fmt: skip


def attempts(program_id: UUID, payout_id: UUID) -> list[AttemptRecord]:
    return fetch_all(
        AttemptRecord,
        """SELECT id, number, rail, key, status, outcome, reason, reference, sends, created_at, last_sent_at,
                  finished_at
           FROM payout_attempts WHERE program_id = %(program_id)s AND payout_id = %(payout_id)s ORDER BY number""",
        program_id=program_id, payout_id=payout_id,
    )  # fmt: skip


def resolutions(program_id: UUID, payout_id: UUID) -> list[ResolutionRecord]:
    return fetch_all(
        ResolutionRecord,
        """SELECT outcome, evidence, status, proposed_by, proposed_at, confirmed_by, confirmed_at
           FROM payout_resolutions WHERE program_id = %(program_id)s AND payout_id = %(payout_id)s ORDER BY id""",
        program_id=program_id, payout_id=payout_id,
    )  # fmt: skip


def last_sent_at(program_id: UUID, payout_id: UUID, attempt: int) -> datetime:
    sent_at: datetime = scalar(
        """SELECT last_sent_at FROM payout_attempts
           WHERE program_id = %(program_id)s AND payout_id = %(payout_id)s AND number = %(number)s""",
        program_id=program_id, payout_id=payout_id, number=attempt,
    )  # fmt: skip
    return sent_at


_AVAILABLE: LiteralString = """
    SELECT available FROM member_balances
    WHERE program_id = %(program_id)s AND member_id = %(member_id)s AND currency = %(currency)s"""


def available(program_id: UUID, member_id: UUID, currency: str) -> int:
    """Minor units, below zero for debt."""
    return scalar(_AVAILABLE, program_id=program_id, member_id=member_id, currency=currency) or 0


def available_locked(program_id: UUID, member_id: UUID, currency: str) -> int:
    """The same, the balance row locked: what is there stays there until the transaction ends."""
    return scalar(_AVAILABLE + " FOR UPDATE", program_id=program_id, member_id=member_id, currency=currency) or 0
