"""Team counters: the request appends what is to be counted, the fold counts it. Callers hold the transaction."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all, scalar
from core.ids import new_id
from referral.tree.folding import Node, Taken, fold
from referral.tree.models import TeamDeltaRow, TeamTotalsRow


class OrderDelta(NamedTuple):
    """What changed in a customer's orders: `orders` and `sales` (minor units) with either sign."""

    customer_id: UUID
    orders: int
    sales: int
    paid_at: datetime | None = None  # of the newest order among them; None: now


class _Delta(NamedTuple):
    id: UUID
    member_id: UUID
    orders: int
    sales: int
    ordered_at: datetime | None


def count_orders(program_id: UUID, deltas: Sequence[OrderDelta | tuple[UUID, int, int]]) -> None:
    """Append what is to be counted for customers and everybody above them: one statement, no locks, no reads."""
    given = [OrderDelta(*delta) for delta in deltas]
    insert_rows(
        TeamDeltaRow,
        [_Delta(new_id(), one.customer_id, one.orders, one.sales, _ordered_at(one)) for one in given],
        program_id=program_id,
    )


def _ordered_at(delta: OrderDelta) -> datetime | None:
    return (delta.paid_at or now()) if delta.orders > 0 else None


def mark_moved(program_id: UUID, member_ids: Sequence[UUID]) -> None:
    """Have the next fold look where these members stand. In the transaction that made or moved them."""
    insert_rows(
        TeamDeltaRow, [_Delta(new_id(), member_id, 0, 0, None) for member_id in member_ids], program_id=program_id
    )


def has_deltas(program_id: UUID) -> bool:
    """Whether there is anything to fold."""
    found = scalar("SELECT EXISTS (SELECT 1 FROM team_deltas WHERE program_id = %(program_id)s)", program_id=program_id)
    return bool(found)


class _Row(NamedTuple):
    """A row of team_totals, field by field a folding.Node."""

    member_id: UUID
    counted_under: UUID | None
    members: int
    orders: int
    sales: int
    own_orders: int
    own_sales: int
    last_order_at: datetime | None


_row_of = attrgetter(*_Row._fields)


def fold_deltas(program_id: UUID) -> int:
    """Count everything that waits; how many members that concerned. Four statements, however much it is.

    All deltas are taken, never some: only then do those without one stand where they are counted.
    """
    _take_fold(program_id)
    taken = _take_deltas(program_id)
    if taken:
        before = {row.member_id: row for row in _rows_above(program_id, taken)}
        nodes = {member_id: Node(*row) for member_id, row in before.items()}
        fold(taken, nodes)
        after = [_Row._make(_row_of(node)) for node in nodes.values()]
        _store(program_id, [row for row in after if row != before.get(row.member_id)])
    return len(taken)


def _take_fold(program_id: UUID) -> None:
    """One fold at a time."""
    execute(
        """INSERT INTO team_folds (program_id, folds, folded_at) VALUES (%(program_id)s, 1, %(at)s)
           ON CONFLICT (program_id) DO UPDATE SET folds = team_folds.folds + 1, folded_at = excluded.folded_at""",
        program_id=program_id, at=now(),
    )  # fmt: skip


def _take_deltas(program_id: UUID) -> list[Taken]:
    # one statement, one snapshot: who sees a delta sees the binding that was made with it
    return fetch_all(
        Taken,
        """WITH taken AS (
             DELETE FROM team_deltas WHERE program_id = %(program_id)s RETURNING member_id, orders, sales, ordered_at),
           summed AS (
             SELECT member_id, sum(orders)::bigint AS orders, sum(sales)::bigint AS sales, max(ordered_at) AS ordered_at
             FROM taken GROUP BY member_id)
           SELECT s.member_id, m.inviter_id, s.orders, s.sales, s.ordered_at
           FROM summed s CROSS JOIN LATERAL (
             SELECT inviter_id FROM members WHERE program_id = %(program_id)s AND id = s.member_id LIMIT 1) m""",
        program_id=program_id,
    )


def _rows_above(program_id: UUID, taken: Sequence[Taken]) -> list[_Row]:
    """The counted among the members, their inviters, and everybody these are counted under."""
    named = {one.member_id for one in taken} | {one.inviter_id for one in taken if one.inviter_id is not None}
    return fetch_all(
        _Row,
        """WITH RECURSIVE above AS (
             SELECT t.*
             FROM unnest(%(ids)s::uuid[]) AS given (id) CROSS JOIN LATERAL (
               SELECT member_id, counted_under, members, orders, sales, own_orders, own_sales, last_order_at
               FROM team_totals WHERE program_id = %(program_id)s AND member_id = given.id LIMIT 1) t
             UNION
             SELECT t.*
             FROM above a CROSS JOIN LATERAL (
               SELECT member_id, counted_under, members, orders, sales, own_orders, own_sales, last_order_at
               FROM team_totals WHERE program_id = %(program_id)s AND member_id = a.counted_under LIMIT 1) t)
           SELECT * FROM above""",
        program_id=program_id, ids=list(named),
    )  # fmt: skip


def _store(program_id: UUID, rows: Sequence[_Row]) -> None:
    insert_rows(
        TeamTotalsRow,
        rows,
        program_id=program_id,
        on_conflict="""(program_id, member_id) DO UPDATE SET
                       counted_under = excluded.counted_under, members = excluded.members, orders = excluded.orders,
                       sales = excluded.sales, own_orders = excluded.own_orders, own_sales = excluded.own_sales,
                       last_order_at = excluded.last_order_at""",
    )
