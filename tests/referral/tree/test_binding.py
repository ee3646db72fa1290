"""Binding over HTTP: what the mode allows, who may do more, and what is kept of it."""

from datetime import timedelta
from typing import Any

import pytest

from core.clock import frozen_at, now
from core.db import transaction
from core.ids import public_id
from referral.members.service import customers_for
from tests.clients import ApiClient, TestProgram, make_program
from tests.referral.growing import join, join_all


def bind(client: ApiClient, member: str, inviter: str | None, reason: str | None = None) -> Any:
    return client.put(f"/v1/members/ext:{member}/inviter", {"inviter_external_id": inviter, "reason": reason})


def history(program: TestProgram, member: str) -> list[dict[str, Any]]:
    return list(program.client.get(f"/v1/members/ext:{member}/inviter-history").json["data"])


def set_mode(program: TestProgram, mode: str, **terms: int) -> None:
    answer = program.staff("owner").patch("/v1/program", {"binding": {"mode": mode} | terms})
    assert answer.status_code == 200, answer.text


def test_a_key_binds_a_member_who_has_no_inviter(program: TestProgram) -> None:
    join_all(program.client, {"a": None, "b": None})
    answer = bind(program.client, "b", "a")
    assert (answer.status_code, answer.json["depth"], answer.json["binding"]["source"]) == (200, 1, "api")
    assert answer.json["inviter_id"] == program.client.get("/v1/members/ext:a").json["id"]


def test_the_same_bind_again_changes_nothing(program: TestProgram) -> None:
    join_all(program.client, {"a": None, "b": None})
    first, again = bind(program.client, "b", "a"), bind(program.client, "b", "a")
    assert (again.status_code, again.json) == (200, first.json)
    assert len(history(program, "b")) == 1


def test_a_permanent_binding_stays_for_a_key(program: TestProgram) -> None:
    join_all(program.client, {"a": None, "b": "a", "c": None})
    for inviter in ("c", None):
        answer = bind(program.client, "b", inviter)
        assert (answer.status_code, answer.json["code"]) == (409, "already_bound")
    assert len(history(program, "b")) == 1


