"""What payouts tell the event log once they have ended, or have come back. Callers hold the transaction."""

from collections.abc import Sequence

from commission.payouts.rules import Status
from commission.payouts.transitions import Moved
from core.auth.actor import Program
from core.clock import now
from core.events.service import Event, announce

_KINDS = {Status.PAID: "payout.paid", Status.FAILED: "payout.failed", Status.RETURNED: "payout.returned"}


def tell(program: Program, steps: Sequence[tuple[Status, Sequence[Moved]]]) -> None:
    """Announce what moved, step after step, in one statement; states that nobody waits for are left out."""
    at = now()
    announce(
        program.id,
        [
            Event(_KINDS[status], at, _facts(program, payout))
            for status, payouts in steps
            if status in _KINDS
            for payout in payouts
        ],
    )


def _facts(program: Program, payout: Moved) -> dict[str, object]:
    return {
        "payout_id": payout.id, "member_id": payout.member_id, "amount": payout.amount, "net": payout.net,
        "currency": program.currency,
    }  # fmt: skip
