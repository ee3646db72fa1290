"""The payout lock: after a restore nothing is sent until the books are reconciled. Callers hold the transaction."""

from typing import Any, NamedTuple

from core.clock import now
from core.db import execute, fetch_one, json, scalar

FLAG = "payouts_locked"


class PayoutLock(NamedTuple):
    """The lock as it stands. `detail`: since, reason, and what reconciliation found; see reconciliation.py."""

    detail: dict[str, Any]


def is_locked() -> bool:
    return bool(scalar("SELECT EXISTS (SELECT 1 FROM operation_flags WHERE name = %(name)s)", name=FLAG))


def held_lock() -> PayoutLock | None:
    """The lock, held until the transaction ends; None when payouts are not locked."""
    return fetch_one(PayoutLock, "SELECT detail FROM operation_flags WHERE name = %(name)s FOR UPDATE", name=FLAG)


def lock_payouts(detail: dict[str, Any]) -> None:
    """Stop all sending, in every program, at the next claim. Locked already: the lock in place stays."""
    execute(
        """INSERT INTO operation_flags (name, detail, set_at) VALUES (%(name)s, %(detail)s, %(at)s)
           ON CONFLICT (name) DO NOTHING""",
        name=FLAG, detail=json(detail), at=now(),
    )  # fmt: skip


def keep_detail(detail: dict[str, Any]) -> None:
    execute("UPDATE operation_flags SET detail = %(detail)s WHERE name = %(name)s", name=FLAG, detail=json(detail))


def remove_lock() -> None:
    execute("DELETE FROM operation_flags WHERE name = %(name)s", name=FLAG)
