"""Budgets of activities: asked for, approved by another person, taken from, given back. Never overdrawn.

Money stands in the ledger's activity_budget from the approval until it is given away or returned; points do not, since
they are issued when they are given. Budgets are locked after members, by id, and before anything is posted. Callers
hold the transaction.
"""

from collections.abc import Collection
from datetime import date, datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from commission.ledger.service import Account, Entry, Posting, post
from community.activities.errors import (
    ActivityInOtherState,
    BudgetBySamePerson,
    BudgetExhausted,
    BudgetKeyReused,
    NoBudget,
)
from community.activities.models import ActivityBudgetMoveRow, ActivityBudgetRow
from core.auth.actor import Actor, Program
from core.bulk import insert_rows
from core.clock import day_of, now
from core.db import execute, fetch_all, fetch_one, scalar
from core.ids import public_id

POINTS = "PTS"
"""The currency of points in budgets and the ledger."""


class Budget(NamedTuple):
    """What an activity may give away; amounts in minor units of `currency`, or points."""

    activity_id: UUID
    currency: str
    amount: int
    left_amount: int
    status: str  # requested | approved | closed
    requested_by: UUID | None
    approved_by: UUID | None
    approved_at: datetime | None
    returned: int
    closed_at: datetime | None


class _Move(NamedTuple):
    key: str
    activity_id: UUID
    amount: int
    created_at: datetime
    kept: bool = True


_SELECT: LiteralString = """
    SELECT activity_id, currency, amount, left_amount, status, requested_by, approved_by, approved_at, returned,
           closed_at
    FROM activity_budgets WHERE program_id = %(program_id)s AND activity_id = ANY(%(ids)s::uuid[])"""


def budgets_of(program_id: UUID, activity_ids: Collection[UUID]) -> dict[UUID, Budget]:
    """The budgets of those that have one."""
    rows = fetch_all(Budget, _SELECT, program_id=program_id, ids=list(activity_ids))
    return {row.activity_id: row for row in rows}


def lock_budgets(program_id: UUID, activity_ids: Collection[UUID]) -> dict[UUID, Budget]:
    """The same, their rows locked in id order: by whoever moves something of several, before he posts anything."""
    statement: LiteralString = _SELECT + " ORDER BY activity_id FOR UPDATE"
    rows = fetch_all(Budget, statement, program_id=program_id, ids=list(activity_ids)) if activity_ids else []
    return {row.activity_id: row for row in rows}


def ask_for_budget(program_id: UUID, activity_id: UUID, currency: str, amount: int, by: UUID | None) -> None:
    """A new activity's budget. Points may be given at once; money waits for another person's approval."""
    is_points = currency == POINTS
    status = "approved" if is_points else "requested"
    row = Budget(activity_id, currency, amount, amount if is_points else 0, status, by, None, None, 0, None)
    insert_rows(ActivityBudgetRow, [row], program_id=program_id)


def approve_budget(actor: Actor, activity_id: UUID) -> None:
    """Set the money aside in the ledger, once. The caller has locked the activity.

    Raises:
        NoBudget: the activity has none.
        ActivityInOtherState: it was approved before, or is closed, or the program has another currency now.
        BudgetBySamePerson: the actor made the activity.
    """
    found = lock_budgets(actor.program_id, [activity_id]).get(activity_id)
    if found is None:
        raise NoBudget()
    if found.status != "requested":
        raise ActivityInOtherState(f"The budget is {found.status}.", status_now=found.status)
    if found.currency != actor.program.currency:
        raise ActivityInOtherState(
            f"The budget is in {found.currency}, the program in {actor.program.currency}.", status_now=found.status
        )  # fmt: skip
    if found.requested_by == actor.id:
        raise BudgetBySamePerson()
    execute(
        """UPDATE activity_budgets SET status = 'approved', left_amount = amount, approved_by = %(by)s,
                  approved_at = %(at)s
           WHERE program_id = %(program_id)s AND activity_id = %(id)s AND status = 'requested'""",
        program_id=actor.program_id, id=activity_id, by=actor.id, at=now(),
    )  # fmt: skip
    key = f"activity.budget:{activity_id}"
    _move_money(
        actor.program, "activity.budgeted", key, activity_id, Account.CAMPAIGN_EXPENSE, Account.ACTIVITY_BUDGET,
        found.amount,
    )  # fmt: skip


def take(program_id: UUID, activity_id: UUID, amount: int) -> bool:
    """Take from a budget what is not given away yet; False when it has less left. Guarded by its row."""
    return bool(
        execute(
            """UPDATE activity_budgets SET left_amount = left_amount - %(amount)s
               WHERE program_id = %(program_id)s AND activity_id = %(id)s AND status = 'approved'
                 AND left_amount >= %(amount)s""",
            program_id=program_id, id=activity_id, amount=amount,
        )
    )  # fmt: skip


def put_back(program_id: UUID, activity_id: UUID, amount: int) -> bool:
    """Give back what was taken; False when the budget is closed."""
    return bool(
        execute(
            """UPDATE activity_budgets SET left_amount = left_amount + %(amount)s
               WHERE program_id = %(program_id)s AND activity_id = %(id)s AND status = 'approved'""",
            program_id=program_id, id=activity_id, amount=amount,
        )
    )  # fmt: skip


