"""Compares lots, adjustments and redemptions with the ledger for an audit. Reads only."""

from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger.audits import Checked, Finding
from commission.ledger.service import POINTS, Account
from core.db import fetch_all, scalar
from core.ids import public_id

_MOST = 100  # findings of each kind


class _Wrong(NamedTuple):
    id: UUID
    expected: int
    found: int


def check_points(program_id: UUID) -> Checked:
    """Each comparison is one statement, so that it sees one moment of books that go on."""
    findings = [*_wrong_lots(program_id), *_wrong_redemptions(program_id), *_wrong_issue(program_id)]
    number = scalar("SELECT count(*) FROM point_lots WHERE program_id = %(p)s", p=program_id)
    return Checked(number, findings)


_LOTS: LiteralString = """
    SELECT coalesce(b.member_id, l.member_id), coalesce(b.points, 0)::bigint, coalesce(l.points, 0)::bigint
    FROM (SELECT member_id, greatest(available, 0) AS points FROM member_balances
          WHERE program_id = %(p)s AND currency = %(points)s) b
    FULL JOIN (SELECT member_id, sum(left_points) AS points FROM point_lots
               WHERE program_id = %(p)s AND left_points > 0 GROUP BY member_id) l ON l.member_id = b.member_id
    WHERE coalesce(b.points, 0) <> coalesce(l.points, 0) LIMIT %(most)s"""


def _wrong_lots(program_id: UUID) -> list[Finding]:
    rows = fetch_all(_Wrong, _LOTS, p=program_id, points=POINTS, most=_MOST)
    return [
        Finding(public_id("mem", one.id), f"PTS: the balance is {one.expected}, the lots have {one.found}.")
        for one in rows
    ]


# what a redemption cost is what its lots gave; a canceled one has given it back
_REDEMPTIONS: LiteralString = """
    SELECT r.id, r.cost, coalesce(u.amount, 0)::bigint FROM reward_redemptions r
    LEFT JOIN (SELECT redemption_id, sum(amount) AS amount FROM point_uses
               WHERE program_id = %(p)s GROUP BY redemption_id) u ON u.redemption_id = r.id
    WHERE r.program_id = %(p)s AND r.cost <> coalesce(u.amount, 0) LIMIT %(most)s"""


def _wrong_redemptions(program_id: UUID) -> list[Finding]:
    rows = fetch_all(_Wrong, _REDEMPTIONS, p=program_id, most=_MOST)
    return [
        Finding(public_id("rdm", one.id), f"PTS: it cost {one.expected}, its lots gave {one.found}.") for one in rows
    ]


class _WrongAccount(NamedTuple):
    account: str
    expected: int
    found: int


_ISSUE: LiteralString = """
    WITH expected (account, points) AS (
      SELECT %(redeemed)s, coalesce(sum(cost), 0) FROM reward_redemptions
      WHERE program_id = %(p)s AND status <> 'canceled'
      UNION ALL
      SELECT %(issued)s, (
        SELECT coalesce(sum(taken_back - earned), 0) FROM point_lots WHERE program_id = %(p)s) - (
        SELECT coalesce(sum(amount), 0) FROM point_adjustments WHERE program_id = %(p)s AND amount < 0)),
    booked AS (
      SELECT account, sum(amount) AS points FROM ledger_postings
      WHERE program_id = %(p)s AND account IN (%(redeemed)s, %(issued)s) GROUP BY account)
    SELECT e.account, e.points::bigint, coalesce(b.points, 0)::bigint
    FROM expected e LEFT JOIN booked b ON b.account = e.account WHERE e.points <> coalesce(b.points, 0)"""


def _wrong_issue(program_id: UUID) -> list[Finding]:
    rows = fetch_all(
        _WrongAccount, _ISSUE, p=program_id, redeemed=Account.POINTS_REDEEMED.value,
        issued=Account.POINTS_ISSUED.value,
    )  # fmt: skip
    return [Finding(one.account, f"PTS: should be {one.expected}, the account has {one.found}.") for one in rows]
