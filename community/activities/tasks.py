"""The job edge of activities: each delivery does one chunk in one transaction, and publishes the next in it."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from commission.ledger.audits import register_audit_check
from community.activities import moving, queries, releasing
from community.activities.audit_checks import check_budgets
from community.activities.deciding import any_decided, follow_guard
from community.activities.erasure import forget_quotas, forget_words
from community.activities.following import follow_orders
from community.activities.paying import pay_chunk
from community.activities.service import multipliers_at
from community.activities.settling import any_to_settle, settle_chunk, settling_ids
from community.activities.telling import TOLD, tell_news
from community.points.service import register_multipliers
from core.auth.actor import Program
from core.auth.service import program_of
from core.events.consumers import consumer
from core.events.reading import NumberedEvent
from core.jobs.outbox import publish
from core.jobs.registry import job, schedule
from referral.members.service import register_erasure_step


@consumer(moving.READER, *moving.ORDER_EVENTS, queue="money", most=500)
def follow(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Invites that bought, seats that were paid, and refunds that take both back."""
    follow_orders(program, events)


@consumer("activities.tell", *TOLD, queue="notices")
def spread(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Activities that began, goals that were reached, settlements that are done: to groups and members."""
    tell_news(program, events)


@job("activities.advance", queue="money")
def advance(program_id: UUID) -> None:
    """Activities that begin, that are to be settled, or that were canceled."""
    moving.advance(program_of(program_id))


@job("activities.release", queue="money")
def release(program_id: UUID) -> None:
    """Seats that were not paid and teams that are not complete in time."""
    releasing.release_overdue(program_of(program_id))


@job("activities.settle", queue="money")
def settle(program_id: UUID) -> None:
    """One chunk of each settlement."""
    program = program_of(program_id)
    more = [settle_chunk(program, activity_id) for activity_id in settling_ids(program_id)]
    if True in more:
        publish(program_id, "activities.settle", {})


@job("activities.pay", queue="money")
def pay(program_id: UUID) -> None:
    """One chunk of rewards of one kind."""
    if pay_chunk(program_of(program_id)):
        publish(program_id, "activities.pay", {})


@job("activities.follow_guard")
def follow_decisions(program_id: UUID) -> None:
    """Invites that were held with their orders."""
    follow_guard(program_of(program_id))


@job("activities.forget_quotas")
def forget(program_id: UUID) -> None:
    """Caps of hours that are over."""
    forget_quotas(program_id)


_SOON = timedelta(seconds=1)

schedule("activities.advance", every=_SOON, has_work=moving.any_due)
schedule("activities.release", every=timedelta(seconds=5), has_work=releasing.any_overdue)
schedule("activities.settle", every=_SOON, has_work=any_to_settle)
schedule("activities.pay", every=_SOON, has_work=queries.any_open_reward)
schedule("activities.follow_guard", every=timedelta(seconds=10), has_work=any_decided)
schedule("activities.forget_quotas", every=timedelta(hours=1))
register_multipliers(multipliers_at)
register_audit_check("activities", check_budgets)
register_erasure_step(forget_words)
