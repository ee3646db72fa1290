"""What members tell the event log: each change once, and nothing that did not happen."""

from datetime import UTC, datetime
from typing import Any

import pytest

from core.db import transaction
from referral.members.service import customers_for
from tests.clients import TestProgram
from tests.telling import facts_of, forget, kinds_of, plain_id, told


def register(program: TestProgram, *members: dict[str, Any]) -> list[str | None]:
    """Plain ids, in the given order."""
    answer = program.client.post("/v1/members/batch", {"members": list(members)})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json["results"]  # type: ignore[index]
    return [one["id"] and plain_id(one["id"]) for one in results]


def test_registered_members_are_told_with_their_inviters(program: TestProgram) -> None:
    a, b, _, bad = register(
        program, {"external_id": "a", "joined_at": "2020-01-01T00:00:00Z"},
        {"external_id": "b", "inviter_external_id": "a"}, {"external_id": "a", "joined_at": "2020-01-01T00:00:00Z"},
        {"external_id": "c", "inviter_external_id": "nobody"},
    )  # fmt: skip
    assert bad is None
    assert [(event.kind, event.facts) for event in told(program)] == [
        ("member.created", {"member_id": a, "inviter_id": None}),
        ("member.created", {"member_id": b, "inviter_id": a}),
    ]
    assert told(program)[0].happened_at == datetime(2020, 1, 1, tzinfo=UTC)


def test_a_repeat_tells_nothing(program: TestProgram) -> None:
    for _ in range(2):
        program.client.post("/v1/members", {"external_id": "a"})
    assert kinds_of(program) == ["member.created"]


def test_a_customer_whom_an_order_names_is_told_once_and_his_completion_tells_the_bind(program: TestProgram) -> None:
    (a,) = register(program, {"external_id": "a"})
    forget(program)
    for _ in range(2):
        with transaction(program.id):
            known = customers_for(program.id, ["x", "y", "a"])
    assert sorted(one["member_id"] for one in facts_of(program)) == sorted([str(known["x"]), str(known["y"])])
    assert {one["inviter_id"] for one in facts_of(program, "member.created")} == {None}
    forget(program)
    register(program, {"external_id": "x", "inviter_external_id": "a"}, {"external_id": "y"})
    assert [(event.kind, event.facts) for event in told(program)] == [
        ("member.bound", {"member_id": str(known["x"]), "inviter_id": a, "inviter_before_id": None})
    ]


def test_every_change_of_inviter_is_told_once(program: TestProgram) -> None:
    a, b, c = register(program, *({"external_id": name} for name in "abc"))
    operator = program.staff("operator")
    forget(program)
    for inviter in ("a", "a", "b", None, None):
        body = {"inviter_external_id": inviter} if inviter else {"inviter_id": None}
        assert operator.put("/v1/members/ext:c/inviter", body | {"reason": "asked"}).status_code == 200
    assert operator.put("/v1/members/ext:c/inviter", {"inviter_external_id": "c", "reason": "x"}).status_code == 409
    assert {one["member_id"] for one in facts_of(program)} == {c}
    changes = [(one["inviter_before_id"], one["inviter_id"]) for one in facts_of(program, "member.bound")]
    assert changes == [(None, a), (a, b), (b, None)]


def test_enrolment_is_told_when_it_is_reached(program: TestProgram) -> None:
    (a,) = register(program, {"external_id": "a"})
    forget(program)
    assert program.client.post("/v1/members/ext:a/enrolment", {"action": "apply"}).status_code == 200
    assert program.client.post("/v1/members/ext:a/enrolment", {"action": "apply"}).status_code == 409
    assert program.client.post("/v1/members/ext:a/enrolment", {"action": "exit"}).status_code == 200
    assert [(event.kind, event.facts) for event in told(program)] == [("member.enrolled", {"member_id": a})]


def test_what_is_rolled_back_was_never_told(program: TestProgram) -> None:
    def fail() -> None:
        with transaction(program.id):
            customers_for(program.id, ["x"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert kinds_of(program) == []
