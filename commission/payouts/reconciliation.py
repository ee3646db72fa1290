"""After a restore: our books beside the rails'. What was paid since the backup is found before anything is sent again.

Opens its own transactions, one for each program: it runs from the command line while payouts are locked.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from commission.payouts.adoption import adopt
from commission.payouts.book_rules import FINDINGS, BookEntry, OurPayout, Sight, sight_of
from commission.payouts.books import RAILS_WITH_BOOK, book_of
from commission.payouts.lock import held_lock, keep_detail
from commission.payouts.methods import fingerprint
from commission.payouts.rules import parse_key
from core.clock import now
from core.db import execute, fetch_all, lookup, scalars, transaction
from core.errors import WrongState
from core.ids import public_id

_ROWS_AT_ONCE = 5000


class Finding(NamedTuple):
    """Something that a person must look into before payouts go out again."""

    sight: Sight
    rail: str
    key: str
    amount: int
    currency: str
    status: str
    program_id: UUID | None
    payout_id: UUID | None
    member_id: UUID | None

    def detail(self) -> dict[str, Any]:
        return {
            "class": self.sight.value,
            "rail": self.rail,
            "key": self.key,
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "program": self.program_id and str(self.program_id),
            "payout": self.payout_id and public_id("pay", self.payout_id),
            "member": self.member_id and public_id("mem", self.member_id),
            "acknowledged": None,
        }


class Report(NamedTuple):
    """What a reconciliation saw: transfers by sight, and what blocks the unlocking."""

    counts: dict[str, int]
    findings: list[dict[str, Any]]

    @property
    def open_findings(self) -> list[dict[str, Any]]:
        return [finding for finding in self.findings if finding["acknowledged"] is None]


def reconcile() -> Report:
    """Compare every rail's book with ours; adopt what the backup had not sent yet; keep what a person must see.

    May be repeated: what was acknowledged stays so.

    Raises:
        WrongState: payouts are not locked; with payouts going out the comparison would chase them.
        Unavailable: a rail's book cannot be read.
    """
    _require_lock()
    with lookup():
        programs: list[UUID] = scalars("SELECT id FROM programs ORDER BY id")
    counts = dict.fromkeys(Sight, 0)
    findings = [finding for rail in RAILS_WITH_BOOK for finding in _reconcile_rail(rail, programs, counts)]
    return _kept(counts, findings)


def _reconcile_rail(rail: str, programs: Sequence[UUID], counts: dict[Sight, int]) -> Iterator[Finding]:
    unclaimed = {entry.key: entry for entry in book_of(rail)}
    everything = frozenset(unclaimed)
    for program_id in programs:
        for chunk in _chunks(list(unclaimed.values())):
            for entry, ours, sight in _compare(program_id, chunk):
                del unclaimed[entry.key]
                counts[sight] += 1
                if sight in FINDINGS:
                    yield _finding(sight, rail, entry, program_id, ours)
        yield from _ours_only(program_id, rail, everything, counts)
    yield from _unclaimed(rail, programs, list(unclaimed.values()), counts)


def _compare(program_id: UUID, entries: Sequence[BookEntry]) -> list[tuple[BookEntry, OurPayout, Sight]]:
    """Those of the transfers whose payouts are the program's; what can be settled is settled."""
    with transaction(program_id):
        ours = _our_payouts(program_id, [entry.key for entry in entries])
        seen = [(entry, ours[entry.key], sight_of(entry, ours[entry.key])) for entry in entries if entry.key in ours]
        adopt(program_id, [(one.id, _number(entry.key)) for entry, one, sight in seen if sight is Sight.ADOPT])
        _ask_soon(program_id, [one.id for _, one, sight in seen if sight is Sight.ASK])
    return seen


_OURS: LiteralString = """
    SELECT given.key, p.id, p.member_id, p.status, p.attempt, p.net, p.currency, a.status
    FROM unnest(%(keys)s::text[], %(ids)s::uuid[], %(numbers)s::int[]) AS given (key, payout_id, number)
    JOIN payouts p ON p.program_id = %(program_id)s AND p.id = given.payout_id
    LEFT JOIN payout_attempts a ON a.program_id = %(program_id)s AND a.payout_id = p.id AND a.number = given.number"""


class _Keyed(NamedTuple):
    key: str
    id: UUID
    member_id: UUID
    status: str
    attempt: int
    net: int
    currency: str
    attempt_status: str | None


