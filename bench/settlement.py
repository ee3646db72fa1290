"""Maturing and preparing a settlement of 200,000 commissions of 50,000 members, chunk by chunk as the workers do it."""

import time
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import psycopg

from bench.environment import measured_app, peak_memory_mib
from commission.settlement import queries
from commission.settlement.service import RunTerms, request_settlement
from core.auth.actor import Actor, ActorKind
from core.auth.service import program_of
from core.clock import now
from core.db import transaction
from core.ids import new_id
from core.jobs import outbox
from core.jobs.delivery import deliver
from core.programs.service import create_program

MEMBERS = 50_000
COMMISSIONS = 200_000
GOAL_SECONDS = 30
_LEASE = timedelta(minutes=5)

_SEED = (
    """INSERT INTO members (program_id, id, external_id, attributes, grade, status, enrolment, invite_code, joined_at,
                             created_at, updated_at)
       SELECT %(p)s, uuidv7(), 'm' || n, '{}', 'standard', 'active', 'none', 'i' || n, now(), now(), now()
       FROM generate_series(1, %(members)s) n""",
    """INSERT INTO payout_methods (program_id, id, member_id, kind, account, account_name, fingerprint, is_default,
                                   usable_from, created_at, created_by_kind, created_by)
       SELECT program_id, uuidv7(), id, 'sandbox', 'sealed', 'sealed', sha256(external_id::bytea), true, now(), now(),
              'key', id
       FROM members WHERE program_id = %(p)s""",
    """INSERT INTO orders (program_id, id, external_id, request_hash, currency, status, paid_at, completed_at,
                           after_sale_open, subtotal, discount, coupon_discount, shipping, tax, total, commission_base,
                           refunded, refunded_extras, attributes, attribution_source, evidence, created_at)
       SELECT %(p)s, uuidv7(), 'o' || n, '', 'CNY', 'completed', now() - interval '9 days', now() - interval '8 days',
              false, 10000, 0, 0, 0, 0, 10000, 10000, 0, 0, '{}', 'none', '{}', now()
       FROM generate_series(1, %(commissions)s) n""",
    # commissions come with orders, so that those of one member lie far apart
    """WITH o AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM orders WHERE program_id = %(p)s),
            m AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM members WHERE program_id = %(p)s)
       INSERT INTO commissions (program_id, id, order_id, member_id, level, amount, line_amounts, reversed, status,
                                matures_at, earned_at, created_at)
       SELECT %(p)s, uuidv7(), o.id, m.id, 1, 1000 + o.n %% 7, ARRAY[1000 + o.n %% 7], 0, 'pending',
              now() - interval '1 day', now() - interval '9 days', now()
       FROM o JOIN m ON m.n = o.n %% %(members)s ORDER BY o.n""",
    """INSERT INTO ledger_transactions (program_id, id, kind, source_key, currency, order_id, recorded_at, effective_on)
       SELECT program_id, order_id, 'commission.accrued', 'order:' || order_id, 'CNY', order_id, now(), current_date - 9
       FROM commissions WHERE program_id = %(p)s""",
    """INSERT INTO ledger_postings (program_id, transaction_id, position, account, member_id, currency, amount)
       SELECT program_id, order_id, side, CASE side WHEN 0 THEN 'commission_expense' ELSE 'member_pending' END,
              CASE side WHEN 1 THEN member_id END, 'CNY', CASE side WHEN 0 THEN -amount ELSE amount END
       FROM commissions, generate_series(0, 1) side WHERE program_id = %(p)s""",
    """INSERT INTO member_balances (program_id, member_id, currency, pending, available, in_payout, paid)
       SELECT program_id, member_id, 'CNY', sum(amount), 0, 0, 0 FROM commissions WHERE program_id = %(p)s
       GROUP BY program_id, member_id""",
)


class _Chunk(NamedTuple):
    """One delivery of the job chain."""

    matured: bool  # else reserved
    seconds: float
    memory_mib: int


def run() -> None:
    """Print the seconds of both phases, the spread of the chunks and the memory at the first and the last of them."""
    with measured_app() as bench:
        with transaction():
            program_id = create_program("bench", "CNY", "Asia/Shanghai")
        _seed(bench.owner_url, program_id)
        run_id = _ask(program_id)
        chunks = _work(program_id, run_id)
        with transaction(program_id, read_only=True):
            done = queries.run(program_id, run_id)
        assert done is not None  # noqa: S101 -- it was made above
    _print(chunks)
    print(f"  run {done.status}: {done.payout_count:,} payouts, gross {done.gross:,}")


def _seed(owner_url: str, program_id: UUID) -> None:
    started = time.perf_counter()
    values = {"p": program_id, "members": MEMBERS, "commissions": COMMISSIONS}
    with psycopg.connect(owner_url, autocommit=True) as connection:
        for statement in _SEED:
            connection.execute(statement, values)
        connection.execute("VACUUM ANALYZE")  # what autovacuum has long done when commissions are due
        connection.execute("CHECKPOINT")
    print(f"seeded {COMMISSIONS:,} commissions of {MEMBERS:,} members in {time.perf_counter() - started:.0f} s")


def _ask(program_id: UUID) -> UUID:
    with transaction(program_id):
        actor = Actor(program_of(program_id), ActorKind.STAFF, new_id())
        terms = RunTerms(as_of=now(), min_payout=None, rails=None, member_ids=None, grades=None)
        return request_settlement(actor, terms).id


def _work(program_id: UUID, run_id: UUID) -> list[_Chunk]:
    """Deliver the chain as relay and worker do, one chunk after the other."""
    chunks: list[_Chunk] = []
    while True:
        with transaction(program_id):
            leased = outbox.lease(program_id, "money", 1, _LEASE)
            before = queries.run(program_id, run_id)
        if not leased or before is None:
            return chunks
        started = time.perf_counter()
        one = leased[0]
        deliver(str(one.program_id), str(one.id), one.job, one.arguments, one.attempt)
        with transaction(program_id, read_only=True):
            after = queries.run(program_id, run_id)
        reserving = after is not None and after.after_member_id is not None
        chunks.append(_Chunk(not reserving, time.perf_counter() - started, peak_memory_mib()))


def _print(chunks: list[_Chunk]) -> None:
    for name, matured in (("matured", True), ("reserved", False)):
        ones = [chunk for chunk in chunks if chunk.matured is matured]
        seconds = sorted(chunk.seconds for chunk in ones)
        print(
            f"  {name} in {sum(seconds):.1f} s: {len(ones)} chunks of {seconds[0]:.2f} to {seconds[-1]:.2f} s, "
            f"peak memory {ones[0].memory_mib} MiB after the first and {ones[-1].memory_mib} MiB after the last"
        )
    print(f"  in all {sum(chunk.seconds for chunk in chunks):.1f} s (goal: under {GOAL_SECONDS} s)")
