"""Points given or taken by a person, with his reason. Callers hold the transaction; nothing here commits."""

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from community.points import booking, rule_versions
from community.points.awards import Award, award
from community.points.models import PointAdjustmentRow
from community.points.purses import close_purses, open_purses
from community.points.taking import expired_events
from community.points.telling import tell
from core.auth.actor import Actor, Program
from core.bulk import insert_rows
from core.clock import day_of, now
from core.errors import Invalid
from core.ids import Ref, new_id
from referral.members import service as members


class Adjustment(NamedTuple):
    """One row of `point_adjustments` without program_id."""

    id: UUID
    member_id: UUID
    amount: int
    reason: str
    created_by: UUID
    created_at: datetime


def adjust(actor: Actor, ref: Ref, amount: int, reason: str, expires_on: date | None) -> Adjustment:
    """Give a member points (`amount` above 0, to be spent until `expires_on` or as the rules say) or take some.

    What is taken comes from the lots that end first; what is lacking is owed.

    Raises:
        NotFound, MemberErased: no member to whom this can happen.
        Invalid: more at once than the rules' adjustment_limit.
    """
    limit = rule_versions.current(actor.program_id).rules.adjustment_limit
    if abs(amount) > limit:
        raise Invalid.at("/amount", f"At most {limit} at once, as adjustment_limit of the rules says.")
    member_id = members.living_member_id_of(actor.program_id, ref)
    adjustment = Adjustment(new_id(), member_id, amount, reason, actor.id, now())
    insert_rows(PointAdjustmentRow, [adjustment], program_id=actor.program_id)
    if amount > 0:
        key, at = f"adjustment:{adjustment.id}", adjustment.created_at
        award(actor.program, [Award(member_id, amount, None, key, at, expires_on, "adjustment")])
    else:
        _take(actor.program, adjustment)
    return adjustment


def _take(program: Program, adjustment: Adjustment) -> None:
    at, timezone = adjustment.created_at, program.settings.timezone
    purse = open_purses(program.id, [adjustment.member_id])[adjustment.member_id]
    ended = purse.expire(at)
    drawn = purse.spend(-adjustment.amount)
    entry = booking.adjusted(adjustment.id, adjustment.member_id, adjustment.amount, day_of(at, timezone))
    lots = [draw.lot for draw in (*ended, *drawn)]
    close_purses(program.id, lots, [*(booking.expired(draw, timezone) for draw in ended), entry])
    taken = booking.told(booking.ADJUSTED, at, adjustment.member_id, -adjustment.amount)
    tell(program.id, [*expired_events(ended), taken])
