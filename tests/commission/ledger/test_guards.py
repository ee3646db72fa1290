"""What the database itself refuses, whoever asks."""

from typing import Any
from uuid import UUID

import pytest
from psycopg import errors

from commission.ledger.sealing import seal_chunk
from core.db import connection, execute, transaction
from core.ids import new_id
from tests.clients import TestProgram, make_program
from tests.commission.ledger.entries import accrued, owner, post_now
from tests.factories import seed_members

REWRITING = [
    "UPDATE ledger_transactions SET effective_on = effective_on - 1 WHERE program_id = %(program_id)s",
    "UPDATE ledger_postings SET amount = amount * 2 WHERE program_id = %(program_id)s",
    "UPDATE ledger_seals SET hash = '' WHERE program_id = %(program_id)s",
    "DELETE FROM ledger_transactions WHERE program_id = %(program_id)s",
    "DELETE FROM ledger_postings WHERE program_id = %(program_id)s",
    "DELETE FROM ledger_seals WHERE program_id = %(program_id)s",
    "DELETE FROM ledger_periods WHERE program_id = %(program_id)s",
    "TRUNCATE ledger_transactions, ledger_postings, ledger_seals",
]


@pytest.mark.parametrize("statement", REWRITING)
def test_the_application_cannot_rewrite_the_books(program: TestProgram, statement: str) -> None:
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 5)])
    with pytest.raises(errors.InsufficientPrivilege, match="permission denied"), transaction(program.id):
        execute(statement, program_id=program.id)  # type: ignore[arg-type]


@pytest.mark.parametrize("statement", REWRITING)
def test_nor_can_the_owner_of_the_tables(program: TestProgram, statement: str) -> None:
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 5)])
    with owner(program.app) as books, pytest.raises(errors.InsufficientPrivilege, match="is append-only"):
        books.execute(statement, {"program_id": program.id})  # type: ignore[call-overload]


Leg = tuple[int, str, UUID | None, str, int]
"""A raw posting: position, account, member, currency, amount."""

EXPENSE = "commission_expense"


def legs(*amounts: int, first: int = 0, currencies: tuple[str, ...] = ("GBP",) * 9) -> list[Leg]:
    return [
        (position, EXPENSE, None, currency, amount)
        for position, (amount, currency) in enumerate(zip(amounts, currencies, strict=False), first)
    ]


def record(program: TestProgram, given: dict[UUID, list[Leg]], *statements: dict[UUID, list[Leg]]) -> None:
    """New transactions and the postings of each statement, all in one database transaction."""
    with transaction(program.id):
        for transaction_id in given:
            insert_transaction(program, transaction_id)
        for postings in (given, *statements):
            insert_postings(program, postings)


def insert_transaction(program: TestProgram, transaction_id: UUID) -> None:
    execute(
        """INSERT INTO ledger_transactions (program_id, id, kind, source_key, currency, recorded_at, effective_on)
           VALUES (%(p)s, %(id)s, 'test.raw', %(id)s::text, 'GBP', '2026-01-01Z', '2026-01-01')""",
        p=program.id, id=transaction_id,
    )  # fmt: skip


def insert_postings(program: TestProgram, postings: dict[UUID, list[Leg]]) -> None:
    rows = [(transaction_id, *leg) for transaction_id, some in postings.items() for leg in some]
    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)]
    connection().execute(
        """INSERT INTO ledger_postings (program_id, transaction_id, position, account, member_id, currency, amount)
           SELECT %s, * FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::uuid[], %s::text[], %s::bigint[])""",
        (program.id, *columns),
    )


def test_postings_that_sum_to_zero_are_taken(program: TestProgram) -> None:
    record(program, {new_id(): legs(-5, 2, 3), new_id(): legs(-5, 7, 5, -7, currencies=("GBP", "USD", "GBP", "USD"))})


def test_postings_that_do_not_sum_to_zero_are_refused(program: TestProgram) -> None:
    with pytest.raises(errors.CheckViolation, match="does not sum to zero"):
        record(program, {new_id(): legs(-5, 4)})


def test_one_currency_does_not_make_up_for_another(program: TestProgram) -> None:
    with pytest.raises(errors.CheckViolation, match="does not sum to zero"):
        record(program, {new_id(): legs(-5, 5, currencies=("GBP", "USD"))})


def test_one_transaction_does_not_make_up_for_another(program: TestProgram) -> None:
    good, more, less = new_id(), new_id(), new_id()
    with pytest.raises(errors.CheckViolation, match=f"{more}|{less}"):
        record(program, {good: legs(-5, 5), more: legs(-5, 6), less: legs(-5, 4)})


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_transaction_takes_no_later_postings(program: TestProgram, first: int) -> None:
    (member,) = seed_members(program)
    refusals = (errors.UniqueViolation, errors.CheckViolation)
    [posted] = post_now(program, [accrued(member, 5)])
    with pytest.raises(refusals):
        record(program, {new_id(): legs(1, -1)}, {posted: legs(-3, 3, first=first)})
    # nor a second statement of the database transaction that made it
    fresh = new_id()
    with pytest.raises(refusals):
        record(program, {fresh: legs(1, -1)}, {fresh: legs(-3, 3, first=first)})


def test_a_sealed_transaction_takes_no_postings_even_if_it_has_none(program: TestProgram) -> None:
    bare = new_id()
    with transaction(program.id):
        insert_transaction(program, bare)
        assert seal_chunk(program.id) == 1
    with pytest.raises(errors.ForeignKeyViolation, match="unknown or sealed"):
        record(program, {new_id(): legs(1, -1)}, {bare: legs(-3, 3)})


def test_postings_need_their_transaction(program: TestProgram) -> None:
    with pytest.raises(errors.ForeignKeyViolation, match="unknown or sealed"):
        record(program, {new_id(): legs(1, -1)}, {new_id(): legs(-5, 5)})


def test_a_posting_is_not_zero(program: TestProgram) -> None:
    with pytest.raises(errors.CheckViolation, match="ck_ledger_postings_amount"):
        record(program, {new_id(): legs(5, -5, 0)})


def test_a_posting_on_a_members_account_names_him(program: TestProgram) -> None:
    postings: list[Leg] = [(0, "member_pending", None, "GBP", 5), *legs(-5, first=1)]
    with pytest.raises(errors.CheckViolation, match="ck_ledger_postings_member"):
        record(program, {new_id(): postings})


def test_a_balance_belongs_to_a_member_of_the_program(program: TestProgram) -> None:
    (stranger,) = seed_members(make_program(program.app))
    with pytest.raises(errors.ForeignKeyViolation):
        post_now(program, [accrued(stranger, 5)])


def test_another_programs_books_are_out_of_reach(program: TestProgram) -> None:
    (member,) = seed_members(program)
    post_now(program, [accrued(member, 5)])
    other = make_program(program.app)
    with transaction(other.id):
        for table in ("ledger_transactions", "ledger_postings", "member_balances", "ledger_unsealed"):
            found = connection().execute(f"SELECT count(*) FROM {table} WHERE program_id = %s", (program.id,))  # type: ignore[arg-type]
            assert found.fetchone() == (0,)
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security"), transaction(other.id):
        insert_transaction(program, new_id())
