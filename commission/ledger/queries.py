"""Reads of the ledger, and the locks that go with some of them."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from commission.ledger.rules import Balance
from core.db import execute, fetch_all, scalar

GENESIS = bytes(32)


class MemberBalance(NamedTuple):
    """A member's balance row."""

    member_id: UUID
    pending: int
    available: int
    in_payout: int
    paid: int

    @property
    def balance(self) -> Balance:
        return Balance(*self[1:])


def ensure_head(program_id: UUID) -> None:
    """Give a program its head row at its first need of it."""
    if not scalar("SELECT 1 FROM ledger_heads WHERE program_id = %(p)s", p=program_id):
        execute(
            "INSERT INTO ledger_heads (program_id, seq, hash) VALUES (%(p)s, 0, %(hash)s) ON CONFLICT DO NOTHING",
            p=program_id, hash=GENESIS,
        )  # fmt: skip


def closed_through_shared(program_id: UUID) -> date | None:
    """The last closed day; the head stays locked against closing, not against sealing or other readers."""
    found: date | None = scalar(
        "SELECT closed_through FROM ledger_heads WHERE program_id = %(p)s FOR KEY SHARE", p=program_id
    )
    return found


def balances(program_id: UUID, member_ids: Sequence[UUID], currency: str) -> list[MemberBalance]:
    """Balance rows of those members who have one."""
    return fetch_all(
        MemberBalance,
        """SELECT member_id, pending, available, in_payout, paid FROM member_balances
           WHERE program_id = %(p)s AND member_id = ANY(%(ids)s) AND currency = %(currency)s""",
        p=program_id, ids=list(member_ids), currency=currency,
    )  # fmt: skip
