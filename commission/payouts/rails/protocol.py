"""What a payment rail is to the rest of the house. Whatever a rail does is one of these outcomes, no exception."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

KEY_CONFLICT = "key_conflict"
"""Reason of an `Unknown`: the rail holds this key with another body. An alarm for a person, no cause for a new key."""


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """One transfer as the rail is told it. The same key is always sent with the same content."""

    key: str  # letters and digits, at most `Capabilities.key_max_length`
    account: str = field(repr=False)  # personal data stays out of logs and tracebacks
    account_name: str = field(repr=False)
    amount: int  # minor units, > 0
    currency: str  # ISO 4217


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may wait: for the connection, for each piece of the answer, and for all of it."""

    connect_seconds: float
    read_seconds: float
    total_seconds: float


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a rail promises about its keys. None means for ever."""

    key_max_length: int
    query_window_days: int | None
    """How long after sending a key can still be asked for; later, not found says nothing."""
    resend_window_days: int | None
    """How long after sending the same key and body may be sent again without becoming a second transfer."""


@dataclass(frozen=True, slots=True)
class Paid:
    """The payee has the money, as far as the rail knows today; it may still come back (`Returned`)."""

    reference: str


@dataclass(frozen=True, slots=True)
class Processing:
    """Accepted, not finished: ask again. With `payee_action` it waits for the payee, who needs that text to confirm."""

    reference: str
    payee_action: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """The rail itself says that this key moved nothing and never will: failed, closed, cancelled or refused as invalid.

    Always definite; what is not is `Unknown`. Only this and `Returned` allow a new key.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Returned:
    """It was paid and the money came back."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Executed or not, nobody here can tell: time-out, lost connection, 5xx, an unreadable or contradictory answer."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """Answer to a query: the rail has no such key (yet). No failure: wait, then send the same key and body again."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """The rail did not take this call. The same key may be sent, or asked for, again from `retry_at` on."""

    retry_at: datetime


SendOutcome = Paid | Processing | Failed | Returned | Unknown | Throttled
Outcome = SendOutcome | NotFound


class Rail(Protocol):
    """A way to pay out. Thread-safe; callers hold no transaction while they call."""

    @property
    def kind(self) -> str:
        """The payout method's kind that this rail serves."""

    @property
    def capabilities(self) -> Capabilities: ...

    def send(self, request: TransferRequest) -> SendOutcome:
        """Ask the rail for this transfer. May be repeated with the same request inside the resend window.

        The caller has committed the attempt with its key before.
        """

    def query(self, key: str, expected: TransferRequest | None = None) -> Outcome:
        """What became of a key. With `expected`, an answer about another payee, amount or currency is `Unknown`."""
