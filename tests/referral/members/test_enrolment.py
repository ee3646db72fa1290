"""Enrolment over HTTP: who applies, who decides, what is kept."""

from typing import Any

from core.db import connection, transaction
from tests.clients import ApiClient, TestProgram, make_program
from tests.referral.growing import join


def step(client: ApiClient, action: str, **fields: Any) -> Any:
    return client.post("/v1/members/ext:a/enrolment", {"action": action} | fields)


def set_enrolment(program: TestProgram, mode: str) -> None:
    assert program.staff("owner").patch("/v1/program", {"enrolment": mode}).status_code == 200


def test_an_application_is_approved_by_a_person(program: TestProgram) -> None:
    set_enrolment(program, "application")
    join(program.client, "a")
    applied = step(program.client, "apply", agreement_version="2026-01")
    assert (applied.status_code, applied.json["enrolment"], applied.json["agreement_version"]) == (
        200,
        "applied",
        "2026-01",
    )
    refused = step(program.client, "approve")
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    approved = step(program.staff("operator"), "approve", reason="papers seen")
    assert (approved.json["enrolment"], approved.json["agreement_version"]) == ("enrolled", "2026-01")


def test_a_refused_application_may_be_made_again(program: TestProgram) -> None:
    set_enrolment(program, "application")
    join(program.client, "a")
    operator = program.staff("operator")
    states = [
        step(client, action).json["enrolment"]
        for client, action in [
            (program.client, "apply"), (operator, "reject"), (program.client, "apply"), (operator, "approve"),
            (program.client, "exit"),
        ]
    ]  # fmt: skip
    assert states == ["applied", "rejected", "applied", "enrolled", "exited"]


def test_a_step_out_of_order_is_the_wrong_state(program: TestProgram) -> None:
    set_enrolment(program, "application")
    join(program.client, "a")
    operator = program.staff("operator")
    for action in ("approve", "reject"):
        answer = step(operator, action)
        assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")
    step(operator, "apply")
    assert step(operator, "apply").status_code == 409
    assert program.client.get("/v1/members/ext:a").json["enrolment"] == "applied"


def test_where_enrolment_is_open_applying_is_enough(program: TestProgram) -> None:
    join(program.client, "a")
    assert step(program.client, "apply").json["enrolment"] == "enrolled"


def test_every_step_is_kept_with_who_took_it(program: TestProgram) -> None:
    set_enrolment(program, "invited")
    join(program.client, "a")
    assert step(program.client, "apply").status_code == 409
    step(program.staff("operator"), "approve", agreement_version="v1", reason="invited")
    step(program.client, "exit")
    assert steps_of(program) == [
        ("approve", "none", "enrolled", "v1", "invited", "staff"),
        ("exit", "enrolled", "exited", None, None, "key"),
    ]


def steps_of(program: TestProgram) -> list[tuple[Any, ...]]:
    with transaction(program.id, read_only=True):
        rows = connection().execute(
            """SELECT action, status_before, status_after, agreement_version, reason, actor_kind
               FROM member_enrolments WHERE program_id = %(p)s ORDER BY id""",
            {"p": program.id},
        )
        return rows.fetchall()


def test_an_unknown_step_or_member_is_refused(program: TestProgram) -> None:
    join(program.client, "a")
    assert step(program.client, "bribe").status_code == 422
    assert program.client.post("/v1/members/ext:nobody/enrolment", {"action": "apply"}).status_code == 404
    stranger = join(make_program(program.app).client, "a")
    answer = program.client.post(f"/v1/members/{stranger['id']}/enrolment", {"action": "apply"})
    assert answer.status_code == 404
    assert program.anonymous.post("/v1/members/ext:a/enrolment", {"action": "apply"}).status_code == 401
