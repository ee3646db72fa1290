"""What an audit looks at, piece by piece: each step does one and says where to go on. Reads only."""

from collections.abc import Callable
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger import queries
from commission.ledger.chain import GENESIS, link
from commission.ledger.queries import Head
from commission.ledger.sealing import postings_by_transaction
from core.db import fetch_all, fetch_one, scalar
from core.ids import public_id

SEALS = 2000
TRANSACTIONS = 20_000
MEMBERS = 2000
MOST_FINDINGS = 100  # of one piece

_FIRST, _LAST = UUID(int=0), UUID(int=(1 << 128) - 1)


class Finding(NamedTuple):
    """Something that is not as it must be: with what (a public id or an account), and how."""

    subject: str | None
    detail: str


class Checked(NamedTuple):
    """The outcome of one piece: how many things were looked at, and where to go on (None: the step is done)."""

    number: int
    findings: list[Finding]
    after: str | None = None


Step = Callable[[UUID, Head, str | None], Checked]


class _Seal(NamedTuple):
    seq: int
    transaction_id: UUID
    hash: bytes


def check_chain(program_id: UUID, head: Head, after: str | None) -> Checked:
    """Every link up to the head follows from the link before it and its transaction as it stands; none is missing."""
    last = _parsed(after)
    seals = _seals(program_id, last.seq, head.seq)
    findings = _broken_links(program_id, last, seals)
    end = Head(seals[-1].seq, seals[-1].hash) if seals else last
    if len(seals) == SEALS:
        return Checked(len(seals), findings, f"{end.seq}:{end.hash.hex()}")
    if end != head:
        findings.append(Finding(None, f"The head says {head.seq} {head.hash.hex()}, the chain ends at {end.seq}."))
    return Checked(len(seals), findings)


def _parsed(position: str | None) -> Head:
    if position is None:
        return Head(0, GENESIS)
    seq, _, last = position.partition(":")
    return Head(int(seq), bytes.fromhex(last))


def _seals(program_id: UUID, after: int, until: int) -> list[_Seal]:
    return fetch_all(
        _Seal,
        """SELECT seq, transaction_id, hash FROM ledger_seals
           WHERE program_id = %(program_id)s AND seq > %(after)s AND seq <= %(until)s ORDER BY seq LIMIT %(most)s""",
        program_id=program_id, after=after, until=until, most=SEALS,
    )  # fmt: skip


def _broken_links(program_id: UUID, last: Head, seals: list[_Seal]) -> list[Finding]:
    ids = [seal.transaction_id for seal in seals]
    transactions = {one.id: one for one in queries.transactions_of(program_id, ids)}
    postings = postings_by_transaction(queries.postings_of(program_id, ids))
    findings = []
    for seal in seals:
        subject = public_id("ltx", seal.transaction_id)
        transaction = transactions.get(seal.transaction_id)
        if seal.seq != last.seq + 1:
            findings.append(Finding(subject, f"Seal {seal.seq} follows seal {last.seq}."))
        if transaction is None:
            findings.append(Finding(subject, f"Seal {seal.seq} is of a transaction that is not there."))
        elif link(last.hash, program_id, transaction, postings.get(transaction.id, ())) != seal.hash:
            findings.append(Finding(subject, f"Seal {seal.seq} does not match its transaction and the seal before."))
        # on from the link as it is stored: one broken link is one finding
        last = Head(seal.seq, seal.hash)
    return findings


class _Range(NamedTuple):
    """Ids above `after` up to `last`; of the last piece everything that is left, whether it belongs to a row or not."""

    after: UUID
    last: UUID
    number: int

    @property
    def resume(self) -> str | None:
        return None if self.last == _LAST else str(self.last)


class _Span(NamedTuple):
    last: UUID | None
    number: int


def _range(sql: LiteralString, program_id: UUID, after: str | None, most: int) -> _Range:
    first = UUID(after) if after else _FIRST
    found = fetch_one(_Span, sql, program_id=program_id, after=first, most=most)
    if found is None or found.last is None or found.number < most:
        return _Range(first, _LAST, found.number if found else 0)
    return _Range(first, found.last, found.number)


_TRANSACTION_RANGE: LiteralString = """
    SELECT (array_agg(id ORDER BY id DESC))[1], count(*) FROM (
      SELECT id FROM ledger_transactions WHERE program_id = %(program_id)s AND id > %(after)s
      ORDER BY id LIMIT %(most)s) piece"""

_WRONG_TRANSACTIONS: LiteralString = """
    SELECT transaction_id, 'The postings sum to ' || sum(amount) || ' ' || currency || '.' FROM ledger_postings
    WHERE program_id = %(program_id)s AND transaction_id > %(after)s AND transaction_id <= %(last)s
    GROUP BY transaction_id, currency HAVING sum(amount) <> 0
    UNION ALL
    SELECT t.id, 'It has no postings.' FROM ledger_transactions t
    WHERE t.program_id = %(program_id)s AND t.id > %(after)s AND t.id <= %(last)s AND NOT EXISTS (
      SELECT FROM ledger_postings p WHERE p.program_id = %(program_id)s AND p.transaction_id = t.id)
    UNION ALL
    SELECT p.transaction_id, 'Its postings are there, it is not.' FROM ledger_postings p
    WHERE p.program_id = %(program_id)s AND p.transaction_id > %(after)s AND p.transaction_id <= %(last)s
      AND NOT EXISTS (
      SELECT FROM ledger_transactions t WHERE t.program_id = %(program_id)s AND t.id = p.transaction_id)
    UNION ALL
    SELECT t.id, 'It is neither sealed nor waiting to be.' FROM ledger_transactions t
    WHERE t.program_id = %(program_id)s AND t.id > %(after)s AND t.id <= %(last)s
      AND NOT EXISTS (SELECT FROM ledger_seals s WHERE s.program_id = %(program_id)s AND s.transaction_id = t.id)
      AND NOT EXISTS (SELECT FROM ledger_unsealed u WHERE u.program_id = %(program_id)s AND u.transaction_id = t.id)
    LIMIT %(most)s"""


