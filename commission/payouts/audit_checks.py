"""Compares payouts with the ledger for an audit: what is reserved, what left, and no step booked twice. Reads only."""

from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger.audits import Checked, Finding
from commission.payouts.rules import RESERVED
from core.db import fetch_all, scalar, scalars
from core.ids import public_id

_MOST = 100  # findings of each kind


class _Wrong(NamedTuple):
    id: UUID
    expected: int
    found: int


class _WrongRail(NamedTuple):
    account: str
    expected: int
    found: int


def check_payouts(program_id: UUID) -> Checked:
    """Each comparison is one statement, so that it sees one moment of books that go on."""
    findings = [
        *_wrong_reserves(program_id),
        *_wrong_steps(program_id),
        *_wrong_cash(program_id),
    ]
    number = scalar("SELECT count(*) FROM payouts WHERE program_id = %(p)s", p=program_id)
    return Checked(number, findings)


_RESERVES: LiteralString = """
    SELECT coalesce(b.member_id, o.member_id), coalesce(o.amount, 0)::bigint, coalesce(b.amount, 0)::bigint
    FROM (SELECT member_id, sum(in_payout) AS amount FROM member_balances
          WHERE program_id = %(p)s AND in_payout <> 0 GROUP BY member_id) b
    FULL JOIN (SELECT member_id, sum(amount) AS amount FROM payouts
               WHERE program_id = %(p)s AND status = ANY(%(reserved)s) GROUP BY member_id) o
      ON o.member_id = b.member_id
    WHERE coalesce(o.amount, 0) <> coalesce(b.amount, 0) LIMIT %(most)s"""


def _wrong_reserves(program_id: UUID) -> list[Finding]:
    rows = fetch_all(_Wrong, _RESERVES, p=program_id, reserved=_reserved(), most=_MOST)
    return [
        Finding(public_id("mem", one.id), f"Open payouts are {one.expected}, in_payout is {one.found}.") for one in rows
    ]


# held: reserved − released − paid, 1 while the payout is open; gone: paid − returned, 1 while it counts as paid
_STEPS: LiteralString = """
    SELECT p.id FROM payouts p LEFT JOIN (
      SELECT payout_id,
             count(*) FILTER (WHERE kind = 'payout.reserved')
               - count(*) FILTER (WHERE kind IN ('payout.released', 'payout.paid')) AS held,
             count(*) FILTER (WHERE kind = 'payout.paid') - count(*) FILTER (WHERE kind = 'payout.returned') AS gone
      FROM ledger_transactions WHERE program_id = %(p)s AND payout_id IS NOT NULL GROUP BY payout_id) l
      ON l.payout_id = p.id
    WHERE p.program_id = %(p)s
      AND (coalesce(l.held, 0), coalesce(l.gone, 0))
          <> ((p.status = ANY(%(reserved)s))::int, (p.status = 'paid')::int)
    LIMIT %(most)s"""


def _wrong_steps(program_id: UUID) -> list[Finding]:
    ids = scalars(_STEPS, p=program_id, reserved=_reserved(), most=_MOST)
    return [Finding(public_id("pay", one), "Its ledger entries do not lead to its status.") for one in ids]


_CASH: LiteralString = """
    SELECT coalesce(l.account, 'cash_' || p.rail), coalesce(p.amount, 0)::bigint, coalesce(l.amount, 0)::bigint
    FROM (SELECT account, sum(amount) AS amount FROM ledger_postings
          WHERE program_id = %(p)s AND account LIKE 'cash\\_%%' GROUP BY account) l
    FULL JOIN (SELECT rail, sum(net) AS amount FROM payouts
               WHERE program_id = %(p)s AND status = 'paid' GROUP BY rail) p ON 'cash_' || p.rail = l.account
    WHERE coalesce(p.amount, 0) <> coalesce(l.amount, 0)"""


def _wrong_cash(program_id: UUID) -> list[Finding]:
    rows = fetch_all(_WrongRail, _CASH, p=program_id)
    return [Finding(one.account, f"Paid payouts are {one.expected}, the account has {one.found}.") for one in rows]


def _reserved() -> list[str]:
    return [status.value for status in RESERVED]