def _our_payouts(program_id: UUID, keys: Sequence[str]) -> dict[str, OurPayout]:
    named = [(key, *parsed) for key in keys if (parsed := parse_key(key))]
    rows = fetch_all(
        _Keyed, _OURS, program_id=program_id, keys=[key for key, _, _ in named],
        ids=[payout_id for _, payout_id, _ in named], numbers=[number for _, _, number in named],
    )  # fmt: skip
    return {row.key: OurPayout(*row[1:]) for row in rows}


def _ask_soon(program_id: UUID, payout_ids: Sequence[UUID]) -> None:
    execute(
        "UPDATE payouts SET next_check_at = %(at)s WHERE program_id = %(program_id)s AND id = ANY(%(ids)s)",
        program_id=program_id, ids=list(payout_ids), at=now(),
    )  # fmt: skip


def _ours_only(program_id: UUID, rail: str, theirs: frozenset[str], counts: dict[Sight, int]) -> Iterator[Finding]:
    """What we believe paid and the rail does not know."""
    with transaction(program_id, read_only=True):
        rows = fetch_all(
            _Keyed,
            """SELECT a.key, p.id, p.member_id, p.status, p.attempt, p.net, p.currency, a.status
               FROM payout_attempts a JOIN payouts p ON p.program_id = a.program_id AND p.id = a.payout_id
               WHERE a.program_id = %(program_id)s AND a.rail = %(rail)s AND a.status = 'paid' ORDER BY a.id""",
            program_id=program_id, rail=rail,
        )  # fmt: skip
    for row in rows:
        if row.key not in theirs:
            counts[Sight.OURS_ONLY] += 1
            yield Finding(
                Sight.OURS_ONLY, rail, row.key, row.net, row.currency, "paid", program_id, row.id, row.member_id
            )


def _unclaimed(
    rail: str, programs: Sequence[UUID], entries: Sequence[BookEntry], counts: dict[Sight, int]
) -> Iterator[Finding]:
    """Transfers of no payout that is known here: ours by their keys, or somebody else's."""
    for entry in entries:
        sight = sight_of(entry, None)
        counts[sight] += 1
        if sight is Sight.THEIRS_ONLY:
            program_id, member_id = _payee_of(rail, programs, entry)
            yield Finding(
                sight, rail, entry.key, entry.amount, entry.currency, entry.status, program_id, None, member_id
            )


def _payee_of(rail: str, programs: Sequence[UUID], entry: BookEntry) -> tuple[UUID | None, UUID | None]:
    """Whose account the money went to, when a program knows the account."""
    print_ = fingerprint(rail, entry.account, entry.account_name)
    for program_id in programs:
        with transaction(program_id, read_only=True):
            found = scalars(
                """SELECT member_id FROM payout_methods
                   WHERE program_id = %(program_id)s AND fingerprint = %(fingerprint)s LIMIT 1""",
                program_id=program_id, fingerprint=print_,
            )  # fmt: skip
        if found:
            return program_id, found[0]
    return None, None


def _finding(sight: Sight, rail: str, entry: BookEntry, program_id: UUID, ours: OurPayout) -> Finding:
    return Finding(
        sight, rail, entry.key, entry.amount, entry.currency, entry.status, program_id, ours.id, ours.member_id
    )


def _kept(counts: Mapping[Sight, int], findings: Sequence[Finding]) -> Report:
    """Write the result beside the lock; what a person has said about a finding stays with it."""
    with transaction():
        lock = held_lock()
        if lock is None:
            raise WrongState("Payouts were unlocked meanwhile.")
        known = {(old["key"], old["class"]): old["acknowledged"] for old in lock.detail.get("findings", [])}
        details = [finding.detail() for finding in findings]
        for detail in details:
            detail["acknowledged"] = known.get((detail["key"], detail["class"]))
        report = Report({sight.value: count for sight, count in counts.items() if count}, details)
        keep_detail(lock.detail | {"reconciled_at": now().isoformat(), "counts": report.counts, "findings": details})
    return report


def _require_lock() -> None:
    with transaction():
        if held_lock() is None:
            raise WrongState("Payouts are not locked: there is nothing to reconcile after.")


def _number(key: str) -> int:
    parsed = parse_key(key)
    return parsed[1] if parsed else 0


def _chunks(entries: Sequence[BookEntry]) -> Iterator[Sequence[BookEntry]]:
    return (entries[start : start + _ROWS_AT_ONCE] for start in range(0, len(entries), _ROWS_AT_ONCE))
