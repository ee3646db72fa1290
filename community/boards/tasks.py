"""The boards' reader of the event log."""

from collections.abc import Sequence

from community.boards.folding import fold
from community.boards.rules import KINDS
from core.auth.actor import Program
from core.events.consumers import consumer
from core.events.reading import NumberedEvent


@consumer("boards.fold", *KINDS, most=500)
def follow(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Add what happened to the sums, in the transaction in which it counts as read."""
    fold(program, events)
