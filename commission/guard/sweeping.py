"""Looks for signals that only flag, after the fact and off the hot path. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from commission.guard import queries
from commission.guard.facts import facts_of
from commission.guard.rules import Signal, policies, signals_of
from commission.guard.service import record
from commission.orders import service as orders
from commission.orders.inspection import Seller
from core.auth.actor import Program
from core.clock import day_of, now
from core.db import execute
from core.ids import first_id_at

_CHUNK = 500
_SETTLED = timedelta(minutes=3)  # longer than any transaction lives: what is older is there to be seen
_FIRST_LOOK = timedelta(hours=1)


def sweep(program: Program) -> bool:
    """Look at the next orders that came in, each once, some minutes after; whether there are more."""
    until = first_id_at(now() - _SETTLED)
    after = queries.swept_to(program.id) or first_id_at(now() - _FIRST_LOOK)
    sellers = queries.sellers_between(program.id, after, until, _CHUNK)
    _flag(program, sellers)
    is_full = len(sellers) == _CHUNK
    execute(
        """INSERT INTO guard_sweeps AS s (program_id, swept_to) VALUES (%(program_id)s, %(swept_to)s)
           ON CONFLICT (program_id) DO UPDATE SET swept_to = greatest(s.swept_to, excluded.swept_to)""",
        program_id=program.id, swept_to=sellers[-1].order_id if is_full else until,
    )  # fmt: skip
    return is_full


def sweep_order(program: Program, order_id: UUID) -> None:
    """The same for one order that was placed before and is paid now."""
    _flag(program, queries.sellers_of(program.id, order_id))


def _flag(program: Program, sellers: Sequence[Seller]) -> None:
    active, at = policies(program.settings.guard, "flag"), now()
    if not sellers or not active:
        return
    found = facts_of(program.id, sellers, active.keys())
    signals = [
        signal
        for one, facts in zip(sellers, found, strict=True)
        for signal in signals_of(one, facts, program.settings.guard, active, at)
    ]
    record(program.id, signals)
    orders.flag_orders(program.id, {signal.order_id for signal in signals if signal.order_id})


def flag_clicks(program: Program) -> None:
    """Addresses and visitors with too many clicks in the last hour, once a day each."""
    if program.settings.guard.click_velocity != "flag":
        return
    at = now()
    busy = queries.busy_sources(program.id, at - timedelta(hours=1), program.settings.guard.click_velocity_clicks)
    record(
        program.id,
        [
            Signal(
                "click_velocity", "flag", None, None, f"{one.kind}:{one.value.hex()}:{day_of(at, 'UTC')}",
                {"from": one.kind, "clicks_an_hour": one.clicks},
            )
            for one in busy
        ],
    )  # fmt: skip
