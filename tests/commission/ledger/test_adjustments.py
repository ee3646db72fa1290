"""Adjustments: one person asks, another approves, and money moves once."""

from functools import partial
from uuid import UUID

import pytest
from psycopg import errors

from commission.ledger import adjustments
from commission.ledger.rules import Balance
from core.auth.actor import Actor, ActorKind
from core.db import execute, transaction
from core.errors import DomainError
from core.ids import new_id, parse_public_id
from tests.clients import ApiClient, TestProgram
from tests.commission.ledger.entries import balance_of
from tests.factories import member_ref, seed_members
from tests.threads import together


@pytest.fixture
def maker(program: TestProgram) -> ApiClient:
    return program.staff("finance")


@pytest.fixture
def checker(program: TestProgram) -> ApiClient:
    return program.staff("owner")


@pytest.fixture
def member(program: TestProgram) -> UUID:
    (made,) = seed_members(program)
    return made


def ask(maker: ApiClient, member: UUID, amount: int = 250) -> str:
    answer = maker.post("/v1/adjustments", {"member_id": member_ref(member), "amount": amount, "reason": "goodwill"})
    assert (answer.status_code, answer.json["status"]) == (201, "requested")
    return str(answer.json["id"])


@pytest.mark.parametrize("amount", [250, -250])
def test_money_moves_when_another_person_approves(
    program: TestProgram, maker: ApiClient, checker: ApiClient, member: UUID, amount: int
) -> None:
    adjustment = ask(maker, member, amount)
    assert balance_of(program, member) == Balance(0, 0, 0, 0)
    answer = checker.post(f"/v1/adjustments/{adjustment}/approve")
    assert (answer.status_code, answer.json["status"]) == (200, "posted")
    assert balance_of(program, member) == Balance(0, amount, 0, 0)
    [posted] = checker.get("/v1/ledger/transactions?kind=adjustment.posted").json["data"]
    assert posted["id"] == answer.json["transaction_id"]
    assert posted["note"] == {"adjustment_id": adjustment}
    assert {(one["account"], one["amount"]) for one in posted["postings"]} == {
        ("adjustment_expense", -amount),
        ("member_available", amount),
    }


def test_nobody_approves_his_own(program: TestProgram, checker: ApiClient, member: UUID) -> None:
    adjustment = ask(checker, member)  # an owner neither
    answer = checker.post(f"/v1/adjustments/{adjustment}/approve")
    assert (answer.status_code, answer.json["code"]) == (403, "same_person")
    assert balance_of(program, member).available == 0


def test_nor_does_the_database_let_him(program: TestProgram, maker: ApiClient, member: UUID) -> None:
    adjustment_id = parse_public_id("adj", ask(maker, member))
    with pytest.raises(errors.CheckViolation, match="ck_adjustments_two_persons"), transaction(program.id):
        execute(
            """UPDATE adjustments SET status = 'posted', decided_by = requested_by, transaction_id = id
               WHERE program_id = %(p)s AND id = %(id)s""",
            p=program.id, id=adjustment_id,
        )  # fmt: skip


@pytest.mark.parametrize(("first", "second"), [("approve", "approve"), ("approve", "reject"), ("reject", "approve")])
def test_what_was_decided_stays_so(
    program: TestProgram, maker: ApiClient, checker: ApiClient, member: UUID, first: str, second: str
) -> None:
    adjustment = ask(maker, member)
    bodies = {"approve": None, "reject": {"reason": "no receipt"}}
    assert checker.post(f"/v1/adjustments/{adjustment}/{first}", bodies[first]).status_code == 200
    answer = checker.post(f"/v1/adjustments/{adjustment}/{second}", bodies[second])
    assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")
    assert balance_of(program, member).available == (250 if first == "approve" else 0)


