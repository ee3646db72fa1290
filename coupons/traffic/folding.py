"""Adds what orders appended to the sums: taken and added in one transaction, so each exactly once. Callers hold it."""

from datetime import UTC
from uuid import UUID

from core.auth.actor import Program
from core.clock import day_of
from core.db import fetch_all, scalar
from coupons.traffic.rollups import Change, Riding, Sums, add_up
from coupons.traffic.service import SaleDelta

MOST = 5_000
"""Deltas of one turn: some tens of milliseconds."""


def has_deltas(program_id: UUID) -> bool:
    """Whether there is anything to add."""
    found = scalar(
        "SELECT EXISTS (SELECT 1 FROM traffic_deltas WHERE program_id = %(program_id)s)", program_id=program_id
    )
    return bool(found)


def fold_deltas(program: Program, most: int = MOST) -> int:
    """Take up to `most` deltas, oldest first, and add them; how many it were. Two folds at once take different ones."""
    taken = fetch_all(
        SaleDelta,
        """WITH due AS MATERIALIZED (
             SELECT id FROM traffic_deltas WHERE program_id = %(program_id)s
             ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
           DELETE FROM traffic_deltas d USING due
           WHERE d.program_id = %(program_id)s AND d.id = due.id
           RETURNING d.at, d.link_id, d.member_id, d.campaign_id, d.channel, d.group_id, d.content_id, d.session_id,
                     d.orders, d.sales, d.commission""",
        program_id=program.id, most=most,
    )  # fmt: skip
    add_up(program.id, [_change(delta, program.settings.timezone) for delta in taken])
    return len(taken)


def _change(delta: SaleDelta, timezone: str) -> Change:
    hour = delta.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    riding = Riding(
        delta.link_id, delta.member_id, delta.campaign_id, delta.channel, delta.group_id, delta.content_id,
        delta.session_id,
    )  # fmt: skip
    sums = Sums(orders=delta.orders, sales=delta.sales, commission=delta.commission)
    return Change(hour, day_of(delta.at, timezone), riding, sums)
