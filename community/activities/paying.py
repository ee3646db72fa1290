"""Giving rewards, and taking back what was earned no more: chunk by chunk, each one transaction, each reward once.

Rewards that somebody else gives are skipped. One that cannot be given is refused by itself: it neither harms the
others of its chunk nor stands before those behind it. Locks rewards, then members against erasure, then budgets, each
by id, then what the reward itself needs: balances, or a coupon's customers and stock. Callers hold the transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
import structlog

from commission.ledger.errors import DuplicateEntry
from commission.ledger.service import Account, Entry, Posting, lock_available, post
from community.activities import queries
from community.activities.budgets import POINTS, budgets_of, lock_budgets, put_back, take, today
from community.activities.metrics import count_rewards
from community.activities.queries import Reward
from community.activities.rules import fitting
from community.points import service as points
from community.points.rules import MOST_POINTS
from core.auth.actor import Program
from core.clock import now
from core.db import execute, savepoint
from core.errors import Conflict, DomainError
from core.ids import public_id
from coupons.vouchers import service as vouchers
from referral.members import service as members

CHUNK = 1000

_log = structlog.get_logger(__name__)


class Verdict(NamedTuple):
    """What becomes of a reward: paid, or refused or taken back for a reason."""

    reward: Reward
    status: str
    reason: str | None = None


def pay_chunk(program: Program) -> bool:
    """Give, or take back, the next rewards of one kind; whether more may wait."""
    first = queries.first_open_reward(program.id)
    if first is None:
        return False
    rewards = queries.alike_open_rewards(program.id, first, CHUNK)
    verdicts = _take_back(program, rewards) if first.status == "reclaim" else _give(program, rewards)
    _record(program.id, first.status, verdicts)
    count_rewards([(one.reward.kind, one.status) for one in verdicts])
    return len(rewards) == CHUNK


def _record(program_id: UUID, before: str, verdicts: Sequence[Verdict]) -> None:
    execute(
        """UPDATE activity_rewards r
           SET status = g.status, reason = g.reason,
               paid_at = CASE g.status WHEN 'paid' THEN coalesce(r.paid_at, %(at)s) ELSE r.paid_at END
           FROM unnest(%(ids)s::uuid[], %(statuses)s::text[], %(reasons)s::text[]) AS g (id, status, reason)
           WHERE r.program_id = %(p)s AND r.id = g.id AND r.status = %(before)s""",
        p=program_id, at=now(), ids=[one.reward.id for one in verdicts], before=before,
        statuses=[one.status for one in verdicts], reasons=[one.reason for one in verdicts],
    )  # fmt: skip


def _give(program: Program, rewards: Sequence[Reward]) -> list[Verdict]:
    standings = members.standings_locked(program.id, {one.member_id for one in rewards})
    needs_enrolment = program.settings.enrolment != "open"
    refused = {
        one.id: Verdict(one, "refused", reason)
        for one in rewards
        if (reason := _impossible(one) or _ineligible(standings.get(one.member_id), needs_enrolment=needs_enrolment))
    }
    rest = [one for one in rewards if one.id not in refused]
    lock_budgets(program.id, {one.activity_id for one in rest if one.kind != "coupon"})
    given = _each_for_itself(program, rest, _give_coupons if rewards[0].kind == "coupon" else _give_amounts)
    return [*refused.values(), *given]


def _impossible(reward: Reward) -> str | None:
    return "too_many_points" if reward.kind == "points" and (reward.amount or 0) > MOST_POINTS else None


def _ineligible(member: members.Standing | None, *, needs_enrolment: bool) -> str | None:
    if member is None or member.status != "active":
        return "member_not_active"
    return "member_not_enrolled" if needs_enrolment and member.enrolment != "enrolled" else None


Deed = Callable[[Program, Sequence[Reward]], list[Verdict]]

_ITS_OWN = (DomainError, ValueError, DuplicateEntry, psycopg.DataError, psycopg.IntegrityError)
"""What speaks against a reward itself. A lock, a lost connection or a collision does not: the job is repeated."""


def _each_for_itself(program: Program, rewards: Sequence[Reward], deed: Deed) -> list[Verdict]:
    """Do it for all of them at once; if that fails, for each half by itself, down to the reward that it fails for."""
    if not rewards:
        return []
    try:
        with savepoint():
            return deed(program, rewards)
    except _ITS_OWN:
        if len(rewards) == 1:
            _log.exception("reward cannot be moved", reward_id=str(rewards[0].id), status=rewards[0].status)
            return [_failed(rewards[0])]
    _lock_balances(program, rewards)
    middle = len(rewards) // 2
    return [
        *_each_for_itself(program, rewards[:middle], deed), *_each_for_itself(program, rewards[middle:], deed),
    ]  # fmt: skip


def _failed(reward: Reward) -> Verdict:
    if reward.status == "reclaim":
        return Verdict(reward, "paid", "cannot_be_taken_back")
    return Verdict(reward, "refused", "cannot_be_given")


def _lock_balances(program: Program, rewards: Sequence[Reward]) -> None:
    """All at once, before the halves: each would lock its own in id order, both together would not."""
    if rewards[0].kind != "coupon":
        currency = POINTS if rewards[0].kind == "points" else program.currency
        lock_available(program.id, {one.member_id for one in rewards}, currency)


def _give_amounts(program: Program, rewards: Sequence[Reward]) -> list[Verdict]:
    """As many as the budget of each activity pays, in order; the others are refused."""
    by_activity: dict[UUID, list[Reward]] = {}
    for one in rewards:
        by_activity.setdefault(one.activity_id, []).append(one)
    budgets = budgets_of(program.id, list(by_activity))  # locked by the caller
    verdicts: list[Verdict] = []
    for activity_id, ours in by_activity.items():
        left = budgets[activity_id].left_amount if activity_id in budgets else 0
        number = fitting([one.amount or 0 for one in ours], left)
        if number and not take(program.id, activity_id, sum(one.amount or 0 for one in ours[:number])):
            raise AssertionError("a locked budget has what it says")
        verdicts += [Verdict(one, "paid") for one in ours[:number]]
        verdicts += [Verdict(one, "refused", "budget_exhausted") for one in ours[number:]]
    paid = [one.reward for one in verdicts if one.status == "paid"]
    if rewards[0].kind == "points":
        points.award(program, [_award(one, now()) for one in paid])
    else:
        post(program.id, program.currency, [_entry(program, one) for one in paid])
    return verdicts


def _award(reward: Reward, at: datetime) -> points.Award:
    reason = public_id("act", reward.activity_id)
    return points.Award(reward.member_id, reward.amount or 0, reason, _key(reward), at, None, "activity")


def _key(reward: Reward) -> str:
    return f"activity.reward:{reward.id}"


def _entry(program: Program, reward: Reward) -> Entry:
    amount = reward.amount or 0
    postings = (
        Posting(Account.ACTIVITY_BUDGET, None, -amount),
        Posting(Account.MEMBER_AVAILABLE, reward.member_id, amount),
    )
    return Entry("activity.rewarded", _key(reward), today(program), postings, note=_note(reward))


def _note(reward: Reward) -> dict[str, str]:
    return {"activity_id": public_id("act", reward.activity_id), "reward_id": public_id("arw", reward.id)}


def _give_coupons(program: Program, rewards: Sequence[Reward]) -> list[Verdict]:
    """A code for each member, once in a chunk; further ones of his wait for the next."""
    firsts: dict[UUID, Reward] = {}
    for one in rewards:
        firsts.setdefault(one.member_id, one)
    coupon_id = rewards[0].coupon_id
    if coupon_id is None:
        raise ValueError("a reward of a coupon names none")
    try:
        with savepoint():  # what was counted before it refused is undone
            outcomes: Mapping[UUID, vouchers.Outcome] = vouchers.claim_many(program.id, coupon_id, sorted(firsts))
    except DomainError as refusal:  # of the coupon itself: it is over, or not valid yet
        return [Verdict(one, "refused", refusal.code) for one in firsts.values()]
    return [_coupon_verdict(one, outcomes[member_id]) for member_id, one in firsts.items()]


def _coupon_verdict(reward: Reward, outcome: vouchers.Outcome) -> Verdict:
    return Verdict(reward, "refused", outcome.code) if isinstance(outcome, Conflict) else Verdict(reward, "paid")


def _take_back(program: Program, rewards: Sequence[Reward]) -> list[Verdict]:
    """Cash becomes the member's debt where he has spent it, as points do; a claimed coupon is his to keep."""
    if rewards[0].kind == "coupon":
        return [Verdict(one, "paid", "kept") for one in rewards]
    members.standings_locked(program.id, {one.member_id for one in rewards})
    lock_budgets(program.id, {one.activity_id for one in rewards})
    return _each_for_itself(program, rewards, _take_back_amounts)


def _take_back_amounts(program: Program, rewards: Sequence[Reward]) -> list[Verdict]:
    for activity_id in sorted({one.activity_id for one in rewards}):
        put_back(program.id, activity_id, sum(one.amount or 0 for one in rewards if one.activity_id == activity_id))
    if rewards[0].kind == "points":
        points.take_back(program, [(f"{_key(one)}:back", _key(one), one.amount or 0) for one in rewards])
    else:
        post(program.id, program.currency, [_back(program, one) for one in rewards])
    return [Verdict(one, "taken_back", "refunded") for one in rewards]


def _back(program: Program, reward: Reward) -> Entry:
    amount = reward.amount or 0
    postings = (
        Posting(Account.MEMBER_AVAILABLE, reward.member_id, -amount),
        Posting(Account.ACTIVITY_BUDGET, None, amount),
    )
    return Entry("activity.reward_taken_back", f"{_key(reward)}:back", today(program), postings, note=_note(reward))