def test_a_rejection_keeps_its_reason_and_moves_nothing(
    program: TestProgram, maker: ApiClient, checker: ApiClient, member: UUID
) -> None:
    adjustment = ask(maker, member)
    checker.post(f"/v1/adjustments/{adjustment}/reject", {"reason": "no receipt"})
    shown = maker.get(f"/v1/adjustments/{adjustment}").json
    assert (shown["status"], shown["rejection"], shown["transaction_id"]) == ("rejected", "no receipt", None)
    assert balance_of(program, member) == Balance(0, 0, 0, 0)


def test_whoever_asked_may_take_it_back(maker: ApiClient, member: UUID) -> None:
    adjustment = ask(maker, member)
    assert maker.post(f"/v1/adjustments/{adjustment}/reject", {"reason": "mistyped"}).status_code == 200


def test_many_approvals_at_once_post_once(program: TestProgram, maker: ApiClient, member: UUID) -> None:
    adjustment_id = parse_public_id("adj", ask(maker, member))
    assert adjustment_id
    current = program.now()

    def decide(person: UUID, *, approve: bool) -> str:
        actor = Actor(current, ActorKind.STAFF, person)
        try:
            with transaction(program.id):
                if approve:
                    return adjustments.approve_adjustment(actor, adjustment_id).status
                return adjustments.reject_adjustment(actor, adjustment_id, "late").status
        except DomainError as error:
            return error.code

    answers = together(
        program.app, *[partial(decide, new_id(), approve=approve) for approve in (True, False, True, True, False, True)]
    )
    assert answers.count("wrong_state") == 5
    posted = "posted" in answers
    assert balance_of(program, member).available == (250 if posted else 0)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": 0}, "/amount"),
        ({"amount": 1.5}, "/amount"),
        ({"amount": 10**15 + 1}, "/amount"),
        ({"reason": ""}, "/reason"),
        ({"member_id": "mem_0000000000000000000000000z"}, "/member_id"),
        ({"member_id": "x"}, "/member_id"),
        ({"status": "posted"}, "/status"),
    ],
)
def test_what_cannot_be_asked_for(maker: ApiClient, member: UUID, change: dict[str, object], pointer: str) -> None:
    body = {"member_id": member_ref(member), "amount": 5, "reason": "goodwill"}
    answer = maker.post("/v1/adjustments", body | change)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_lists_are_filtered_and_paged(program: TestProgram, maker: ApiClient, checker: ApiClient, member: UUID) -> None:
    (other,) = seed_members(program, prefix="other")
    mine = [ask(maker, member) for _ in range(3)]
    theirs = ask(maker, other)
    checker.post(f"/v1/adjustments/{mine[0]}/approve")
    listed = maker.get(f"/v1/adjustments?member_id={member_ref(member)}&status=requested&limit=1").json
    assert [one["id"] for one in listed["data"]] == [mine[2]]
    rest = maker.get(
        f"/v1/adjustments?member_id={member_ref(member)}&status=requested&cursor={listed['next_cursor']}"
    ).json
    assert [one["id"] for one in rest["data"]] == [mine[1]]
    assert [one["id"] for one in maker.get("/v1/adjustments?member_id=ext:other-0").json["data"]] == [theirs]
    assert len(maker.get("/v1/adjustments").json["data"]) == 4


def test_an_undecided_adjustment_keeps_a_member_from_being_erased(
    program: TestProgram, maker: ApiClient, checker: ApiClient, member: UUID
) -> None:
    adjustment = ask(maker, member)
    erasure = f"/v1/members/{member_ref(member)}/erasure"
    assert checker.post(erasure).status_code == 409
    checker.post(f"/v1/adjustments/{adjustment}/approve")
    assert checker.post(erasure).status_code == 409  # now he has money
    opposite = ask(maker, member, -250)
    checker.post(f"/v1/adjustments/{opposite}/approve")
    assert checker.post(erasure).status_code < 300
    body = {"member_id": member_ref(member), "amount": 5, "reason": "goodwill"}
    assert maker.post("/v1/adjustments", body).json["code"] == "member_not_found"
