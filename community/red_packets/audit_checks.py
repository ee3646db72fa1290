"""Compares red packets with the ledger for an audit: every share in one place, paid once, the pool holds the rest."""

from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger.audits import Checked, Finding
from commission.ledger.service import POINTS
from community.red_packets.booking import PREFIX
from core.db import fetch_all, scalar
from core.ids import public_id

_MOST = 100  # findings of each kind


class _Wrong(NamedTuple):
    id: UUID
    expected: int
    found: int


def check_packets(program_id: UUID) -> Checked:
    """Each comparison is one statement, so that it sees one moment of books that go on."""
    number = scalar("SELECT count(*) FROM red_packets WHERE program_id = %(p)s", p=program_id)
    return Checked(number, [*_wrong_sums(program_id), *_wrong_claims(program_id), *_wrong_pool(program_id)])


_SUMS: LiteralString = """
    SELECT p.id, CASE WHEN p.funded_from IS NULL THEN 0 ELSE p.total END, coalesce(s.amount, 0)::bigint
    FROM red_packets p LEFT JOIN (
      SELECT red_packet_id, sum(amount) AS amount,
             coalesce(sum(amount) FILTER (WHERE status = 'returned'), 0) AS returned
      FROM red_packet_shares WHERE program_id = %(p)s GROUP BY red_packet_id) s ON s.red_packet_id = p.id
    WHERE p.program_id = %(p)s
      AND (CASE WHEN p.funded_from IS NULL THEN 0 ELSE p.total END, p.returned)
          <> (coalesce(s.amount, 0), coalesce(s.returned, 0))
    LIMIT %(most)s"""


def _wrong_sums(program_id: UUID) -> list[Finding]:
    rows = fetch_all(_Wrong, _SUMS, p=program_id, most=_MOST)
    return [
        Finding(public_id(PREFIX, one.id), f"Of {one.expected} there are shares of {one.found}, or returned differs.")
        for one in rows
    ]


_CLAIMS: LiteralString = """
    SELECT coalesce(c.member_id, l.member_id), coalesce(c.amount, 0)::bigint, coalesce(l.amount, 0)::bigint
    FROM (SELECT s.member_id, sum(s.amount) AS amount FROM red_packet_shares s
          JOIN red_packets p ON p.program_id = s.program_id AND p.id = s.red_packet_id AND p.currency <> %(points)s
          WHERE s.program_id = %(p)s AND s.status = 'claimed' GROUP BY s.member_id) c
    FULL JOIN (
      SELECT g.member_id, sum(g.amount) AS amount FROM ledger_transactions t
      JOIN ledger_postings g ON g.program_id = t.program_id AND g.transaction_id = t.id AND g.member_id IS NOT NULL
      WHERE t.program_id = %(p)s AND t.kind = 'red_packet.claimed' GROUP BY g.member_id) l ON l.member_id = c.member_id
    WHERE coalesce(c.amount, 0) <> coalesce(l.amount, 0) LIMIT %(most)s"""


def _wrong_claims(program_id: UUID) -> list[Finding]:
    rows = fetch_all(_Wrong, _CLAIMS, p=program_id, points=POINTS, most=_MOST)
    return [Finding(public_id("mem", one.id), f"Claimed is {one.expected}, booked is {one.found}.") for one in rows]


class _Pool(NamedTuple):
    expected: int
    found: int


_POOL: LiteralString = """
    SELECT (SELECT coalesce(sum(s.amount), 0)::bigint FROM red_packet_shares s
            JOIN red_packets p ON p.program_id = s.program_id AND p.id = s.red_packet_id AND p.currency <> %(points)s
            WHERE s.program_id = %(p)s AND s.status = 'free'),
           (SELECT coalesce(sum(amount), 0)::bigint FROM ledger_postings
            WHERE program_id = %(p)s AND account = 'red_packet_pool')"""


def _wrong_pool(program_id: UUID) -> list[Finding]:
    rows = fetch_all(_Pool, _POOL, p=program_id, points=POINTS)
    return [
        Finding("red_packet_pool", f"Shares to be claimed are {one.expected}, the account has {one.found}.")
        for one in rows
        if one.expected != one.found
    ]
