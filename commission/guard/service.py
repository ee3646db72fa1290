"""Signals: found while an order is accepted, kept, and decided. Callers hold the transaction.

What holds or refuses is found before the commissions exist; what only flags is found by `sweeping`, off the hot path.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from commission.guard import queries
from commission.guard.errors import NothingToDecide, SignalNotFound
from commission.guard.facts import facts_of
from commission.guard.models import GuardSignalRow
from commission.guard.queries import SignalRow
from commission.guard.rules import Signal, policies, signals_of, status_of
from commission.orders import service as orders
from commission.orders.inspection import Inspector, Judgement, Seller, register_inspector
from core.auth.actor import Actor, Program
from core.bulk import insert_rows
from core.clock import now
from core.db import execute
from core.ids import new_id
from core.jobs.outbox import publish


def judge(program: Program, sellers: Sequence[Seller]) -> list[Judgement]:
    """What the program's holding and refusing policies say of orders that are about to earn. Reads only."""
    active = policies(program.settings.guard, "hold", "refuse")
    if not active:
        return [Judgement("clear") for _ in sellers]
    at = now()
    found = facts_of(program.id, sellers, active.keys())
    signals = [
        signals_of(one, _with_batch(facts, sellers, one), program.settings.guard, active, at)
        for one, facts in zip(sellers, found, strict=True)
    ]
    return [Judgement(status_of(ones), ones) for ones in signals]


def _with_batch(facts: Any, sellers: Sequence[Seller], one: Seller) -> Any:
    """Orders of the same batch are not stored yet."""
    beside = sum(other.member_id == one.member_id for other in sellers)
    return facts._replace(orders_last_hour=facts.orders_last_hour + beside)


class _Row(NamedTuple):
    id: UUID
    signal: str
    policy: str
    order_id: UUID | None
    member_id: UUID | None
    subject: str
    evidence: dict[str, Any]
    status: str
    created_at: datetime


def record(program_id: UUID, signals: Sequence[Signal]) -> None:
    """Keep signals; one that is there already stays as it is. Only what holds waits for a decision."""
    at = now()
    rows = [
        _Row(
            new_id(), one.signal, one.policy, one.order_id, one.member_id, one.subject, one.evidence,
            "open" if one.policy == "hold" else "noted", at,
        )
        for one in sorted(signals, key=lambda one: (one.signal, one.subject))
    ]  # fmt: skip
    insert_rows(GuardSignalRow, rows, program_id=program_id, on_conflict="DO NOTHING")


def _look_later(program_id: UUID, order_id: UUID) -> None:
    publish(program_id, "guard.inspect", {"order_id": str(order_id)})


register_inspector(Inspector(judge, record, _look_later))


def decide_order(actor: Actor, order_id: UUID, action: Literal["release", "reject"], reason: str) -> str:
    """End what holds an order: its commissions go their way, or are reversed and nobody earns. Its status then.

    Raises:
        OrderNotFound: no such order in the program.
        NothingToDecide: the guard holds nothing of it.
    """
    order = orders.locked_order(actor.program_id, order_id)
    if order.guard_status != "held":
        raise NothingToDecide(status_now=order.guard_status)
    status = "released" if action == "release" else "rejected"
    orders.set_guard_status(actor.program_id, order, status)
    if action == "reject" and order.status != "canceled":  # of a canceled one nothing is left to take
        orders.reattribute(actor, order_id, None, reason)
    execute(
        """UPDATE guard_signals SET status = %(status)s, reason = %(reason)s, decided_by = %(by)s, decided_at = %(at)s
           WHERE program_id = %(program_id)s AND order_id = %(order_id)s AND status = 'open'""",
        program_id=actor.program_id, order_id=order_id, status=status, reason=reason, by=actor.id,
        at=now(),
    )  # fmt: skip
    return status


def signal_of(program_id: UUID, signal_id: UUID) -> SignalRow:
    """Raises: SignalNotFound."""
    found = queries.signal(program_id, signal_id)
    if found is None:
        raise SignalNotFound()
    return found
