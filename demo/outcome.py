"""What came out, read back from the books: for the summary alone. SELECTs and GETs; nothing here changes anything."""

from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from core.db import connection, fetch_all, fetch_one, transaction
from demo.office import Caller


class Sales(NamedTuple):
    """Orders that were paid; amounts in minor units."""

    orders: int
    lines: int
    guests: int
    sales: int
    refunded: int


class LevelSum(NamedTuple):
    """Commissions of one level."""

    level: int
    commissions: int
    amount: int
    reversed: int


class Matured(NamedTuple):
    """What has moved from pending to available."""

    commissions: int
    amount: int


class Example(NamedTuple):
    """A commission worth looking at: of a short order with two levels, reversed in part; and the order's first line."""

    member_id: UUID
    member: str
    order: str
    sku: str
    unit_price: int


class Outcome(NamedTuple):
    """All of it. `finance` and `trial` as the API gives them; `fingerprint` is equal where all balances are."""

    currency: str
    sales: Sales
    levels: list[LevelSum]
    matured: Matured
    run: dict[str, Any]
    finance: dict[str, Any]
    trial: dict[str, Any]
    example: Example | None
    fingerprint: str

    @property
    def balances(self) -> int:
        """What all members have, had paid out and wait for, together."""
        money = self.finance
        held: int = money["pending"] + money["payable"] - money["debt"]["amount"] + money["in_payout"] + money["paid"]
        return held

    @property
    def books_agree(self) -> bool:
        """Debits equal credits, and the balances are what was accrued and not reversed."""
        money = self.finance
        owed = money["accrued"] - money["reversed"] + money["adjustments"] + money["rewards"] + money["red_packets"]
        return bool(self.trial["balanced"]) and owed == self.balances


def outcome_of(program_id: UUID, currency: str, run: dict[str, Any], finance: Caller) -> Outcome:
    """Read all sums; `finance` is somebody who may see the books."""
    summary, trial = finance.call("GET", "/v1/finance/summary"), finance.call("GET", "/v1/ledger/trial-balance")
    with transaction(program_id, read_only=True):
        (sales,) = fetch_all(Sales, _SALES, program_id=program_id)  # sums always have one row
        (matured,) = fetch_all(Matured, _MATURED, program_id=program_id)
        return Outcome(
            currency, sales, fetch_all(LevelSum, _LEVELS, program_id=program_id), matured, run, summary, trial,
            fetch_one(Example, _EXAMPLE, program_id=program_id), fingerprint_of(program_id),
        )  # fmt: skip


def example_of(program_id: UUID) -> Example | None:
    """None while nobody has earned anything."""
    with transaction(program_id, read_only=True):
        return fetch_one(Example, _EXAMPLE, program_id=program_id)


def fingerprint_of(program_id: UUID) -> str:
    """SHA-256 over every member's balances by external id: two programs with equal balances have the same."""
    digest = sha256()
    for row in connection().cursor().stream(_BALANCES, {"program_id": program_id}):
        digest.update(("|".join(map(str, row)) + "\n").encode())
    return digest.hexdigest()


_SALES = """
    SELECT count(*), (SELECT count(*) FROM order_lines WHERE program_id = %(program_id)s),
           count(*) FILTER (WHERE customer_id IS NULL), coalesce(sum(total), 0)::bigint,
           coalesce(sum(refunded), 0)::bigint
    FROM orders WHERE program_id = %(program_id)s AND paid_at IS NOT NULL"""

_LEVELS = """
    SELECT level, count(*), sum(amount)::bigint, sum(reversed)::bigint
    FROM commissions WHERE program_id = %(program_id)s GROUP BY level ORDER BY level"""

_MATURED = """
    SELECT coalesce(sum(commission_count), 0)::bigint, coalesce(sum(amount), 0)::bigint
    FROM maturations WHERE program_id = %(program_id)s"""

_EXAMPLE = """
    SELECT m.id, m.external_id, o.external_id, l.sku, l.unit_price
    FROM commissions c
    JOIN members m ON m.program_id = c.program_id AND m.id = c.member_id
    JOIN orders o ON o.program_id = c.program_id AND o.id = c.order_id
    JOIN order_lines l ON l.program_id = c.program_id AND l.order_id = c.order_id AND l.position = 0
    WHERE c.program_id = %(program_id)s AND c.level = 1
    ORDER BY c.reversed > 0 AND c.reversed < c.amount DESC,
             EXISTS (SELECT 1 FROM commissions d WHERE d.program_id = c.program_id AND d.order_id = c.order_id
                     AND d.level = 2) DESC,
             (SELECT count(*) BETWEEN 3 AND 10 FROM order_lines k
              WHERE k.program_id = c.program_id AND k.order_id = c.order_id) DESC,
             c.amount DESC, o.external_id
    LIMIT 1"""

_BALANCES = """
    SELECT m.external_id, b.currency, b.pending, b.available, b.in_payout, b.paid
    FROM member_balances b JOIN members m ON m.program_id = b.program_id AND m.id = b.member_id
    WHERE b.program_id = %(program_id)s AND (b.pending, b.available, b.in_payout, b.paid) <> (0, 0, 0, 0)
    ORDER BY m.external_id COLLATE "C", b.currency"""
