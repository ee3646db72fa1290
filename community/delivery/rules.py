"""What becomes of messages: states, and when a try of unknown outcome is made again. Pure."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

MONEY = 0  # goes first, and some room of every limit is kept for it
NEWS = 5
KEPT_WAITING = timedelta(days=3)  # what nobody could be told by then is stale, where the caller names no time
KEPT = timedelta(days=90)  # how long the log of what was said is kept

MOST_TRIES = 3  # of one message, where a repeat is harmless or the sender died
MOST_TRIES_OF_MONEY = 2  # where the platform gave no answer and does not recognise repeats
_LONGEST_WAIT = 300
_MOST_FAILURES = 1000  # that are counted: a platform may be away for months, and a lane waits no longer than for ten


class Status(StrEnum):
    """Of a message. The last four end it; all but canceled and sent can be sent again by staff."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # it may be in the chat or not
    EXPIRED = "expired"
    CANCELED = "canceled"


RESENDABLE = (Status.REFUSED, Status.UNKNOWN, Status.EXPIRED)


class Try(NamedTuple):
    """One try whose outcome is not known."""

    number: int  # from 1
    priority: int
    recognises_repeats: bool  # the platform


def is_made_again(one: Try, *, died: bool) -> bool:
    """Whether a message that may be in the chat already is sent once more, under the same key.

    `died`: the sender did, before it recorded an answer; mostly nothing had been sent then, and saying it twice is
    better than never. Without an answer from the platform it mostly is in the chat: only money is worth saying twice.
    """
    if died or one.recognises_repeats:
        return one.number < MOST_TRIES
    return one.priority == MONEY and one.number < MOST_TRIES_OF_MONEY


def failures_after(failures: int) -> int:
    """The tries in a row that failed, when one more did; from _MOST_FAILURES on the number stays."""
    return min(failures + 1, _MOST_FAILURES)


def wait_after(failures: int) -> timedelta:
    """How long a lane waits after so many tries in a row that did not reach its platform, or got no answer."""
    return timedelta(seconds=min(2 ** min(failures, 10), _LONGEST_WAIT))


def is_stale(expires_at: datetime, at: datetime) -> bool:
    """Whether a message is not news any more."""
    return expires_at <= at
