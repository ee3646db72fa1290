"""How many of a limited coupon are left. Many rows share the quantity, so that its takers do not queue for one.

Stock is the last that a transaction locks: reservations, then redemptions, codes, customers (`limits`), each by id, and
then stock by coupon and shard. Whoever moves units afterwards only inserts, so nobody who holds stock waits for
anything but stock of a later place. Callers hold the transaction; nothing here commits.
"""

import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import LiteralString, NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.db import fetch_all, savepoint
from core.errors import Invalid
from coupons.vouchers.models import CouponStockRow

SHARDS = 64
"""Rows of a coupon's stock. As many takers can be under way before one has to wait for another's commit."""


class _Shard(NamedTuple):
    coupon_id: UUID
    shard: int
    left_units: int


class _Units(NamedTuple):
    coupon_id: UUID
    units: int


class _LacksError(Exception):
    """Not all of it is to be had now: undo what was moved."""


def open_stock(program_id: UUID, coupon_id: UUID, total: int) -> None:
    """The stock of a new coupon, spread evenly."""
    count = min(SHARDS, max(total, 1))
    shards = [_Shard(coupon_id, shard, units) for shard, units in enumerate(_spread(total, count))]
    insert_rows(CouponStockRow, shards, program_id=program_id)


def _spread(units: int, count: int) -> list[int]:
    return [units // count + (shard < units % count) for shard in range(count)]


def change_total(program_id: UUID, coupon_id: UUID, before: int | None, after: int | None) -> None:
    """Add to a coupon's quantity or take from what is left of it. The caller has locked the coupon.

    Waits for everybody who is taking from it.

    Raises:
        Invalid: less than what is taken already; or from or to no limit, since without one nobody counts.
    """
    if before is None or after is None:
        raise Invalid.at("/total_quantity", "A coupon has a limit from its beginning to its end, or never has one.")
    shards = fetch_all(
        _Shard,
        """SELECT coupon_id, shard, left_units FROM coupon_stock
           WHERE program_id = %(program_id)s AND coupon_id = %(coupon_id)s ORDER BY shard FOR UPDATE""",
        program_id=program_id, coupon_id=coupon_id,
    )  # fmt: skip
    left = sum(shard.left_units for shard in shards) + after - before
    if left < 0:
        raise Invalid.at("/total_quantity", f"{after - left} are taken already.")
    count = max(len(shards), min(SHARDS, after))
    insert_rows(
        CouponStockRow,
        [_Shard(coupon_id, shard, units) for shard, units in enumerate(_spread(left, count))],
        program_id=program_id,
        on_conflict="(program_id, coupon_id, shard) DO UPDATE SET left_units = excluded.left_units",
    )


def units_left(program_id: UUID, coupon_ids: Collection[UUID]) -> dict[UUID, int]:
    """What is left of limited coupons, in one statement; what running transactions take or return is not seen."""
    rows = fetch_all(
        _Units,
        """SELECT coupon_id, sum(left_units)::bigint FROM coupon_stock
           WHERE program_id = %(program_id)s AND coupon_id = ANY(%(ids)s::uuid[]) GROUP BY coupon_id""",
        program_id=program_id, ids=list(coupon_ids),
    )  # fmt: skip
    return dict(rows)


def move_units(program_id: UUID, units: Mapping[UUID, int]) -> set[UUID]:
    """Take so many units of each limited coupon (below zero: return them), all or nothing; the coupons that lack some.

    Shards that nobody holds are tried first, the fewest that are enough; only when they do not suffice are the held
    ones waited for, in order. A coupon lacks units when at one moment of the call too few were left, free or held by
    somebody who takes them and may still roll back. To be called once in a transaction, after every other lock;
    again only when it moved nothing.
    """
    wanted = {coupon_id: count for coupon_id, count in units.items() if count}
    if not wanted:
        return set()
    # undone before it waits: a part of what is wanted, or a shard that was emptied as it was locked, must not be held
    lacking = _try(program_id, wanted, _FREE)
    while lacking:
        lacking = _try(program_id, wanted, _HELD)
        # what was left may be gone since its holder committed, and what was gone may have come back
        if lacking and (short := _short(program_id, wanted, lacking)):
            return short
    return set()


def _try(program_id: UUID, wanted: Mapping[UUID, int], statement: LiteralString) -> set[UUID]:
    """The coupons of which less could be moved than wanted; then nothing was, and nothing is locked."""
    with suppress(_LacksError), savepoint():
        moved = _move(program_id, wanted, statement)
        lacking = {coupon_id for coupon_id, count in wanted.items() if moved.get(coupon_id) != count}
        if lacking:
            raise _LacksError
    return lacking


def _short(program_id: UUID, wanted: Mapping[UUID, int], lacking: Collection[UUID]) -> set[UUID]:
    left = units_left(program_id, lacking)
    return {coupon_id for coupon_id in lacking if coupon_id not in left or left[coupon_id] < wanted[coupon_id]}


_LOCK: LiteralString = """
  WITH wanted AS MATERIALIZED (
    SELECT coupon_id, units FROM unnest(%(coupon_ids)s::uuid[], %(units)s::bigint[]) AS w (coupon_id, units)
    ORDER BY coupon_id),
  locked AS MATERIALIZED (
    SELECT w.coupon_id, w.units, s.shard, s.left_units
    FROM wanted w CROSS JOIN LATERAL (
      SELECT shard, left_units FROM coupon_stock
      WHERE program_id = %(program_id)s AND coupon_id = w.coupon_id AND (left_units > 0 OR w.units < 0) """
# as few shards as the fullest of them are enough, those with enough first; returning takes any one
_FULLEST: LiteralString = """
      ORDER BY least(left_units, w.units) DESC, shard < %(start)s, shard
      LIMIT greatest(1, (
        SELECT count(*) FROM (
          SELECT sum(left_units) OVER (ORDER BY left_units DESC ROWS UNBOUNDED PRECEDING) - left_units AS before
          FROM coupon_stock WHERE program_id = %(program_id)s AND coupon_id = w.coupon_id AND left_units > 0) f
        WHERE before < w.units))
      FOR UPDATE SKIP LOCKED"""
# who waits does so in the order of the shards, for as many as it may take; the cursor stops at the last it needs
_IN_ORDER: LiteralString = """
      ORDER BY shard LIMIT greatest(w.units, 1) FOR UPDATE"""
_MOVE: LiteralString = """) s),
  moved AS (
    SELECT coupon_id, shard, CASE WHEN units < 0 THEN units ELSE least(left_units, greatest(0, units - coalesce(
      sum(left_units) OVER (PARTITION BY coupon_id ORDER BY shard ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
      0))) END::bigint AS units
    FROM locked),
  written AS (
    UPDATE coupon_stock s SET left_units = s.left_units - m.units FROM moved m
    WHERE s.program_id = %(program_id)s AND s.coupon_id = m.coupon_id AND s.shard = m.shard
      AND m.units <> 0 AND s.left_units >= m.units
    RETURNING s.coupon_id, m.units)
  SELECT coupon_id, sum(units)::bigint FROM written GROUP BY coupon_id"""
_FREE: LiteralString = _LOCK + _FULLEST + _MOVE
_HELD: LiteralString = _LOCK + _IN_ORDER + _MOVE


def _move(program_id: UUID, wanted: Mapping[UUID, int], statement: LiteralString) -> dict[UUID, int]:
    rows = fetch_all(
        _Units, statement, program_id=program_id, coupon_ids=list(wanted), units=list(wanted.values()),
        start=secrets.randbelow(SHARDS),
    )  # fmt: skip
    return dict(rows)