def close_budget(program: Program, activity_id: UUID) -> int:
    """What is left goes back to where it came from, once; how much it was. An unapproved one only ends."""
    found = fetch_one(
        Budget,
        """UPDATE activity_budgets SET status = 'closed', returned = left_amount, left_amount = 0, closed_at = %(at)s
           WHERE program_id = %(program_id)s AND activity_id = %(id)s AND status <> 'closed'
           RETURNING activity_id, currency, amount, left_amount, status, requested_by, approved_by, approved_at,
                     returned, closed_at""",
        program_id=program.id, id=activity_id, at=now(),
    )  # fmt: skip
    if found is None:
        return 0
    if found.returned and found.currency != POINTS:
        _move_money(
            program, "activity.budget_returned", f"activity.budget_returned:{activity_id}", activity_id,
            Account.ACTIVITY_BUDGET, Account.CAMPAIGN_EXPENSE, found.returned,
        )  # fmt: skip
    return found.returned


def fund_red_packet(program: Program, activity_id: UUID, amount: int, key: str, currency: str | None = None) -> None:
    """Take `amount` (above 0) from an approved budget for a red packet; the same key again has no further effect.

    In the program's currency (unless `currency` says "PTS"): DR activity_budget, CR red_packet_pool. Points are only
    taken from the budget: they are issued when they are claimed. Locks the budget's row until the transaction ends.

    Raises:
        NoBudget: the activity is not there, or has no approved budget in the currency.
        BudgetExhausted: less is left.
        BudgetKeyReused: the key stands for another movement.
    """
    wanted = currency or program.currency
    if not _note_move(program.id, _Move(f"fund:{key}", activity_id, -amount, now())):
        return
    if not take(program.id, activity_id, amount):
        raise _lack(program.id, activity_id, wanted)
    if _currency_of(program.id, activity_id) != wanted:
        raise NoBudget()
    if wanted != POINTS:
        _move_money(
            program, "red_packet.funded", f"red_packet.funded:{key}", activity_id, Account.ACTIVITY_BUDGET,
            Account.RED_PACKET_POOL, amount,
        )  # fmt: skip


def return_to_budget(program: Program, activity_id: UUID, amount: int, key: str) -> None:
    """Give back what nobody claimed of a red packet; the same key again has no further effect.

    DR red_packet_pool, CR activity_budget; where the budget is closed already, CR campaign_expense, where its rest
    went. Points go back to the budget, or nowhere when it is closed.

    Raises:
        NoBudget: the activity never had one.
        BudgetKeyReused: the key stands for another movement.
    """
    currency = _currency_of(program.id, activity_id)
    if currency is None:
        raise NoBudget()
    if not _note_move(program.id, _Move(f"return:{key}", activity_id, amount, now())):
        return
    is_open = put_back(program.id, activity_id, amount)
    if not is_open:
        execute(
            "UPDATE activity_budget_moves SET kept = false WHERE program_id = %(program_id)s AND key = %(key)s",
            program_id=program.id, key=f"return:{key}",
        )  # fmt: skip
    if currency != POINTS:
        _move_money(
            program, "red_packet.returned", f"red_packet.returned:{key}", activity_id, Account.RED_PACKET_POOL,
            Account.ACTIVITY_BUDGET if is_open else Account.CAMPAIGN_EXPENSE, amount,
        )  # fmt: skip


def _lack(program_id: UUID, activity_id: UUID, currency: str) -> Exception:
    found = budgets_of(program_id, [activity_id]).get(activity_id)
    if found is None or found.status != "approved" or found.currency != currency:
        return NoBudget()
    return BudgetExhausted(left=found.left_amount)


def _currency_of(program_id: UUID, activity_id: UUID) -> str | None:
    found: str | None = scalar(
        "SELECT currency FROM activity_budgets WHERE program_id = %(program_id)s AND activity_id = %(id)s",
        program_id=program_id, id=activity_id,
    )  # fmt: skip
    return found


def _note_move(program_id: UUID, move: _Move) -> bool:
    """Whether the movement is new. Two of one key at once: the later waits here for the first one's commit."""
    if insert_rows(
        ActivityBudgetMoveRow, [move], program_id=program_id, on_conflict="(program_id, key) DO NOTHING",
        returning="key",
    ):  # fmt: skip
        return True
    known = fetch_one(
        _Move,
        """SELECT key, activity_id, amount, created_at, kept FROM activity_budget_moves
           WHERE program_id = %(program_id)s AND key = %(key)s""",
        program_id=program_id, key=move.key,
    )  # fmt: skip
    if known is None or (known.activity_id, known.amount) != (move.activity_id, move.amount):
        raise BudgetKeyReused()
    return False


def _move_money(
    program: Program, kind: str, key: str, activity_id: UUID, debit: Account, credit: Account, amount: int
) -> None:
    postings = (Posting(debit, None, -amount), Posting(credit, None, amount))
    note = {"activity_id": public_id("act", activity_id)}
    post(program.id, program.currency, [Entry(kind, key, today(program), postings, note=note)])


def today(program: Program) -> date:
    """The day on which an entry of now takes effect."""
    return day_of(now(), program.settings.timezone)
