"""What the tests of payouts share: payees with money, payouts in a state, virtual time, and a look at the books."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from commission.ledger.service import Account, Balance, Entry, Posting, balances_of, post
from commission.payouts import sweeping
from commission.payouts.decisions import approve_withdrawals
from commission.payouts.queries import held
from commission.payouts.rules import RESERVED, combined_digest
from commission.payouts.withdrawals import request_withdrawal
from core.auth.actor import Actor, ActorKind
from core.auth.service import program_of
from core.clock import day_of, frozen_at, now
from core.db import execute, fetch_all, scalars, transaction
from core.ids import new_id, parse_public_id, public_id
from tests.clients import ApiClient, TestProgram
from tests.factories import add_payout_method, seed_members
from tests.jobs import run_jobs

AMOUNT = 5_000
OPEN = [status.value for status in RESERVED]


def give(program: TestProgram, member_ids: Iterable[UUID], amount: int) -> None:
    """Money in `available`, as an adjustment puts it there; below zero takes it away."""
    with transaction(program.id):
        current = program_of(program.id)
        entries = [
            Entry(
                "adjustment.posted", f"test:{new_id()}", day_of(now(), current.settings.timezone),
                (Posting(Account.ADJUSTMENT_EXPENSE, None, -amount), Posting(Account.MEMBER_AVAILABLE, one, amount)),
            )
            for one in member_ids
        ]  # fmt: skip
        post(program.id, current.currency, entries)


def payees(program: TestProgram, count: int = 1, amount: int = AMOUNT, *, kind: str = "sandbox") -> list[UUID]:
    """Members with a usable method and `amount` available."""
    member_ids = seed_members(program, count, prefix=f"p{new_id().hex[-6:]}")
    for member_id in member_ids:
        add_payout_method(program, member_id, kind=kind)
    give(program, member_ids, amount)
    return member_ids


def staff_actor(program: TestProgram) -> Actor:
    """Somebody of finance, without a token."""
    return Actor(program.now(), ActorKind.STAFF, new_id())


def staff_actor_inside(program: TestProgram) -> Actor:
    """The same where a transaction is open."""
    return Actor(program_of(program.id), ActorKind.STAFF, new_id())


def requested(program: TestProgram, member_ids: Sequence[UUID], amount: int = AMOUNT) -> list[UUID]:
    """A requested withdrawal of each member."""
    key = Actor(program.now(), ActorKind.KEY, new_id())
    with transaction(program.id):
        return [request_withdrawal(key, member_id, amount, None) for member_id in member_ids]


def approve(program: TestProgram, payout_ids: Sequence[UUID]) -> None:
    """Approve requested withdrawals: they are queued and their sending is published."""
    approver = staff_actor(program)
    with transaction(program.id):
        digests = {one.id: one.digest for one in held(program.id, payout_ids)}
        approve_withdrawals(approver, payout_ids, combined_digest(digests))


def queued(program: TestProgram, count: int = 1, amount: int = AMOUNT, *, kind: str = "sandbox") -> list[UUID]:
    """Queued withdrawals of as many members, one payout each of all they have."""
    payout_ids = requested(program, payees(program, count, amount, kind=kind), amount)
    approve(program, payout_ids)
    return payout_ids


class Row(NamedTuple):
    """A payout and its attempts, straight from the tables."""

    id: UUID
    member_id: UUID
    status: str
    attempt: int
    failure: str | None
    next_check_at: datetime | None
    attempts: list[str]


def rows(program: TestProgram, payout_ids: Sequence[UUID]) -> list[Row]:
    """In the given order."""
    with transaction(program.id, read_only=True):
        found = fetch_all(
            Row,
            """SELECT p.id, p.member_id, p.status, p.attempt, p.failure, p.next_check_at,
                      ARRAY(SELECT a.status FROM payout_attempts a
                            WHERE a.program_id = p.program_id AND a.payout_id = p.id ORDER BY a.number)
               FROM payouts p WHERE p.program_id = %(program_id)s AND p.id = ANY(%(ids)s)""",
            program_id=program.id, ids=list(payout_ids),
        )  # fmt: skip
    by_id = {row.id: row for row in found}
    return [by_id[payout_id] for payout_id in payout_ids]


def row(program: TestProgram, payout_id: UUID) -> Row:
    return rows(program, [payout_id])[0]


def statuses(program: TestProgram, payout_ids: Sequence[UUID]) -> set[str]:
    return {one.status for one in rows(program, payout_ids)}


def states(program: TestProgram, payout_id: UUID) -> list[str]:
    """The states of a payout's timeline."""
    with transaction(program.id, read_only=True):
        return scalars(
            "SELECT state FROM payout_events WHERE program_id = %(p)s AND payout_id = %(id)s ORDER BY number",
            p=program.id, id=payout_id,
        )  # fmt: skip


