"""Pure decisions about payouts: which state may follow which, keys, charges, freezes, and when to ask a rail again."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from core.ids import base32_of, parse_public_id


class Status(StrEnum):
    """FACTS.md, *Paying out without paying twice*."""

    REQUESTED = "requested"
    APPROVED = "approved"
    QUEUED = "queued"  # will be sent; on the manual rail: waits to be paid by hand
    SUBMITTING = "submitting"  # a worker is telling the rail
    PROCESSING = "processing"
    AWAITING_PAYEE = "awaiting_payee"
    UNKNOWN = "unknown"  # the rail may or may not have it: never failed, never a new key
    PAID = "paid"
    FAILED = "failed"  # definite: nothing moved, and the money is back in available
    RETURNED = "returned"
    CANCELED = "canceled"
    REJECTED = "rejected"


_S = Status
_AT_THE_RAIL = frozenset({_S.PROCESSING, _S.AWAITING_PAYEE, _S.UNKNOWN, _S.PAID, _S.FAILED})

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    # unknown: after a restore the rail's book may know more than we do
    _S.REQUESTED: frozenset({_S.APPROVED, _S.REJECTED, _S.CANCELED, _S.UNKNOWN}),
    _S.APPROVED: frozenset({_S.QUEUED, _S.CANCELED, _S.UNKNOWN}),
    # paid: by hand; failed: refused before anything was sent
    _S.QUEUED: frozenset({_S.SUBMITTING, _S.CANCELED, _S.PAID, _S.FAILED, _S.UNKNOWN}),
    # queued: the rail did not take the call (throttled), the same key goes again
    _S.SUBMITTING: _AT_THE_RAIL | {_S.QUEUED},
    _S.PROCESSING: _AT_THE_RAIL - {_S.PROCESSING},
    _S.AWAITING_PAYEE: _AT_THE_RAIL - {_S.AWAITING_PAYEE},
    _S.UNKNOWN: _AT_THE_RAIL - {_S.UNKNOWN},
    _S.PAID: frozenset({_S.RETURNED}),
    _S.FAILED: frozenset({_S.QUEUED, _S.UNKNOWN}),  # a retry, under a new key
    _S.RETURNED: frozenset(),
    _S.CANCELED: frozenset(),
    _S.REJECTED: frozenset(),
}

RESERVED = frozenset({
    _S.REQUESTED, _S.APPROVED, _S.QUEUED, _S.SUBMITTING, _S.PROCESSING, _S.AWAITING_PAYEE, _S.UNKNOWN,
})  # fmt: skip
"""States in which the amount stands in the member's `in_payout`."""

GIVEN_UP = frozenset({_S.FAILED, _S.CANCELED, _S.REJECTED})
"""States whose entry gives the reserve back to `available`."""

NOT_PAYABLE = frozenset({_S.CANCELED, _S.REJECTED})
"""States that an approval's digest leaves out."""


def sources_of(status: Status) -> frozenset[Status]:
    """The states from which `status` may be reached."""
    return frozenset(before for before, after in TRANSITIONS.items() if status in after)


MANUAL = "manual"  # the rail of the treasurer's own hands: no key, no query, a voucher
SANDBOX = "sandbox"
KINDS = (SANDBOX, MANUAL)


# Charges ---------------------------------------------------------------------------------------------------------


class Charges(NamedTuple):
    """What a payout's gross amount is made of, in minor units."""

    tax: int
    fee: int
    net: int


def charges_of(amount: int, rail: str) -> Charges:
    """What is kept back of a payout. No rail that is built withholds tax or takes a fee of the member."""
    del rail  # the one that will decide
    return Charges(tax=0, fee=0, net=amount)


# Methods ---------------------------------------------------------------------------------------------------------


def usable_from(at: datetime, freeze_hours: int, *, first: bool) -> datetime:
    """When a method made at `at` may be paid to: the member's very first at once, any other after the freeze."""
    return at if first else at + timedelta(hours=freeze_hours)


# Approval --------------------------------------------------------------------------------------------------------


def combined_digest(digests: Mapping[UUID, str]) -> str:
    """What an approval of several payouts covers: their digests in the order of their ids, hashed; one stands alone."""
    lines = [digests[payout_id] for payout_id in sorted(digests)]
    return lines[0] if len(lines) == 1 else sha256("\n".join(lines).encode()).hexdigest()


# Keys ------------------------------------------------------------------------------------------------------------

_KEY_HEAD = "bn"
_KEY_LENGTH = 32
_NUMBER_DIGITS = 4


def key_of(payout_id: UUID, attempt: int) -> str:
    """The rail's key of an attempt: 32 letters and digits, the same whenever and wherever it is derived."""
    return f"{_KEY_HEAD}{base32_of(payout_id)}{attempt:0{_NUMBER_DIGITS}d}"


def parse_key(key: str) -> tuple[UUID, int] | None:
    """The payout and the attempt behind a key, None when it is not one of ours."""
    if len(key) != _KEY_LENGTH or not key.startswith(_KEY_HEAD) or not key[-_NUMBER_DIGITS:].isdecimal():
        return None
    payout_id = parse_public_id(_KEY_HEAD, f"{_KEY_HEAD}_{key[len(_KEY_HEAD) : -_NUMBER_DIGITS]}")
    return None if payout_id is None else (payout_id, int(key[-_NUMBER_DIGITS:]))


def request_hash(parts: Sequence[str]) -> bytes:
    """Over everything the rail is told, each part with its length in front."""
    return sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).digest()


# Asking again ----------------------------------------------------------------------------------------------------

_LONGEST_WAIT = timedelta(hours=1)
_QUEUE_PATIENCE = timedelta(minutes=5)  # a job was published for it: this is for the one that got lost
_WATCHED_AFTER_PAID = tuple(
    timedelta(seconds=seconds) for seconds in (10, 60, 600, 3600, 6 * 3600, 86400, 3 * 86400, 7 * 86400, 14 * 86400)
)


def next_check_at(status: Status, checks: int, at: datetime) -> datetime | None:
    """When a worker looks again after `checks` looks in this state; None: never.

    The rail is asked about open payouts for ever, ever more rarely, and about paid ones for a month, because a
    payment may come back; later only a statement tells.
    """
    if status is Status.QUEUED:
        return at + _QUEUE_PATIENCE
    if status is Status.PAID:
        return at + _WATCHED_AFTER_PAID[checks] if checks < len(_WATCHED_AFTER_PAID) else None
    if status in ASKED_ABOUT:
        return at + min(_LONGEST_WAIT, timedelta(seconds=2 ** min(checks + 1, 12)))
    return None


ASKED_ABOUT = frozenset({_S.UNKNOWN, _S.PROCESSING, _S.AWAITING_PAYEE, _S.PAID})
"""States in which the rail is asked what became of the key."""


class Sent(NamedTuple):
    """What is known of a key that the rail says it does not have."""

    last_sent_at: datetime
    first_sent_at: datetime
    acknowledged: bool


def may_resend(sent: Sent, wait: timedelta, window_days: int | None, at: datetime) -> bool:
    """Whether the same key and body go out again after "not found".

    Not before the last call can no longer be on its way, not past the rail's window, and never when the rail had
    already said that it has the key: then it contradicts itself, which is for a person.
    """
    inside = window_days is None or at < sent.first_sent_at + timedelta(days=window_days)
    return not sent.acknowledged and inside and at >= sent.last_sent_at + wait
