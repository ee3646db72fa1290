"""What settlement asks of payouts: reserve, approve, queue, give back, how far it is. Callers hold the transaction."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, LiteralString, NamedTuple
from uuid import UUID

from commission.payouts.approval import SEAL
from commission.payouts.booking import Step, book
from commission.payouts.methods import MethodChoice, methods_for
from commission.payouts.models import PayoutEventRow, PayoutRow
from commission.payouts.outcomes import close_attempts
from commission.payouts.queueing import publish_submissions
from commission.payouts.rules import GIVEN_UP, NOT_PAYABLE, Status, charges_of
from commission.payouts.telling import tell
from commission.payouts.transitions import By, Move, Moved, by, move
from core.auth.actor import Actor, Program
from core.auth.service import program_of
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all, scalars
from core.ids import new_id

__all__ = [
    "DigestLine", "MethodChoice", "NewPayout", "Progress", "approve_settlement", "digest_lines", "methods_for",
    "progress_of", "queue_settlement", "release", "reserve",
]  # fmt: skip

_DIGEST_CHUNK = 5000


class NewPayout(NamedTuple):
    """A payout to be reserved. `amount` is gross, in minor units of the program's currency, above 0."""

    member_id: UUID
    amount: int
    method_id: UUID
    rail: str


class Progress(NamedTuple):
    """Payouts of a run in one status; minor units."""

    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs here
    gross: int
    tax: int
    fee: int
    net: int


class DigestLine(NamedTuple):
    """One payout as an approval covers it. `account` is the fingerprint in hex."""

    payout_id: UUID
    member_id: UUID
    account: str
    amount: int
    currency: str
    rail: str


class _NewRow(NamedTuple):
    id: UUID
    member_id: UUID
    method_id: UUID
    kind: str
    settlement_id: UUID | None
    rail: str
    currency: str
    amount: int
    tax: int
    fee: int
    net: int
    status: str
    status_at: datetime
    version: int
    attempt: int
    requested_by_kind: str
    requested_by: UUID | None
    created_at: datetime
    check_count: int


class _NewEvent(NamedTuple):
    payout_id: UUID
    number: int
    state: str
    at: datetime
    text: str
    actor_kind: str
    actor_id: UUID | None


def reserve(
    program: Program,
    payouts: Sequence[NewPayout],
    *,
    kind: Literal["settlement", "withdrawal"],
    settlement_id: UUID | None,
    requested_by: Actor | None,
) -> list[UUID]:
    """New payouts in `requested` with their money moved from available to in_payout; their ids, in the given order.

    The caller holds the members' balance rows locked and has checked them. Any number at once, a few statements.
    """
    who, at = by(requested_by), now()
    rows = [_new_row(program, one, kind, settlement_id, who, at) for one in payouts]
    insert_rows(PayoutRow, rows, program_id=program.id)
    text = "Reserved by a settlement." if kind == "settlement" else "Requested."
    events = [_NewEvent(row.id, 1, row.status, at, text, who.kind, who.id) for row in rows]
    insert_rows(PayoutEventRow, events, program_id=program.id)
    book(program, [(Step.RESERVED, rows)])
    return [row.id for row in rows]


def _new_row(program: Program, new: NewPayout, kind: str, settlement_id: UUID | None, who: By, at: datetime) -> _NewRow:
    charges = charges_of(new.amount, new.rail)
    return _NewRow(
        id=new_id(), member_id=new.member_id, method_id=new.method_id, kind=kind, settlement_id=settlement_id,
        rail=new.rail, currency=program.currency, amount=new.amount, tax=charges.tax, fee=charges.fee, net=charges.net,
        status=Status.REQUESTED.value, status_at=at, version=1, attempt=1, requested_by_kind=who.kind,
        requested_by=who.id, created_at=at, check_count=0,
    )  # fmt: skip


def approve_settlement(program_id: UUID, settlement_id: UUID, approver: Actor) -> int:
    """Every payout of the run that waits for approval becomes approved and sealed; how many.

    The caller has compared the digest and that the approver is not the maker, and holds the run locked.
    """
    ids = _ids_of(program_id, settlement_id, Status.REQUESTED)
    return len(approve(program_id, ids, by(approver)))


_SEAL_APPROVED: LiteralString = f"""
    UPDATE payouts p SET approved_by = %(approver)s, approved_at = %(at)s, seal = {SEAL}
    FROM payout_methods m
    WHERE p.program_id = %(program_id)s AND p.id = ANY(%(ids)s) AND p.status = 'requested'
    AND m.program_id = %(program_id)s AND m.id = p.method_id"""  # noqa: S608 -- a constant of ours


