"""Every SELECT on settlement runs, and the balances and payouts they are about."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.settlement.rules import Candidate
from core.db import fetch_all, fetch_one, scalar, scalars


class Run(NamedTuple):
    """One settlement run; the columns of models.SettlementRow without program_id."""

    id: UUID
    status: str
    closing: str | None
    as_of: datetime
    min_payout: int
    rails: list[str] | None
    member_ids: list[UUID] | None
    grades: list[str] | None
    maturation_id: UUID
    after_member_id: UUID | None
    after_payout_id: UUID | None
    failures: int
    failure: str | None
    payout_count: int
    gross: int
    tax: int
    fee: int
    net: int
    skipped: dict[str, list[int]]
    digest: str | None
    created_by: UUID
    created_at: datetime
    prepared_at: datetime | None
    approved_by: UUID | None
    approved_at: datetime | None
    executed_by: UUID | None
    executed_at: datetime | None
    canceled_by: UUID | None
    canceled_at: datetime | None
    finished_at: datetime | None


_RUN: LiteralString = """
    SELECT id, status, closing, as_of, min_payout, rails, member_ids, grades, maturation_id, after_member_id,
           after_payout_id, failures, failure, payout_count, gross, tax, fee, net, skipped, digest, created_by,
           created_at, prepared_at, approved_by, approved_at, executed_by, executed_at, canceled_by, canceled_at,
           finished_at
    FROM settlements WHERE program_id = %(program_id)s"""


def run(program_id: UUID, run_id: UUID, *, lock: bool = False) -> Run | None:
    sql = _RUN + " AND id = %(id)s" + (" FOR UPDATE" if lock else "")
    return fetch_one(Run, sql, program_id=program_id, id=run_id)


def runs(program_id: UUID, status: str | None, after: UUID | None, most: int) -> list[Run]:
    """Newest first."""
    return fetch_all(
        Run,
        _RUN
        + (" AND status = %(status)s" if status else "")
        + (" AND id < %(after)s" if after else "")
        + " ORDER BY id DESC LIMIT %(most)s",
        program_id=program_id, status=status, after=after, most=most,
    )  # fmt: skip


def executing_runs(program_id: UUID) -> list[UUID]:
    return scalars(
        """SELECT id FROM settlements WHERE program_id = %(program_id)s
           AND status = 'executing' ORDER BY id""",
        program_id=program_id,
    )  # fmt: skip


def is_anything_executing(program_id: UUID) -> bool:
    return bool(
        scalar(
            """SELECT EXISTS (SELECT 1 FROM settlements WHERE program_id = %(program_id)s
               AND status = 'executing')""",
            program_id=program_id,
        )
    )


# `+ 0` keeps the planner from its statistics of `available`: they date from before the maturation, when it was zero
# everywhere, and would have it read all balances for every chunk
_CANDIDATES: LiteralString = """
    SELECT b.member_id, b.available, m.status, m.enrolment FROM member_balances b
    JOIN members m ON m.program_id = b.program_id AND m.id = b.member_id
    WHERE b.program_id = %(program_id)s AND b.currency = %(currency)s AND b.available + 0 <> 0"""


def candidates(program_id: UUID, currency: str, chosen: Run, most: int) -> list[Candidate]:
    """The next members of the run with something in `available`, their balance rows locked in member-id order.

    A row that another transaction emptied meanwhile is passed over: what is returned is what is there.
    """
    return fetch_all(
        Candidate,
        _CANDIDATES
        + (" AND b.member_id > %(after)s" if chosen.after_member_id else "")
        + (" AND b.member_id = ANY(%(member_ids)s)" if chosen.member_ids is not None else "")
        + (" AND m.grade = ANY(%(grades)s)" if chosen.grades is not None else "")
        # locked in id order, as ledger.post does, so that two runs cannot deadlock
        + " ORDER BY b.member_id LIMIT %(most)s FOR UPDATE OF b",
        program_id=program_id, currency=currency, after=chosen.after_member_id, member_ids=chosen.member_ids,
        grades=chosen.grades, most=most,
    )  # fmt: skip


class RunPayout(NamedTuple):
    """A payout of a run that can still be given back."""

    id: UUID
    amount: int


def unsent_payouts(program_id: UUID, run_id: UUID, most: int) -> list[UUID]:
    """Payouts of a run that wait for approval or for execution."""
    return scalars(
        """SELECT id FROM payouts WHERE program_id = %(program_id)s AND settlement_id = %(run_id)s
           AND status IN ('requested', 'approved') ORDER BY id LIMIT %(most)s""",
        program_id=program_id, run_id=run_id, most=most,
    )  # fmt: skip


def requested_payouts(program_id: UUID, run_id: UUID, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Id → gross amount of those payouts of the run that wait for approval."""
    rows = fetch_all(
        RunPayout,
        """SELECT id, amount FROM payouts WHERE program_id = %(program_id)s AND settlement_id = %(run_id)s
           AND id = ANY(%(ids)s) AND status = 'requested'""",
        program_id=program_id, run_id=run_id, ids=list(ids),
    )  # fmt: skip
    return dict(rows)
