"""Claims of one coupon that arrive in a process at the same moment, in one transaction. The one commit is here.

A hot coupon is bound by what every transaction costs, not by its claims: a set of them costs little more than one.
"""

from collections.abc import Sequence
from uuid import UUID

import psycopg.errors

from core.db import Collision, in_transaction, transaction
from core.errors import Conflict
from core.gathering import Gathering
from core.ids import ExternalRef, Ref
from coupons.vouchers.claims import Outcome, claim, claim_many
from coupons.vouchers.queries import CodeRecord
from referral.members.service import customers_for

MOST = 200
_PATIENCE_MS = 200
"""How long a set waits for a row that somebody holds, before each of it waits by himself only."""


class _NobodyServedError(Exception):
    """All are refused: roll back, as for one who is refused alone."""

    def __init__(self, outcomes: list[Outcome | None]) -> None:
        self.outcomes = outcomes


def claim_for(program_id: UUID, coupon_id: UUID, customer: Ref) -> CodeRecord:
    """A code of the coupon for the customer: in the transaction that is open, else committed, together with others'.

    A customer who is not known becomes a member.

    Raises:
        CouponNotFound: no such coupon in the program.
        NotYetValid, CouponExpired, NoMoreClaims: it cannot be claimed now.
        LimitReached: the customer has as many as he may.
        SoldOut: none is left.
        Collision: nothing was written, for somebody holds what one of the set needs, or the customer claims twice at
            once: to be repeated in a transaction of its own.
    """
    if in_transaction():
        return claim(program_id, coupon_id, _ids_of(program_id, [customer])[0])
    outcome = _gathering.join((program_id, coupon_id), customer)
    if outcome is None:
        raise Collision("another claim of the customer is in the set")
    if isinstance(outcome, Conflict):
        raise outcome
    return outcome


def _ids_of(program_id: UUID, customers: Sequence[Ref]) -> list[UUID]:
    names = [customer.external_id for customer in customers if isinstance(customer, ExternalRef)]
    known = customers_for(program_id, names)
    return [known[customer.external_id] if isinstance(customer, ExternalRef) else customer for customer in customers]


def _claim_together(coupon: tuple[UUID, UUID], customers: Sequence[Ref]) -> list[Outcome | None]:
    """One transaction for all of them, each customer once; None where he stands earlier in the set."""
    program_id, coupon_id = coupon
    try:
        with transaction(program_id, lock_timeout_ms=_PATIENCE_MS):
            ids = _ids_of(program_id, customers)
            outcomes: dict[UUID, Outcome] = claim_many(program_id, coupon_id, list(dict.fromkeys(ids)))
            answers = [outcomes.pop(customer_id, None) for customer_id in ids]
            _check_that_somebody_is_served(answers)
    except _NobodyServedError as refused:
        return refused.outcomes
    except psycopg.errors.LockNotAvailable as error:
        raise Collision("somebody holds a row that one of the set needs") from error
    return answers


def _check_that_somebody_is_served(answers: list[Outcome | None]) -> None:
    if not any(isinstance(answer, CodeRecord) for answer in answers):
        raise _NobodyServedError(answers)


_gathering = Gathering(_claim_together, MOST)
