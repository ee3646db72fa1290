"""Compares budgets with what left them and with the ledger, for an audit. Reads only."""

from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger.audits import Checked, Finding
from core.db import fetch_all, scalar
from core.ids import public_id

_MOST = 100


class _Wrong(NamedTuple):
    activity_id: UUID
    expected: int
    found: int


class _Account(NamedTuple):
    expected: int
    found: int


# of an approved or closed budget: amount = left + returned + paid rewards − what moved in
_WRONG: LiteralString = """
    SELECT b.activity_id, (b.amount + coalesce(m.moved, 0) - coalesce(r.paid, 0))::bigint,
           (b.left_amount + b.returned)::bigint
    FROM activity_budgets b
    LEFT JOIN (SELECT activity_id, sum(amount) AS paid FROM activity_rewards
               WHERE program_id = %(p)s AND status IN ('paid', 'reclaim') AND kind <> 'coupon' GROUP BY activity_id) r
      ON r.activity_id = b.activity_id
    LEFT JOIN (SELECT activity_id, sum(amount) AS moved FROM activity_budget_moves
               WHERE program_id = %(p)s AND kept GROUP BY activity_id) m ON m.activity_id = b.activity_id
    WHERE b.program_id = %(p)s AND (b.status = 'approved' OR b.approved_at IS NOT NULL OR b.currency = 'PTS')
      AND b.amount + coalesce(m.moved, 0) - coalesce(r.paid, 0) <> b.left_amount + b.returned
    LIMIT %(most)s"""

_MONEY: LiteralString = """
    SELECT (SELECT coalesce(sum(left_amount), 0) FROM activity_budgets
            WHERE program_id = %(p)s AND currency <> 'PTS')::bigint,
           (SELECT coalesce(sum(amount), 0) FROM ledger_postings
            WHERE program_id = %(p)s AND account = 'activity_budget')::bigint"""


def check_budgets(program_id: UUID) -> Checked:
    """What is left of budgets is what was approved less what left, and the ledger's account has the money of all."""
    wrong = fetch_all(_Wrong, _WRONG, p=program_id, most=_MOST)
    findings = [
        Finding(
            public_id("act", one.activity_id), f"Its budget should have {one.expected} and has {one.found}."
        )
        for one in wrong
    ]  # fmt: skip
    account = fetch_all(_Account, _MONEY, p=program_id)[0]
    if account.expected != account.found:
        findings.append(
            Finding("activity_budget", f"Budgets have {account.expected} left, the account has {account.found}.")
        )
    number = scalar("SELECT count(*) FROM activity_budgets WHERE program_id = %(p)s", p=program_id)
    return Checked(number, findings)
