"""What orders read of the tree: who stands above, and whether pay may reach him."""

from datetime import timedelta

from core.clock import now
from core.db import execute, transaction
from core.ids import new_id
from referral.tree.service import chains_of
from tests.clients import TestProgram
from tests.factories import set_member
from tests.referral.growing import join_all
from tests.referral.statements import counted_statements


def test_a_chain_begins_with_the_member_and_ends_with_the_root(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a", "c": "b"})
    with transaction(program.id, read_only=True), counted_statements() as statements:
        chains = chains_of(program.id, [ids["c"], ids["a"], ids["c"], new_id()], 9, enrolment="open")
    assert len(statements) == 1
    assert {start: [one.id for one in chain] for start, chain in chains.items()} == {
        ids["c"]: [ids["c"], ids["b"], ids["a"]],
        ids["a"]: [ids["a"]],
    }
    assert [one.inviter_id for one in chains[ids["c"]]] == [ids["b"], ids["a"], None]


def test_no_more_members_are_read_than_asked_for(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a", "c": "b"})
    with transaction(program.id, read_only=True):
        chains = chains_of(program.id, [ids["c"]], 2, enrolment="open")
    assert [one.id for one in chains[ids["c"]]] == [ids["c"], ids["b"]]


def test_pay_reaches_the_active_who_are_enrolled_where_that_counts(program: TestProgram) -> None:
    ids = join_all(program.client, {"none": None, "in": None, "out": None, "applied": None, "suspended": None})
    for name, columns in {
        "in": {"enrolment": "enrolled"}, "out": {"enrolment": "exited"}, "applied": {"enrolment": "applied"},
        "suspended": {"enrolment": "enrolled", "status": "suspended"},
    }.items():  # fmt: skip
        set_member(program, ids[name], **columns)

    def payable(enrolment: str) -> set[str]:
        with transaction(program.id, read_only=True):
            chains = chains_of(program.id, list(ids.values()), 1, enrolment=enrolment)
        return {name for name, member in ids.items() if chains[member][0].payable}

    assert payable("open") == {"none", "in", "applied"}
    assert payable("application") == payable("invited") == {"in"}


def test_a_bindings_end_is_told(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a"})
    until = now() + timedelta(days=3)
    with transaction(program.id):
        execute(
            "UPDATE members SET binding_expires_at = %(until)s WHERE program_id = %(p)s AND id = %(id)s",
            p=program.id, id=ids["b"], until=until,
        )  # fmt: skip
        chains = chains_of(program.id, [ids["b"]], 2, enrolment="open")
    assert [one.binding_until for one in chains[ids["b"]]] == [until, None]
