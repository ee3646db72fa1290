"""Giving rewards, and taking back what was earned no more: chunk by chunk, each one transaction, each reward once.

Rewards that somebody else gives are skipped. Locks rewards, then budgets by id, then what the reward itself needs:
balances, or a coupon's customers and stock. Callers hold the transaction.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from commission.ledger.service import Account, Entry, Posting, post
from community.activities import queries
from community.activities.budgets import budgets_of, put_back, take, today
from community.activities.metrics import count_rewards
from community.activities.queries import Reward
from community.activities.rules import fitting
from community.points import service as points
from core.auth.actor import Program
from core.clock import now
from core.db import execute
from core.errors import Conflict
from core.ids import public_id
from coupons.vouchers import service as vouchers
from referral.members import service as members
from referral.members.service import Member

CHUNK = 1000


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
    known = members.members_of(program.id, [one.member_id for one in rewards])
    needs_enrolment = program.settings.enrolment != "open"
    refused = {
        one.id: Verdict(one, "refused", reason)
        for one in rewards
        if (reason := _ineligible(known.get(one.member_id), needs_enrolment=needs_enrolment))
    }
    rest = [one for one in rewards if one.id not in refused]
    given = _give_coupons(program.id, rest) if rewards[0].kind == "coupon" else _give_amounts(program, rest)
    return [*refused.values(), *given]


def _ineligible(member: Member | None, *, needs_enrolment: bool) -> str | None:
    if member is None or member.status != "active":
        return "member_not_active"
    return "member_not_enrolled" if needs_enrolment and member.enrolment != "enrolled" else None


def _give_amounts(program: Program, rewards: Sequence[Reward]) -> list[Verdict]:
    """As many as the budget of each activity pays, in order; the others are refused."""
    by_activity: dict[UUID, list[Reward]] = {}
    for one in rewards:
        by_activity.setdefault(one.activity_id, []).append(one)
    budgets = budgets_of(program.id, list(by_activity), lock=True)
    verdicts: list[Verdict] = []
    for activity_id, ours in by_activity.items():
        left = budgets[activity_id].left_amount if activity_id in budgets else 0
        number = fitting([one.amount or 0 for one in ours], left)
        if number and not take(program.id, activity_id, sum(one.amount or 0 for one in ours[:number])):
            raise AssertionError("a locked budget has what it says")
        verdicts += [Verdict(one, "paid") for one in ours[:number]]
        verdicts += [Verdict(one, "refused", "budget_exhausted") for one in ours[number:]]
    paid = [one.reward for one in verdicts if one.status == "paid"]
    if rewards and rewards[0].kind == "points":
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


def _give_coupons(program_id: UUID, rewards: Sequence[Reward]) -> list[Verdict]:
    """A code for each member, once in a chunk; further ones of his wait for the next."""
    firsts: dict[UUID, Reward] = {}
    for one in rewards:
        firsts.setdefault(one.member_id, one)
    coupon_id = rewards[0].coupon_id if rewards else None
    if coupon_id is None:
        return []
    try:
        outcomes: Mapping[UUID, vouchers.Outcome] = vouchers.claim_many(program_id, coupon_id, sorted(firsts))
    except Conflict as refusal:  # of the coupon itself: it is over, or not valid yet
        return [Verdict(one, "refused", refusal.code) for one in firsts.values()]
    return [_coupon_verdict(one, outcomes[member_id]) for member_id, one in firsts.items()]


def _coupon_verdict(reward: Reward, outcome: vouchers.Outcome) -> Verdict:
    return Verdict(reward, "refused", outcome.code) if isinstance(outcome, Conflict) else Verdict(reward, "paid")


def _take_back(program: Program, rewards: Sequence[Reward]) -> list[Verdict]:
    """Cash becomes the member's debt where he has spent it, as points do; a claimed coupon is his to keep."""
    if rewards[0].kind == "coupon":
        return [Verdict(one, "paid", "kept") for one in rewards]
    budgets_of(program.id, [one.activity_id for one in rewards], lock=True)
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
