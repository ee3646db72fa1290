"""Subscribe messages of a program's mini-program, for the features above. No transaction is open while they go."""

from collections.abc import Sequence
from uuid import UUID

from core.db import transaction
from coupons.sharing.mini_programs import find_mini_program
from coupons.sharing.wechat import calling
from coupons.sharing.wechat.protocol import MessageSent, MiniProgram, Refused, SubscribeMessage, Throttled, Unknown

__all__ = [
    "MessageOutcome", "MessageSent", "Refused", "SubscribeMessage", "Throttled", "Unknown", "send_subscribe_messages",
]  # fmt: skip

MessageOutcome = MessageSent | Refused | Throttled | Unknown
NO_MINI_PROGRAM = "no_mini_program"


def send_subscribe_messages(program_id: UUID, messages: Sequence[SubscribeMessage]) -> list[MessageOutcome]:
    """Send each once; what became of each, in their order. Unknown ones may have arrived. Raises nothing."""
    with transaction(program_id, read_only=True):
        stored = find_mini_program(program_id)
    if stored is None:
        return [Refused(0, NO_MINI_PROGRAM) for _ in messages]
    return calling.send_messages(
        program_id, MiniProgram(stored.app_id, stored.app_secret, stored.env_version), messages
    )  # fmt: skip