class _Wrong(NamedTuple):
    id: UUID
    detail: str


def check_transactions(program_id: UUID, _head: Head, after: str | None) -> Checked:
    """Every transaction has postings that sum to zero in each currency, and is sealed or waits for it."""
    piece = _range(_TRANSACTION_RANGE, program_id, after, TRANSACTIONS)
    rows = fetch_all(
        _Wrong, _WRONG_TRANSACTIONS, program_id=program_id, after=piece.after, last=piece.last, most=MOST_FINDINGS
    )
    findings = [Finding(public_id("ltx", row.id), row.detail) for row in rows]
    return Checked(piece.number, findings, piece.resume)


_MEMBER_RANGE: LiteralString = """
    SELECT (array_agg(member_id ORDER BY member_id DESC))[1], count(*) FROM (
      SELECT member_id FROM member_balances WHERE program_id = %(program_id)s AND member_id > %(after)s
      ORDER BY member_id LIMIT %(most)s) piece"""

_WRONG_BALANCES: LiteralString = """
    SELECT member_id, currency || ': the balance is '
           || concat_ws(', ', b.pending, b.available, b.in_payout, b.paid) || ', its postings say '
           || concat_ws(', ', p.pending, p.available, p.in_payout, p.paid)
           || ' (pending, available, in payout, paid).'
    FROM (SELECT member_id, currency, pending, available, in_payout, paid FROM member_balances
          WHERE program_id = %(program_id)s AND member_id > %(after)s AND member_id <= %(last)s) b
    FULL JOIN (
      SELECT member_id, currency,
             coalesce(sum(amount) FILTER (WHERE account = 'member_pending'), 0) AS pending,
             coalesce(sum(amount) FILTER (WHERE account = 'member_available'), 0) AS available,
             coalesce(sum(amount) FILTER (WHERE account = 'member_in_payout'), 0) AS in_payout,
             coalesce(sum(amount) FILTER (WHERE starts_with(account, 'cash_')), 0) AS paid
      FROM ledger_postings
      WHERE program_id = %(program_id)s AND member_id > %(after)s AND member_id <= %(last)s
      GROUP BY member_id, currency) p USING (member_id, currency)
    WHERE (b.pending, b.available, b.in_payout, b.paid) IS DISTINCT FROM (p.pending, p.available, p.in_payout, p.paid)
      AND NOT (p.pending IS NULL AND (b.pending, b.available, b.in_payout, b.paid) = (0, 0, 0, 0))
    LIMIT %(most)s"""


def check_balances(program_id: UUID, _head: Head, after: str | None) -> Checked:
    """Every bucket of every member is the sum of his postings. One statement a piece, so it sees one moment."""
    piece = _range(_MEMBER_RANGE, program_id, after, MEMBERS)
    rows = fetch_all(
        _Wrong, _WRONG_BALANCES, program_id=program_id, after=piece.after, last=piece.last, most=MOST_FINDINGS
    )
    findings = [Finding(public_id("mem", row.id), row.detail) for row in rows]
    return Checked(piece.number, findings, piece.resume)


_WRONG_ACCOUNTS: LiteralString = """
    WITH posted AS (
      SELECT account, currency, sum(greatest(-amount, 0)) AS debit, sum(greatest(amount, 0)) AS credit
      FROM ledger_postings WHERE program_id = %(program_id)s GROUP BY account, currency),
    moved AS (
      SELECT account, currency, debit, credit FROM ledger_snapshots WHERE program_id = %(program_id)s
      UNION ALL
      SELECT p.account, p.currency, greatest(-p.amount, 0), greatest(p.amount, 0) FROM ledger_unsealed u
      JOIN ledger_postings p ON p.program_id = u.program_id AND p.transaction_id = u.transaction_id
      WHERE u.program_id = %(program_id)s),
    kept AS (SELECT account, currency, sum(debit) AS debit, sum(credit) AS credit FROM moved GROUP BY account, currency)
    SELECT account, currency || ': the totals are ' || concat_ws(', ', kept.debit, kept.credit)
           || ', the postings say ' || concat_ws(', ', posted.debit, posted.credit) || ' (debit, credit).'
    FROM posted FULL JOIN kept USING (account, currency)
    WHERE (posted.debit, posted.credit) IS DISTINCT FROM (kept.debit, kept.credit)
    LIMIT %(most)s"""


def check_accounts(program_id: UUID, _head: Head, _after: str | None) -> Checked:
    """Every account's snapshot plus its unsealed postings is the sum of all its postings."""
    number = scalar("SELECT count(*) FROM ledger_snapshots WHERE program_id = %(program_id)s", program_id=program_id)
    return Checked(number, fetch_all(Finding, _WRONG_ACCOUNTS, program_id=program_id, most=MOST_FINDINGS))
