"""A run's payouts as rows of a file for finance, however many there are. Reads only."""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from commission.payouts.method_schemas import masked_account
from commission.payouts.methods import in_clear
from core.db import fetch_all
from core.http.exports import Cell
from core.ids import public_id

_ROWS_AT_ONCE = 2000

HEADER = (
    "payout_id", "member_id", "member_external_id", "member_name", "rail", "account", "currency", "gross", "tax", "fee",
    "net", "status", "rail_reference", "failure", "paid_at",
)  # fmt: skip


class _Line(NamedTuple):
    id: UUID
    member_id: UUID
    external_id: str | None
    name: str | None
    rail: str
    account: str | None  # encrypted
    method_id: UUID
    currency: str
    gross: int
    tax: int
    fee: int
    net: int
    status: str
    rail_reference: str | None
    failure: str | None
    paid_at: str | None


def lines(program_id: UUID, run_id: UUID) -> Iterator[tuple[Cell, ...]]:
    """The run's payouts in id order, excluded ones too: their status says so. Minor units; accounts masked."""
    after: UUID | None = None
    while rows := _page(program_id, run_id, after):
        for row in rows:
            yield _cells(row)
        after = rows[-1].id


def _cells(row: _Line) -> tuple[Cell, ...]:
    account, _ = in_clear(row.method_id, row.account, None)
    return (
        public_id("pay", row.id), public_id("mem", row.member_id), row.external_id, row.name, row.rail,
        masked_account(account), row.currency, row.gross, row.tax, row.fee, row.net, row.status, row.rail_reference,
        row.failure, row.paid_at,
    )  # fmt: skip


def _page(program_id: UUID, run_id: UUID, after: UUID | None) -> list[_Line]:
    return fetch_all(
        _Line,
        """SELECT p.id, p.member_id, m.external_id, m.name, p.rail, a.account, p.method_id, p.currency, p.amount, p.tax,
                  p.fee, p.net, p.status, p.rail_reference, p.failure,
                  to_char(p.paid_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
           FROM payouts p
           JOIN members m ON m.program_id = p.program_id AND m.id = p.member_id
           JOIN payout_methods a ON a.program_id = p.program_id AND a.id = p.method_id
           WHERE p.program_id = %(program_id)s AND p.settlement_id = %(run_id)s
             AND (%(after)s::uuid IS NULL OR p.id > %(after)s)
           ORDER BY p.id LIMIT %(most)s""",
        program_id=program_id, run_id=run_id, after=after, most=_ROWS_AT_ONCE,
    )  # fmt: skip