def approve(program_id: UUID, payout_ids: Sequence[UUID], approver: By) -> list[Moved]:
    """Approve and seal payouts: what is sent later must still be what was approved here."""
    # before the move: the database refuses an approved payout without approver
    execute(
        _SEAL_APPROVED,
        program_id=program_id, ids=list(payout_ids), approver=approver.id, at=now(),
    )  # fmt: skip
    return move(program_id, [Move(one, "Approved.") for one in payout_ids], Status.APPROVED, approver)


def queue_settlement(program_id: UUID, settlement_id: UUID, after: UUID | None, most: int) -> UUID | None:
    """Queue the run's next approved payouts in id order and publish their sending.

    Returns the cursor to go on from, None when no approved payout is left.
    """
    ids = scalars(
        """SELECT id FROM payouts WHERE program_id = %(program_id)s AND settlement_id = %(settlement_id)s
           AND status = 'approved' AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT %(most)s""",
        program_id=program_id, settlement_id=settlement_id, after=after, most=most,
    )  # fmt: skip
    queue(program_id, ids, by(None))
    return ids[-1] if len(ids) == most else None


def queue(program_id: UUID, payout_ids: Sequence[UUID], who: By) -> list[Moved]:
    """approved → queued; the rails' payouts are published to be sent, those by hand wait for a voucher."""
    moves = [Move(one, "Queued.") for one in payout_ids]
    queued = move(program_id, moves, Status.QUEUED, who, only_from={Status.APPROVED})
    publish_submissions(program_id, queued)
    return queued


def release(program_id: UUID, payout_ids: Sequence[UUID], status: str, reason: str, actor: Actor | None) -> list[UUID]:
    """Give payouts up (`canceled`, `rejected` or `failed`) and their money back to available; the ids given up.

    Only from states in which nothing was sent; what a rail may have is left alone, so compare the answer.
    """
    target = Status(status)
    if target not in GIVEN_UP:
        raise ValueError(f"{status} gives nothing back")
    moves = [Move(one, reason, failure=reason) for one in payout_ids]
    unsent = {Status.REQUESTED, Status.APPROVED, Status.QUEUED}
    given_up = move(program_id, moves, target, by(actor), only_from=unsent)
    close_attempts(program_id, given_up, "canceled")
    program = program_of(program_id)
    book(program, [(Step.RELEASED, given_up)])
    tell(program, [(target, given_up)])
    return [one.id for one in given_up]


def digest_lines(program_id: UUID, settlement_id: UUID) -> Iterator[DigestLine]:
    """What approval of a run covers, in id order; excluded payouts are left out. Flat in memory."""
    after: UUID | None = None
    while lines := _digest_chunk(program_id, settlement_id, after):
        yield from lines
        after = lines[-1].payout_id


_DIGEST_LINES: LiteralString = """
    SELECT p.id, p.member_id, encode(m.fingerprint, 'hex'), p.amount, p.currency, p.rail
    FROM payouts p JOIN payout_methods m ON m.program_id = p.program_id AND m.id = p.method_id
    WHERE p.program_id = %(program_id)s AND p.settlement_id = %(settlement_id)s AND p.status <> ALL(%(left_out)s)
    AND (%(after)s::uuid IS NULL OR p.id > %(after)s) ORDER BY p.id LIMIT %(most)s"""


def _digest_chunk(program_id: UUID, settlement_id: UUID, after: UUID | None) -> list[DigestLine]:
    return fetch_all(
        DigestLine,
        _DIGEST_LINES,
        program_id=program_id, settlement_id=settlement_id, after=after, most=_DIGEST_CHUNK,
        left_out=[status.value for status in NOT_PAYABLE],
    )  # fmt: skip


class _ProgressRow(NamedTuple):
    status: str
    payouts: int
    gross: int
    tax: int
    fee: int
    net: int


def progress_of(program_id: UUID, settlement_id: UUID) -> dict[str, Progress]:
    """Status → count and sums of the run's payouts; statuses without a payout are left out."""
    rows = fetch_all(
        _ProgressRow,
        """SELECT status, count(*), sum(amount)::bigint, sum(tax)::bigint, sum(fee)::bigint, sum(net)::bigint
           FROM payouts WHERE program_id = %(program_id)s AND settlement_id = %(settlement_id)s GROUP BY status""",
        program_id=program_id, settlement_id=settlement_id,
    )  # fmt: skip
    return {row.status: Progress(*row[1:]) for row in rows}


def _ids_of(program_id: UUID, settlement_id: UUID, status: Status) -> list[UUID]:
    return scalars(
        """SELECT id FROM payouts WHERE program_id = %(program_id)s AND settlement_id = %(settlement_id)s
           AND status = %(status)s ORDER BY id""",
        program_id=program_id, settlement_id=settlement_id, status=status.value,
    )  # fmt: skip
