"""Posting in batches against one SQL call a transfer, on the same server in the same run; then sealing what was posted.

An entry here has three postings, such as a commission of two levels: the comparison makes two transfers of it. Its
shape is that of ledgers in SQL functions such as pgledger: every account has a balance row, the house's too, and a call
locks both accounts, moves both balances, and writes the transfer and one line for each side.
"""

from collections.abc import Callable, Iterator
from itertools import count
from statistics import median
from typing import NamedTuple
from uuid import UUID

import psycopg

from bench.environment import measured_app, peak_memory_mib, timed
from commission.ledger.sealing import CHUNK, seal_chunk
from commission.ledger.service import Account, Entry, Posting, post
from core.clock import now
from core.db import transaction
from core.ids import new_id
from core.programs.service import create_program
from referral.members.service import customers_for

MEMBERS = 1000
ROUNDS = 3  # of every way in turn, so that a slow moment of the machine hits all
TRANSFERS_AN_ENTRY = 2
GOAL = 10

_COMPARISON = """
    CREATE SCHEMA by_transfer;
    SET search_path TO by_transfer;
    CREATE TABLE accounts (
      id uuid PRIMARY KEY, balance bigint NOT NULL DEFAULT 0, version bigint NOT NULL DEFAULT 0,
      updated_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE transfers (
      id uuid PRIMARY KEY DEFAULT uuidv7(), debited uuid NOT NULL REFERENCES accounts (id),
      credited uuid NOT NULL REFERENCES accounts (id), amount bigint NOT NULL CHECK (amount > 0),
      created_at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX ON transfers (debited);
    CREATE INDEX ON transfers (credited);
    CREATE TABLE sides (
      id uuid PRIMARY KEY DEFAULT uuidv7(), transfer_id uuid NOT NULL REFERENCES transfers (id),
      account_id uuid NOT NULL REFERENCES accounts (id), amount bigint NOT NULL, balance bigint NOT NULL,
      version bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
    CREATE INDEX ON sides (account_id);
    CREATE INDEX ON sides (transfer_id);
    CREATE FUNCTION transfer(debited uuid, credited uuid, amount bigint) RETURNS uuid LANGUAGE plpgsql AS $$
    DECLARE
      made uuid;
      minus accounts;
      plus accounts;
    BEGIN
      PERFORM FROM accounts WHERE id IN (debited, credited) ORDER BY id FOR UPDATE;
      UPDATE accounts a SET balance = a.balance - transfer.amount, version = a.version + 1, updated_at = now()
        WHERE a.id = debited RETURNING * INTO minus;
      UPDATE accounts a SET balance = a.balance + transfer.amount, version = a.version + 1, updated_at = now()
        WHERE a.id = credited RETURNING * INTO plus;
      INSERT INTO transfers (debited, credited, amount) VALUES (debited, credited, amount) RETURNING id INTO made;
      INSERT INTO sides (transfer_id, account_id, amount, balance, version)
        VALUES (made, debited, -amount, minus.balance, minus.version),
               (made, credited, amount, plus.balance, plus.version);
      RETURN made;
    END $$;"""


class Way(NamedTuple):
    """A way of posting: how many transfers a turn makes, and the turn."""

    name: str
    transfers: int
    turns: int
    turn: Callable[[], object]


def run() -> None:
    """Print transfers a second of every way, and how many times the comparison's that is."""
    with measured_app() as bench:
        with transaction():
            program_id = create_program("bench", "GBP", "UTC")
        with transaction(program_id):
            members = list(customers_for(program_id, [f"m{n}" for n in range(MEMBERS)]).values())
        with psycopg.connect(bench.owner_url, autocommit=True, prepare_threshold=3) as connection:
            _measure([*_compared(connection, members), *_ours(program_id, members)])
        _measure_sealing(program_id)


def _compared(connection: psycopg.Connection[tuple[object, ...]], members: list[UUID]) -> list[Way]:
    house = new_id()
    connection.execute(_COMPARISON)
    connection.execute("INSERT INTO accounts (id) SELECT unnest(%s::uuid[])", ([house, *members],))
    turns = count()

    def transfer() -> None:
        member = members[next(turns) * 7919 % MEMBERS]
        connection.execute("SELECT transfer(%s, %s, %s)", (house, member, 25))

    def fifty() -> None:
        with connection.transaction():
            for _ in range(50):
                transfer()

    return [
        Way("one call and one transaction a transfer", 1, 1000, transfer),
        Way("one call a transfer, 50 in a transaction", 50, 40, fifty),
    ]


def _ours(program_id: UUID, members: list[UUID]) -> list[Way]:
    entries = _entries(members)

    def posting(size: int) -> Callable[[], None]:
        def turn() -> None:
            with transaction(program_id):
                post(program_id, "GBP", [next(entries) for _ in range(size)])

        return turn

    return [
        Way(f"posted in batches of {size}", size * TRANSFERS_AN_ENTRY, turns, posting(size))
        for size, turns in ((1, 500), (50, 100), (500, 20))
    ]


def _entries(members: list[UUID]) -> Iterator[Entry]:
    """Commissions of two levels, each of an order of its own."""
    today = now().date()
    for n in count():
        yield Entry(
            kind="commission.accrued",
            source_key=f"order:{n}",
            effective_on=today,
            order_id=new_id(),
            postings=(
                Posting(Account.COMMISSION_EXPENSE, None, -75),
                Posting(Account.MEMBER_PENDING, members[n * 7919 % MEMBERS], 50),
                Posting(Account.MEMBER_PENDING, members[n * 104729 % MEMBERS], 25),
            ),
        )


def _measure(ways: list[Way]) -> None:
    rates: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in range(ROUNDS):
        for way in ways:
            seconds = timed(lambda way=way: [way.turn() for _ in range(way.turns)])  # type: ignore[misc]
            rates[way.name].append(way.transfers * way.turns / seconds)
    base = median(rates[ways[0].name])
    for way in ways:
        rate = median(rates[way.name])
        print(f"  {way.name:42} {rate:9,.0f} transfers/s  {rate / base:5.1f} x")
    print(f"  (two transfers are one entry of three postings; goal: batches at least {GOAL} x)")


def _measure_sealing(program_id: UUID) -> None:
    memory: list[int] = []
    sealed = 0

    def seal_all() -> None:
        nonlocal sealed
        done = CHUNK
        while done == CHUNK:
            with transaction(program_id):
                done = seal_chunk(program_id)
            sealed += done
            memory.append(peak_memory_mib())

    seconds = timed(seal_all)
    print(
        f"  sealed {sealed:,} transactions at {sealed / seconds:,.0f}/s, "
        f"peak memory {memory[0]} MiB after the first chunk and {memory[-1]} MiB after the last"
    )
