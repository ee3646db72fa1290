"""How many of a coupon each customer holds or has used, for coupons that limit it. Callers hold the transaction.

Locked after codes and before stock, by coupon and customer (see `stock`).
"""

from collections.abc import Collection, Mapping
from typing import LiteralString, NamedTuple
from uuid import UUID

from core.db import execute, fetch_all
from core.errors import Invalid

Pair = tuple[UUID, UUID]
"""Coupon and customer."""


class _Counted(NamedTuple):
    coupon_id: UUID
    customer_id: UUID


def count(program_id: UUID, units: Mapping[Pair, int]) -> set[Pair]:
    """Add so many to what each customer has of each coupon; the pairs that this keeps within the coupon's limit.

    The others are as they were, and locked. Each coupon must have a limit.
    """
    if not units:
        return set()
    rows = fetch_all(
        _Counted,
        """INSERT INTO coupon_customers (program_id, coupon_id, customer_id, taken)
           SELECT %(program_id)s, g.coupon_id, g.customer_id, g.units
           FROM unnest(%(coupon_ids)s::uuid[], %(customer_ids)s::uuid[], %(units)s::bigint[])
             AS g (coupon_id, customer_id, units)
           JOIN coupons c ON c.program_id = %(program_id)s AND c.id = g.coupon_id
           WHERE g.units <= c.per_customer_limit
           ORDER BY g.coupon_id, g.customer_id
           ON CONFLICT (program_id, coupon_id, customer_id)
           DO UPDATE SET taken = coupon_customers.taken + excluded.taken
           WHERE coupon_customers.taken + excluded.taken <= (
             SELECT c.per_customer_limit FROM coupons c
             WHERE c.program_id = %(program_id)s AND c.id = excluded.coupon_id)
           RETURNING coupon_id, customer_id""",
        program_id=program_id, **_columns(units),
    )  # fmt: skip
    return {(row.coupon_id, row.customer_id) for row in rows}


def uncount(program_id: UUID, units: Mapping[Pair, int]) -> None:
    """Take so many off what each customer has; pairs of coupons without a limit have no row and are passed over."""
    if not units:
        return
    execute(
        """WITH held AS MATERIALIZED (
             SELECT t.coupon_id, t.customer_id, g.units
             FROM unnest(%(coupon_ids)s::uuid[], %(customer_ids)s::uuid[], %(units)s::bigint[])
               AS g (coupon_id, customer_id, units)
             JOIN coupon_customers t ON t.program_id = %(program_id)s AND t.coupon_id = g.coupon_id
               AND t.customer_id = g.customer_id
             ORDER BY t.coupon_id, t.customer_id FOR UPDATE OF t)
           UPDATE coupon_customers t SET taken = t.taken - h.units FROM held h
           WHERE t.program_id = %(program_id)s AND t.coupon_id = h.coupon_id AND t.customer_id = h.customer_id""",
        program_id=program_id, **_columns(units),
    )  # fmt: skip


def lock(program_id: UUID, pairs: Collection[Pair]) -> None:
    """Lock those of the customers' rows that there are, in their order."""
    _lock(program_id, pairs, _IN_ORDER)


def lock_free(program_id: UUID, pairs: Collection[Pair]) -> bool:
    """Lock those of the customers' rows that there are, without waiting; False when somebody holds one."""
    return not pairs or _lock(program_id, pairs, _FREE) == _lock(program_id, pairs, _SEEN)


_SEEN: LiteralString = """
  SELECT t.coupon_id, t.customer_id
  FROM unnest(%(coupon_ids)s::uuid[], %(customer_ids)s::uuid[]) AS g (coupon_id, customer_id)
  JOIN coupon_customers t
    ON t.program_id = %(program_id)s AND t.coupon_id = g.coupon_id AND t.customer_id = g.customer_id
  ORDER BY t.coupon_id, t.customer_id"""
_IN_ORDER: LiteralString = _SEEN + " FOR UPDATE OF t"
_FREE: LiteralString = _IN_ORDER + " SKIP LOCKED"


def _lock(program_id: UUID, pairs: Collection[Pair], statement: LiteralString) -> list[_Counted]:
    columns = _columns(dict.fromkeys(pairs, 1))
    return fetch_all(
        _Counted, statement, program_id=program_id, coupon_ids=columns["coupon_ids"],
        customer_ids=columns["customer_ids"],
    )  # fmt: skip


def _columns(units: Mapping[Pair, int]) -> dict[str, list[UUID] | list[int]]:
    pairs = sorted(units)
    return {
        "coupon_ids": [coupon_id for coupon_id, _ in pairs],
        "customer_ids": [customer_id for _, customer_id in pairs],
        "units": [units[pair] for pair in pairs],
    }


def check_change(before: int | None, after: int | None) -> None:
    """Raises: Invalid for a change from or to no limit: without one nobody counts."""
    if (before is None) != (after is None):
        detail = "A coupon has a limit for each customer from its beginning to its end, or never has one."
        raise Invalid.at("/per_customer_limit", detail)
