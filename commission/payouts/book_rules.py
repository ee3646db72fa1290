"""Our books beside a rail's own book after a restore: what each of its transfers means. Pure."""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from commission.payouts.rules import Status, parse_key


class BookEntry(NamedTuple):
    """One transfer as the rail says it moved it."""

    key: str
    account: str
    account_name: str
    amount: int  # minor units
    currency: str
    status: str  # processing | paid | returned; what failed moved nothing and is in no book


class OurPayout(NamedTuple):
    """The payout behind a key, as far as it is known here."""

    id: UUID
    member_id: UUID
    status: str
    attempt: int
    net: int
    currency: str
    attempt_status: str | None  # of the attempt that the key names; None: we never made it


class Sight(StrEnum):
    """What follows for one transfer."""

    AGREES = "agrees"
    ASK = "ask"  # we do not know the end of it: the rail is asked, which settles it
    ADOPT = "adopt"  # made after the backup for a payout that the backup has
    THEIRS_ONLY = "theirs_only"  # made after the backup for a payout that the backup does not have
    AMOUNT_DIFFERS = "amount_differs"
    STATUS_DIFFERS = "status_differs"  # it moved money, and here it was given up
    OURS_ONLY = "ours_only"  # paid here, unknown there
    FOREIGN = "foreign"  # not a key of ours at all: somebody else pays through the same account


FINDINGS = frozenset({Sight.THEIRS_ONLY, Sight.AMOUNT_DIFFERS, Sight.STATUS_DIFFERS, Sight.OURS_ONLY})
"""What no machine can settle: payouts stay locked until a person has said what was done about it."""

_UNSENT = frozenset({Status.REQUESTED, Status.APPROVED, Status.QUEUED})


def sight_of(entry: BookEntry, ours: OurPayout | None) -> Sight:
    """What a transfer in the rail's book means beside ours."""
    parsed = parse_key(entry.key)
    if parsed is None:
        return Sight.FOREIGN
    if ours is None:
        return Sight.THEIRS_ONLY
    if (entry.amount, entry.currency) != (ours.net, ours.currency):
        return Sight.AMOUNT_DIFFERS
    return _of_attempt(entry, ours.attempt_status) if ours.attempt_status else _of_lost_attempt(ours, parsed[1])


def _of_attempt(entry: BookEntry, attempt_status: str) -> Sight:
    if attempt_status == entry.status:
        return Sight.AGREES
    if attempt_status in {"open", "paid"}:
        return Sight.ASK
    return Sight.STATUS_DIFFERS  # failed, canceled or returned here, and there it moved


def _of_lost_attempt(ours: OurPayout, number: int) -> Sight:
    """The rail has an attempt that we do not: it was made in the time that the restore has taken away."""
    status = Status(ours.status)
    if (status in _UNSENT and number >= ours.attempt) or (status is Status.FAILED and number > ours.attempt):
        return Sight.ADOPT
    return Sight.STATUS_DIFFERS