def test_an_operator_rebinds_with_a_reason_that_is_kept(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a", "c": None})
    operator = program.staff("operator")
    refused = bind(operator, "b", "c")
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/reason")
    answer = bind(operator, "b", "c", "moved to another city")
    assert (answer.status_code, answer.json["binding"]["source"]) == (200, "staff")
    newest, oldest = history(program, "b")
    assert (newest["reason"], newest["source"], newest["actor"]["kind"]) == ("moved to another city", "staff", "staff")
    assert newest["inviter_id"] == public_id("mem", ids["c"])
    assert newest["previous_inviter_id"] == oldest["inviter_id"] == public_id("mem", ids["a"])
    assert (oldest["source"], oldest["actor"]["kind"], oldest["previous_inviter_id"]) == ("registration", "key", None)
    events = program.staff("owner").get("/v1/audit-events?action=tree.set_inviter").json["data"]
    assert len(events) == 1


def test_a_viewer_and_finance_do_not_bind(program: TestProgram) -> None:
    join_all(program.client, {"a": None, "b": None})
    for role in ("viewer", "finance"):
        assert bind(program.staff(role), "b", "a", "because").status_code == 403


def test_an_operator_unbinds(program: TestProgram) -> None:
    join_all(program.client, {"a": None, "b": "a", "c": "b"})
    answer = bind(program.staff("operator"), "b", None, "wrong shop")
    assert (answer.status_code, answer.json["inviter_id"], answer.json["binding"]) == (200, None, None)
    assert answer.json["depth"] == 0
    assert program.client.get("/v1/members/ext:c").json["depth"] == 1
    assert bind(program.client, "b", "a").status_code == 200  # he has no inviter now


def test_an_expired_binding_gives_way(program: TestProgram) -> None:
    set_mode(program, "expiring", expires_after_days=30)
    join_all(program.client, {"a": None, "b": "a", "c": None})
    bound = program.client.get("/v1/members/ext:b").json["binding"]
    assert bound["expires_at"] > bound["bound_at"]
    assert bind(program.client, "b", "c").json["code"] == "already_bound"
    with frozen_at(now() + timedelta(days=30, seconds=1)):
        renewed = bind(program.client, "b", "a")
        assert renewed.json["binding"]["expires_at"] > bound["expires_at"]
        assert bind(program.client, "b", "c").json["code"] == "already_bound"
    with frozen_at(now() + timedelta(days=61)):
        assert bind(program.client, "b", "c").status_code == 200


def test_where_bindings_are_open_the_last_one_wins_after_the_protected_days(program: TestProgram) -> None:
    set_mode(program, "open", protected_days=7)
    join_all(program.client, {"a": None, "b": "a", "c": None})
    assert bind(program.client, "b", "c").json["code"] == "already_bound"
    with frozen_at(now() + timedelta(days=7, seconds=1)):
        answer = bind(program.client, "b", "c")
    assert answer.status_code == 200
    assert answer.json["binding"]["protected_until"] is not None


@pytest.mark.parametrize("inviter", ["a", "b", "c"])
def test_a_ring_is_refused_at_any_distance(program: TestProgram, inviter: str) -> None:
    join_all(program.client, {"a": None, "b": "a", "c": "b"})
    for client in (program.client, program.staff("operator")):
        answer = bind(client, "a", inviter, "why not")
        assert (answer.status_code, answer.json["code"]) == (409, "referral_cycle")
    assert program.client.get("/v1/members/ext:a").json["depth"] == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"inviter_external_id": "nobody"}, "/inviter_external_id"), ({"inviter_id": "mem_x"}, "/inviter_id"),
     ({"inviter_id": "mem_" + "0" * 26}, "/inviter_id")],
)  # fmt: skip
def test_an_unknown_inviter_is_named(program: TestProgram, body: dict[str, str], pointer: str) -> None:
    join(program.client, "b")
    answer = program.client.put("/v1/members/ext:b/inviter", body)
    assert (answer.status_code, answer.json["code"]) == (422, "inviter_not_found")
    assert answer.json["errors"][0]["pointer"] == pointer


def test_another_programs_member_is_no_inviter(program: TestProgram) -> None:
    stranger = join(make_program(program.app).client, "a")
    join(program.client, "b")
    answer = program.client.put("/v1/members/ext:b/inviter", {"inviter_id": stranger["id"]})
    assert (answer.status_code, answer.json["code"]) == (422, "inviter_not_found")


@pytest.mark.parametrize("body", [{}, {"reason": "x"}, {"inviter_id": None, "inviter_external_id": None}])
def test_one_inviter_must_be_named(program: TestProgram, body: dict[str, Any]) -> None:
    join(program.client, "b")
    assert program.client.put("/v1/members/ext:b/inviter", body).status_code == 422


def test_a_customer_named_by_an_order_is_bound_by_his_first_registration(program: TestProgram) -> None:
    join(program.client, "a")
    with transaction(program.id):
        customer = customers_for(program.id, ["b"])["b"]
    made = program.client.post("/v1/members", {"external_id": "b", "name": "Bo", "inviter_external_id": "a"})
    assert (made.status_code, made.json["id"]) == (201, public_id("mem", customer))
    assert (made.json["name"], made.json["depth"], made.json["binding"]["source"]) == ("Bo", 1, "registration")
    again = program.client.post("/v1/members", {"external_id": "b", "name": "Bo", "inviter_external_id": "a"})
    assert again.status_code == 200


def test_a_customer_who_is_bound_elsewhere_is_not_completed(program: TestProgram) -> None:
    join_all(program.client, {"a": None, "c": None})
    with transaction(program.id):
        customers_for(program.id, ["b"])
    bind(program.client, "b", "c")
    answer = program.client.post("/v1/members", {"external_id": "b", "name": "Bo", "inviter_external_id": "a"})
    assert (answer.status_code, answer.json["code"]) == (409, "already_bound")
    assert program.client.get("/v1/members/ext:b").json["name"] is None
    assert (
        program.client.post("/v1/members", {"external_id": "b", "name": "Bo", "inviter_external_id": "c"}).status_code
        == 201
    )
