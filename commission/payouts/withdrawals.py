"""Withdrawals: a member takes money out of his available balance. Callers hold the transaction."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from commission.payouts import queries
from commission.payouts.errors import (
    BalanceTooLow,
    BelowMinimum,
    MemberSuspended,
    MethodFrozen,
    NoPayoutMethod,
)
from commission.payouts.methods import Method, methods_of
from commission.payouts.payees import payable_among
from commission.payouts.rules import charges_of
from commission.payouts.service import NewPayout, reserve
from core.auth.actor import Actor, Program
from core.clock import now
from core.errors import DomainError, Fault, Invalid
from core.events.service import Event, announce


class Quote(NamedTuple):
    """What a withdrawal would give now, and why it would be refused; minor units."""

    amount: int
    tax: int
    fee: int
    net: int
    method: Method | None
    refused: DomainError | None


def request_withdrawal(actor: Actor, member_id: UUID, amount: int, method_id: UUID | None) -> UUID:
    """Reserve an amount of the member's available balance as a withdrawal that waits for approval; its id.

    Locks the member's balance row before it looks: requests at once cannot spend the same money.

    Raises:
        MemberSuspended: nobody who is suspended, or not enrolled where that is needed, is paid.
        BelowMinimum: under the program's `min_payout`.
        NoPayoutMethod, MethodFrozen: nowhere to pay to, now.
        Invalid: `method_id` is none of the member's.
        BalanceTooLow: not so much is available.
    """
    available = queries.available_locked(actor.program_id, member_id, actor.program.currency)
    method = _judged(actor.program, member_id, amount, method_id, available)
    new = NewPayout(member_id, amount, method.id, method.kind)
    (payout_id,) = reserve(actor.program, [new], kind="withdrawal", settlement_id=None, requested_by=actor)
    facts = {"payout_id": payout_id, "member_id": member_id, "amount": amount}
    announce(actor.program_id, [Event("withdrawal.requested", now(), facts)])
    return payout_id


def quote_withdrawal(program: Program, member_id: UUID, amount: int, method_id: UUID | None) -> Quote:
    """What `request_withdrawal` would do now, without doing it.

    Raises:
        Invalid: `method_id` is none of the member's.
    """
    refused: DomainError | None = None
    method: Method | None = None
    try:
        method = _judged(
            program, member_id, amount, method_id, queries.available(program.id, member_id, program.currency)
        )
    except Invalid as error:
        if error.code == Invalid.code:
            raise
        refused = error
    except DomainError as error:
        refused = error
    charges = charges_of(amount, method.kind if method else "")
    return Quote(amount, charges.tax, charges.fee, charges.net, method, refused)


def withdrawal_rules(program: Program, member_id: UUID) -> dict[str, Any]:
    """What a member must know before he asks; minor units."""
    available = queries.available(program.id, member_id, program.currency)
    default = next((one for one in methods_of(program.id, member_id) if one.is_default), None)
    return {
        "currency": program.currency,
        "min_payout": program.settings.min_payout,
        "available": available,
        "maximum": max(0, available),
        "tax_bps": 0,
        "fee": 0,
        "method_freeze_hours": program.settings.method_freeze_hours,
        "payout_method": default,
    }


def _judged(program: Program, member_id: UUID, amount: int, method_id: UUID | None, available: int) -> Method:
    """The method to pay to, if nothing speaks against the withdrawal."""
    if member_id not in payable_among(program.id, [member_id]):
        raise MemberSuspended()
    if amount < program.settings.min_payout:
        minimum = program.settings.min_payout
        raise BelowMinimum(f"At least {minimum} is paid out.", faults=[Fault("/amount", f"At least {minimum}.")])
    method = _method(program.id, member_id, method_id, now())
    if amount > available:
        raise BalanceTooLow(f"{max(0, available)} is available.")
    return method


def _method(program_id: UUID, member_id: UUID, method_id: UUID | None, at: datetime) -> Method:
    methods = methods_of(program_id, member_id)
    if method_id is None:
        chosen = next((one for one in methods if one.is_default), None)
    else:
        chosen = next((one for one in methods if one.id == method_id), None)
        if chosen is None:
            raise Invalid.at("/payout_method_id", "The member has no such payout method.")
    if chosen is None:
        raise NoPayoutMethod()
    if chosen.usable_from > at:
        raise MethodFrozen(f"It can be paid to from {chosen.usable_from:%Y-%m-%dT%H:%M:%SZ} on.")
    return chosen
