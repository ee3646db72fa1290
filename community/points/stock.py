"""How many of a limited reward are left. Several rows share the quantity, so that its takers do not queue for one.

Stock is the last that a transaction locks, and one row of it. Callers hold the transaction; nothing here commits.
"""

import secrets
from typing import LiteralString, NamedTuple
from uuid import UUID

from community.points.models import RewardStockRow
from core.bulk import insert_rows
from core.db import execute, fetch_all, scalar
from core.errors import Invalid

SHARDS = 16


class _Shard(NamedTuple):
    reward_id: UUID
    shard: int
    left_units: int


def open_stock(program_id: UUID, reward_id: UUID, total: int) -> None:
    """The stock of a new reward, spread evenly."""
    _write(program_id, reward_id, total)


def _write(program_id: UUID, reward_id: UUID, left: int) -> None:
    rows = [_Shard(reward_id, shard, left // SHARDS + (shard < left % SHARDS)) for shard in range(SHARDS)]
    insert_rows(
        RewardStockRow, rows, program_id=program_id,
        on_conflict="(program_id, reward_id, shard) DO UPDATE SET left_units = excluded.left_units",
    )  # fmt: skip


def change_total(program_id: UUID, reward_id: UUID, before: int | None, after: int | None) -> None:
    """Add to a reward's stock or take from what is left of it. The caller has locked the reward.

    Waits for everybody who is taking from it.

    Raises:
        Invalid: less than what is taken already; or from or to no limit, since without one nobody counts.
    """
    if before is None or after is None:
        raise Invalid.at("/stock", "A reward has a stock from its beginning to its end, or never has one.")
    shards = fetch_all(
        _Shard,
        """SELECT reward_id, shard, left_units FROM reward_stock
           WHERE program_id = %(program_id)s AND reward_id = %(reward_id)s ORDER BY shard FOR UPDATE""",
        program_id=program_id, reward_id=reward_id,
    )  # fmt: skip
    left = sum(shard.left_units for shard in shards) + after - before
    if left < 0:
        raise Invalid.at("/stock", f"{after - left} are taken already.")
    _write(program_id, reward_id, left)


_TAKE: LiteralString = """
    WITH one AS MATERIALIZED (
      SELECT shard FROM reward_stock
      WHERE program_id = %(program_id)s AND reward_id = %(reward_id)s AND left_units > 0
      ORDER BY shard < %(start)s, shard LIMIT 1 FOR UPDATE"""
_UPDATE: LiteralString = """)
    UPDATE reward_stock s SET left_units = s.left_units - 1 FROM one
    WHERE s.program_id = %(program_id)s AND s.reward_id = %(reward_id)s AND s.shard = one.shard AND s.left_units > 0"""
_FREE: LiteralString = _TAKE + " SKIP LOCKED" + _UPDATE
_HELD: LiteralString = _TAKE + _UPDATE


def take_unit(program_id: UUID, reward_id: UUID) -> bool:
    """Take one; False when none is left, nor may come back from somebody who is taking it at this moment.

    Shards that nobody holds are tried first. A holder is waited for: he may roll back.
    """
    given = {"program_id": program_id, "reward_id": reward_id, "start": secrets.randbelow(SHARDS)}
    taken = execute(_FREE, **given)
    # a shard that was waited for may be empty by then, and another not: look again as long as one seems to have some
    while not taken and any_left(program_id, reward_id):
        taken = execute(_HELD, **given)
    return bool(taken)


def any_left(program_id: UUID, reward_id: UUID) -> bool:
    """Whether one is left, or is held by somebody who may still roll back."""
    found: bool = scalar(
        """SELECT EXISTS (SELECT FROM reward_stock
                          WHERE program_id = %(program_id)s AND reward_id = %(reward_id)s AND left_units > 0)""",
        program_id=program_id, reward_id=reward_id,
    )  # fmt: skip
    return found


def return_unit(program_id: UUID, reward_id: UUID) -> None:
    """Give one back; a reward without stock has nowhere to put it."""
    execute(
        """UPDATE reward_stock SET left_units = left_units + 1
           WHERE program_id = %(program_id)s AND reward_id = %(reward_id)s AND shard = %(shard)s""",
        program_id=program_id, reward_id=reward_id, shard=secrets.randbelow(SHARDS),
    )  # fmt: skip
