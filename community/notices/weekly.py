"""The board of the week that is over, told on Monday to groups that hear boards. Callers hold the transaction.

A group of the whole program is told the program's board, one of its own its own. The key of a line names the week, so
that telling again tells nobody again.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from community.boards import service as boards
from community.boards.service import Measure, Period
from community.groups import service as groups
from community.groups.service import Group
from community.notices.notice import Notice
from community.notices.service import tell
from core.auth.actor import Program
from core.clock import now
from core.db import scalars

TOPIC = "board"
MOST_GROUPS = 100
"""Groups of one turn: each of those with a board of its own is two statements."""

_FIRST_HOUR = 9  # of Monday, in the program's time zone: late news of Sunday are in
_LAST_DAY = 1  # Tuesday: whoever was down on Monday is told then
_SHOWN = 10


def week_to_tell(at: datetime, timezone: str) -> date | None:
    """The Monday of the week that is told about at this time; None: it is not the time. Pure."""
    local = at.astimezone(ZoneInfo(timezone))
    if local.weekday() > _LAST_DAY or (local.weekday() == 0 and local.hour < _FIRST_HOUR):
        return None
    return local.date() - timedelta(days=local.weekday() + 7)


def any_untold(program: Program) -> bool:
    """Whether some group is still to be told. A week without sales is looked at as long as it could be told."""
    return week_to_tell(now(), program.settings.timezone) is not None and bool(
        groups.groups_of(program.id, topics=[TOPIC])
    )


def tell_week(program: Program, after: UUID | None = None) -> UUID | None:
    """Tell one turn of groups, those behind `after`; its last one's id where more wait. No sales, no board."""
    week = week_to_tell(now(), program.settings.timezone)
    if week is None:
        return None
    untold = _untold(program.id, week, after)
    turn = untold[:MOST_GROUPS]
    tell(program, [notice for notice in _notices(program, turn, week) if notice.facts["top"]])
    return turn[-1].id if len(untold) > MOST_GROUPS else None


def _untold(program_id: UUID, week: date, after: UUID | None) -> list[Group]:
    """In the order of ids. A team has no board of its own."""
    hearing = [one for one in groups.groups_of(program_id, topics=[TOPIC]) if one.scope != "team"]
    keys = {f"{_key(week)}@{one.id}": one for one in hearing if after is None or one.id > after}
    told = set(
        scalars(
            "SELECT key FROM messages WHERE program_id = %(program_id)s AND key = ANY(%(keys)s::text[])",
            program_id=program_id, keys=list(keys),
        )
    )  # fmt: skip
    return sorted((one for key, one in keys.items() if key not in told), key=lambda one: one.id)


def _notices(program: Program, those: Sequence[Group], week: date) -> list[Notice]:
    everybody = [one.id for one in those if one.scope == "program"]
    notices = [_notice(program, week, None, everybody)] if everybody else []
    return notices + [_notice(program, week, one.id, [one.id]) for one in those if one.scope == "group"]


def _notice(program: Program, week: date, board_of: UUID | None, group_ids: list[UUID]) -> Notice:
    best = boards.board(program, Measure.SALES, Period.WEEK, week, board_of, _SHOWN)
    top = [{"rank": one.rank, "member_id": str(one.member_id), "amount": one.value} for one in best]
    facts: dict[str, Any] = {"period": "week", "measure": "sales", "day": week.isoformat(), "top": top}
    return Notice(TOPIC, _key(week), facts, now(), group_ids)


def _key(week: date) -> str:
    return f"board:sales:{week}"
