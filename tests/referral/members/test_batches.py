"""Registering many members: in order, in a few statements, and none harms another."""

from typing import Any

import pytest

from core.db import transaction
from referral.members.service import customers_for
from tests.clients import ApiClient, TestProgram
from tests.referral.growing import assert_forest, join, standings
from tests.referral.statements import counted_statements
from tests.threads import together


def register(client: ApiClient, *members: Any) -> list[dict[str, Any]]:
    answer = client.post("/v1/members/batch", {"members": list(members)})
    assert answer.status_code == 200, answer.text
    return list(answer.json["results"])


def named(external_id: str, inviter: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"external_id": external_id, "inviter_external_id": inviter} | fields


def test_an_inviter_may_stand_earlier_in_the_batch(program: TestProgram) -> None:
    results = register(program.client, named("a"), named("b", "a"), named("c", "b"))
    assert [result["status"] for result in results] == ["created"] * 3
    shown = program.client.get("/v1/members/ext:c").json
    assert (shown["inviter_id"], shown["depth"]) == (results[1]["id"], 2)


def test_an_inviter_later_in_the_batch_is_not_found(program: TestProgram) -> None:
    results = register(program.client, named("b", "a"), named("a"))
    assert [result["status"] for result in results] == ["error", "created"]
    assert results[0]["error"]["code"] == "inviter_not_found"
    assert results[0]["error"]["errors"][0]["pointer"] == "/inviter_external_id"


def test_a_bad_item_never_harms_the_others(program: TestProgram) -> None:
    join(program.client, "old", identities=[{"kind": "openid", "value": "x"}])
    results = register(
        program.client,
        named("a"), 7, {"name": "no id"}, named("b", "nobody"), named("c", "c"), named("d", name=5),
        named("old", name="other"), named("e", identities=[{"kind": "openid", "value": "x"}]), named("f", "e"),
        named("g", "a"),
    )  # fmt: skip
    assert [result["external_id"] for result in results] == ["a", None, None, "b", "c", "d", "old", "e", "f", "g"]
    assert [result["error"] and result["error"]["code"] for result in results] == [
        None, "invalid", "invalid", "inviter_not_found", "referral_cycle", "invalid", "already_exists",
        "identity_taken", "inviter_not_found", None,
    ]  # fmt: skip
    assert len(standings(program)) == 3


def test_a_repeated_external_id_is_judged_like_a_second_request(program: TestProgram) -> None:
    results = register(program.client, named("a"), named("b", "a"), named("b", "a"), named("b"))
    assert [result["status"] for result in results] == ["created", "created", "exists", "error"]
    assert results[1]["id"] == results[2]["id"] == results[3]["id"]
    assert results[3]["error"]["code"] == "already_exists"


def test_an_identity_repeated_in_the_batch_is_taken(program: TestProgram) -> None:
    identity = [{"kind": "openid", "value": "x"}]
    results = register(program.client, named("a", identities=identity), named("b", identities=identity))
    assert [result["status"] for result in results] == ["created", "error"]
    assert results[1]["error"]["code"] == "identity_taken"


def test_the_same_batch_again_finds_everything(program: TestProgram) -> None:
    members = [named("a"), *(named(f"m-{number}", "a", phone="+442079460958") for number in range(20))]
    first = register(program.client, *members)
    again = register(program.client, *members)
    assert [result["status"] for result in again] == ["exists"] * 21
    assert [result["id"] for result in again] == [result["id"] for result in first]


@pytest.mark.parametrize(
    "body", [{}, {"members": []}, {"members": {}}, {"members": [{}] * 1001}, {"members": [], "x": 1}]
)
def test_a_body_that_is_no_batch_is_refused_whole(program: TestProgram, body: Any) -> None:
    answer = program.client.post("/v1/members/batch", body)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/members")


def test_a_thousand_members_take_a_handful_of_statements(program: TestProgram) -> None:
    join(program.client, "top")
    members = [
        named(f"m-{n}", f"m-{n // 2}" if n else "top", identities=[{"kind": "k", "value": str(n)}]) for n in range(1000)
    ]
    with counted_statements() as statements:
        results = register(program.client, *members)
    assert {result["status"] for result in results} == {"created"}
    # credential, begin, two looks, members, history, marks, identities, commit
    assert len(statements) <= 9, statements


def test_a_single_registration_takes_nine_statements(program: TestProgram) -> None:
    join(program.client, "a")
    with counted_statements() as statements:
        join(program.client, "b", "a")
    # credential, begin, look, member, history, mark, member, depth, commit
    assert len(statements) <= 9, statements


def test_customers_named_by_orders_are_completed_together(program: TestProgram) -> None:
    join(program.client, "top")
    with transaction(program.id):
        made = customers_for(program.id, [f"c-{number}" for number in range(50)])
    members = [named("c-0", "top"), *(named(f"c-{n}", f"c-{n // 2}", name=f"N{n}") for n in range(1, 50))]
    with counted_statements() as statements:
        results = register(program.client, *members)
    assert {result["status"] for result in results} == {"created"}
    assert len(statements) <= 11, statements
    assert_forest(standings(program))
    shown = program.client.get("/v1/members/ext:c-49").json
    assert (shown["name"], shown["depth"]) == ("N49", 7)
    assert set(standings(program)) >= set(made.values())


def test_a_batch_cannot_close_a_ring_through_customers(program: TestProgram) -> None:
    """`a` and `b` are customers already; each is to be invited by the other, and `c` twice removed."""
    with transaction(program.id):
        customers_for(program.id, ["a", "b"])
    results = register(program.client, named("a", "b"), named("c", "a"), named("b", "c"))
    assert [result["status"] for result in results] == ["created", "created", "error"]
    assert results[2]["error"]["code"] == "referral_cycle"
    assert_forest(standings(program))
    assert register(program.client, named("b"))[0]["status"] == "created"  # the refused completion left him open


def test_batches_of_the_same_people_at_once_make_each_once(program: TestProgram) -> None:
    forward = [named("root"), *(named(f"m-{n}", "root" if n < 10 else f"m-{n - 10}") for n in range(100))]
    by_root = [named("root"), *(named(f"m-{n}", "root" if n < 10 else f"m-{n - 10}") for n in range(60))]
    answers = together(
        program.app, *[lambda batch=batch: register(program.client, *batch) for batch in (forward, by_root) * 3]
    )
    created = [result["external_id"] for results in answers for result in results if result["status"] == "created"]
    assert sorted(created) == sorted(set(created))
    assert len(created) == 101
    assert not [result for results in answers for result in results if result["status"] == "error"]
    assert_forest(standings(program))
