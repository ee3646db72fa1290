"""What becomes of a gift after it was redeemed: shipped, fulfilled, or canceled, which gives everything back.

Callers hold the transaction; nothing here commits.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from community.points import booking, rewards, stock
from community.points.errors import RedemptionInOtherState
from community.points.health import REDEMPTIONS
from community.points.purse import Draw, Purse
from community.points.purses import close_purses, open_purses
from community.points.redemptions import CANCELED, FULFILLED, REQUESTED, SHIPPED, Redemption, Use, redemption_of
from community.points.rewards import Reward
from community.points.telling import tell
from core.auth.actor import Program
from core.clock import day_of, now
from core.db import execute, fetch_all

_BEFORE = {SHIPPED: [REQUESTED], FULFILLED: [REQUESTED, SHIPPED], CANCELED: [REQUESTED, SHIPPED]}


def advance(program: Program, redemption_id: UUID, status: str, note: str | None) -> tuple[Redemption, Reward]:
    """Ship, fulfil or cancel a gift; what it is already changes nothing. A cancel gives points and stock back.

    The points return to the lots they came from, with the end these have; a debt is settled first.

    Raises:
        RedemptionNotFound: no such redemption in the program.
        RedemptionInOtherState: it is past that.
    """
    found = redemption_of(program.id, redemption_id)
    if found.status != status:
        if status == CANCELED:
            _cancel(program, found, note)
        else:
            _move(program.id, found, status, note, now())
    changed = redemption_of(program.id, redemption_id)
    return changed, rewards.reward_of(program.id, changed.reward_id)


def _move(program_id: UUID, found: Redemption, status: str, note: str | None, at: datetime) -> bool:
    """Whether this call moved it; somebody else may have done the same at this moment.

    Raises: RedemptionInOtherState.
    """
    moved = execute(
        """UPDATE reward_redemptions SET status = %(status)s, note = coalesce(%(note)s, note), updated_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = ANY(%(before)s)""",
        program_id=program_id, id=found.id, status=status, note=note, at=at, before=_BEFORE[status],
    )  # fmt: skip
    if moved:
        REDEMPTIONS.labels(rewards.GIFT, status).inc()
        return True
    present = redemption_of(program_id, found.id).status
    if present != status:
        raise RedemptionInOtherState(status_now=present)
    return False


def _cancel(program: Program, found: Redemption, note: str | None) -> None:
    at = now()
    uses = _uses_of(program.id, found.id)
    # the purse is locked before the redemption's own row: whoever pays does the same
    purse = open_purses(program.id, [found.member_id], lot_ids=[use.lot_id for use in uses])[found.member_id]
    if _move(program.id, found, CANCELED, note, at):
        _give_back(program, found, purse, uses, at)
        _uncount(program.id, found)
        stock.return_unit(program.id, found.reward_id)


def _give_back(program: Program, found: Redemption, purse: Purse, uses: Sequence[Use], at: datetime) -> None:
    lots = {lot.id: lot for lot in purse.lots}
    purse.give_back([Draw(lots[use.lot_id], use.amount) for use in uses])
    day = day_of(at, program.settings.timezone)
    entry = booking.returned(found.id, found.reward_id, found.member_id, found.cost, day)
    close_purses(program.id, [lot for lot in lots.values() if lot.left != lot.before], [entry])
    event = booking.told(
        booking.RETURNED, at, found.member_id, found.cost, redemption_id=found.id, reward_id=found.reward_id
    )
    tell(program.id, [event])


def _uncount(program_id: UUID, found: Redemption) -> None:
    execute(
        """UPDATE reward_members SET taken = taken - 1
           WHERE program_id = %(program_id)s AND reward_id = %(reward_id)s AND member_id = %(member_id)s""",
        program_id=program_id, reward_id=found.reward_id, member_id=found.member_id,
    )  # fmt: skip


def _uses_of(program_id: UUID, redemption_id: UUID) -> list[Use]:
    return fetch_all(
        Use,
        """SELECT redemption_id, lot_id, amount FROM point_uses
           WHERE program_id = %(program_id)s AND redemption_id = %(id)s""",
        program_id=program_id, id=redemption_id,
    )  # fmt: skip