def balance(program: TestProgram, member_id: UUID) -> Balance:
    with transaction(program.id, read_only=True):
        return balances_of(program.id, [member_id])[member_id]


def balance_of_payout(program: TestProgram, payout_id: UUID) -> Balance:
    return balance(program, row(program, payout_id).member_id)


def assert_books_agree(program: TestProgram) -> None:
    """What every test ends with: in_payout is the open payouts, paid is the paid ones, for every member."""
    with transaction(program.id, read_only=True):
        wrong = scalars(
            """SELECT b.member_id FROM member_balances b LEFT JOIN LATERAL (
                 SELECT coalesce(sum(amount) FILTER (WHERE status = ANY(%(open)s)), 0) AS open,
                        coalesce(sum(net) FILTER (WHERE status = 'paid'), 0) AS paid
                 FROM payouts p WHERE p.program_id = b.program_id AND p.member_id = b.member_id) p ON true
               WHERE b.program_id = %(program_id)s AND (b.in_payout <> p.open OR b.paid <> p.paid)""",
            program_id=program.id, open=OPEN,
        )  # fmt: skip
        moved = scalars(
            """SELECT source_key FROM ledger_transactions
               WHERE program_id = %(program_id)s AND payout_id IS NOT NULL""",
            program_id=program.id,
        )
    assert not wrong
    assert len(moved) == len(set(moved))


def sweep(program: TestProgram) -> list[str]:
    """What the scheduler lets happen every few seconds, and the jobs that come of it; their names."""
    with transaction(program.id):
        if sweeping.has_due(program.id):
            sweeping.sweep(program.id)
    return run_jobs(program.id)


def settle(
    program: TestProgram, *, pause: float = 0.0, rounds: int = 60, until: Callable[[], bool] | None = None
) -> None:
    """Let time pass, virtually, until no payout of the program is open any more (or `until` holds).

    Every round jumps to the next moment at which anybody would look. `pause` real seconds in each let a real rail work.
    """
    done = until or (lambda: not _open(program.id))
    at = now()
    for _ in range(rounds):
        if done():
            return
        at = max(at, _next_moment(program.id) or at) + timedelta(seconds=1)
        with frozen_at(at):
            sweep(program)
        time.sleep(pause)
    raise AssertionError(f"still open after {rounds} rounds: {_open(program.id)}")


def _open(program_id: UUID) -> list[str]:
    with transaction(program_id, read_only=True):
        return scalars(
            "SELECT status FROM payouts WHERE program_id = %(p)s AND status = ANY(%(open)s) AND rail <> 'manual'",
            p=program_id, open=OPEN,
        )  # fmt: skip


def _next_moment(program_id: UUID) -> datetime | None:
    with transaction(program_id, read_only=True):
        moments = scalars(
            """SELECT min(next_check_at) FROM payouts WHERE program_id = %(p)s AND status = ANY(%(open)s)
               UNION ALL SELECT min(run_at) FROM outbox WHERE program_id = %(p)s AND status IN ('pending', 'leased')""",
            p=program_id, open=OPEN,
        )  # fmt: skip
    return min((moment for moment in moments if moment), default=None)


def forget_jobs(program: TestProgram) -> None:
    """The jobs that wait are lost, as nothing in production can lose them."""
    with transaction(program.id):
        execute("DELETE FROM outbox WHERE program_id = %(p)s", p=program.id)


def shown(client: ApiClient, payout_id: UUID | str) -> dict[str, Any]:
    ref = payout_id if isinstance(payout_id, str) else public_id("pay", payout_id)
    answer = client.get(f"/v1/payouts/{ref}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def payout_uuid(text: str) -> UUID:
    value = parse_public_id("pay", text)
    assert value is not None
    return value
