"""What payouts' steps are in the ledger. An entry's key names payout, step and attempt, so nothing has effect twice."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, Protocol
from uuid import UUID

from commission.ledger.service import Account, Entry, Posting, cash_account, post
from core.auth.actor import Program
from core.clock import day_of, now


class Booked(Protocol):
    """What an entry is made of."""

    @property
    def id(self) -> UUID: ...
    @property
    def member_id(self) -> UUID: ...
    @property
    def rail(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def net(self) -> int: ...
    @property
    def attempt(self) -> int: ...


class _Way(NamedTuple):
    """From which account to which; None is the cash account of the payout's rail."""

    verb: str
    debit: Account | None
    credit: Account | None


class Step(Enum):
    """The four entries of a payout's life."""

    RESERVED = _Way("reserved", Account.MEMBER_AVAILABLE, Account.MEMBER_IN_PAYOUT)
    RELEASED = _Way("released", Account.MEMBER_IN_PAYOUT, Account.MEMBER_AVAILABLE)
    PAID = _Way("paid", Account.MEMBER_IN_PAYOUT, None)
    RETURNED = _Way("returned", None, Account.MEMBER_AVAILABLE)


def book(program: Program, steps: Sequence[tuple[Step, Sequence[Booked]]]) -> None:
    """Post all that one transaction does, at once: the ledger locks the members' balances in id order only then."""
    post(program.id, program.currency, [_entry(program, step, one) for step, payouts in steps for one in payouts])


def _entry(program: Program, step: Step, payout: Booked) -> Entry:
    verb, debit, credit = step.value
    cash = cash_account(payout.rail)
    return Entry(
        kind=f"payout.{verb}",
        source_key=f"payout:{payout.id}:{verb}:{payout.attempt}",
        effective_on=day_of(now(), program.settings.timezone),
        # what is kept back of a payout has no account yet: were it not 0, the ledger would refuse the entry
        postings=(
            Posting(debit or cash, payout.member_id, -(payout.amount if debit else payout.net)),
            Posting(credit or cash, payout.member_id, payout.amount if credit else payout.net),
        ),
        payout_id=payout.id,
    )
