"""The bytes that a link covers: every field counts, and none can pass for another."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from commission.ledger.chain import GENESIS, RecordedPosting, RecordedTransaction, link

PROGRAM, ID, MEMBER = UUID(int=1), UUID(int=2), UUID(int=3)
TRANSACTION = RecordedTransaction(
    ID, "commission.accrued", "order:1", "GBP", UUID(int=4), None, '{"a": 1}',
    datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), date(2026, 1, 2),
)  # fmt: skip
POSTINGS = [
    RecordedPosting(ID, 0, "commission_expense", None, "GBP", -500),
    RecordedPosting(ID, 1, "member_pending", MEMBER, "GBP", 500),
]


def test_the_encoding_is_what_it_was() -> None:
    """A chain that exists must verify for ever: this literal, worked out from the description, never changes."""
    expected = "eb9967683c75925d266303555422e75d37401933a25f6e6a075f64c73614c0d4"
    assert link(GENESIS, PROGRAM, TRANSACTION, POSTINGS).hex() == expected


@pytest.mark.parametrize(
    "change",
    [
        {"id": UUID(int=9)},
        {"kind": "commission.reversed"},
        {"source_key": "order:2"},
        {"currency": "PTS"},
        {"order_id": None},
        {"order_id": None, "payout_id": UUID(int=4)},
        {"note": None},
        {"note": ""},
        {"recorded_at": TRANSACTION.recorded_at + timedelta(microseconds=1)},
        {"effective_on": date(2026, 1, 3)},
        {"kind": "commission.accruedorder", "source_key": ":1"},
    ],
)
def test_every_field_of_a_transaction_counts(change: dict[str, Any]) -> None:
    before = link(GENESIS, PROGRAM, TRANSACTION, POSTINGS)
    assert link(GENESIS, PROGRAM, TRANSACTION._replace(**change), POSTINGS) != before


@pytest.mark.parametrize(
    "change",
    [{"position": 2}, {"account": "member_available"}, {"member_id": None}, {"currency": "PTS"}, {"amount": 5}],
)
def test_every_field_of_a_posting_counts(change: dict[str, Any]) -> None:
    before = link(GENESIS, PROGRAM, TRANSACTION, POSTINGS)
    assert link(GENESIS, PROGRAM, TRANSACTION, [POSTINGS[0], POSTINGS[1]._replace(**change)]) != before


def test_the_link_before_the_program_and_the_number_of_postings_count() -> None:
    links = {
        link(GENESIS, PROGRAM, TRANSACTION, POSTINGS),
        link(bytes(31) + b"\1", PROGRAM, TRANSACTION, POSTINGS),
        link(GENESIS, UUID(int=7), TRANSACTION, POSTINGS),
        link(GENESIS, PROGRAM, TRANSACTION, POSTINGS[:1]),
        link(GENESIS, PROGRAM, TRANSACTION, POSTINGS[::-1]),
        link(GENESIS, PROGRAM, TRANSACTION, []),
    }
    assert len(links) == 6


def test_the_time_zone_a_row_is_read_in_does_not_count() -> None:
    elsewhere = TRANSACTION._replace(recorded_at=TRANSACTION.recorded_at.astimezone())
    assert link(GENESIS, PROGRAM, elsewhere, POSTINGS) == link(GENESIS, PROGRAM, TRANSACTION, POSTINGS)
