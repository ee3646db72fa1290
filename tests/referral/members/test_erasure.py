"""Erasure: the person is gone from every table, the books and the tree stay."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from psycopg.errors import LockNotAvailable

from core.db import execute, scalars, transaction
from referral.members import erasure
from referral.members.service import customers_for, register_erasure_guard
from tests.clients import ApiClient, TestProgram, make_program
from tests.jobs import deliver_now, lease_jobs, run_jobs, waiting_jobs
from tests.referral.growing import id_in, join, join_all
from tests.threads import together

ANNA = {
    "name": "Anna Example", "phone": "+44 20 7946 0958", "avatar_url": "https://img.example/anna.png",
    "identities": [{"kind": "openid", "value": "o-anna"}], "attributes": {"note": "Annas note"},
}  # fmt: skip


def everything_stored(program: TestProgram) -> str:
    """Every row of every table of the program, as text."""
    with transaction(program.id, read_only=True):
        tables = scalars(
            """SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'program_id'
               WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"""
        )
        assert len(tables) > 20
        rows = [
            scalars(f"SELECT t::text || {readable_part(table)} FROM {table} t WHERE program_id = %(p)s", p=program.id)
            for table in tables
        ]
    return "\n".join(str(row) for found in rows for row in found)


def readable_part(table: str) -> str:
    """Stored answers are bytes, which a row shows as digits."""
    return "convert_from(coalesce(answer, ''), 'utf8')" if table == "idempotency_keys" else "''"


@pytest.fixture
def money_guard() -> Iterator[dict[UUID, str]]:
    """A guard that finds open money where the test puts it."""
    open_money: dict[UUID, str] = {}

    def guard(_: UUID, member_id: UUID) -> str | None:
        return open_money.get(member_id)

    register_erasure_guard(guard)
    yield open_money
    erasure._guards.remove(guard)


def test_nothing_of_the_person_is_left(program: TestProgram) -> None:
    join(program.client, "top")
    body = ANNA | {"external_id": "anna-1", "inviter_external_id": "top"}
    shown = program.client.post("/v1/members", body, headers={"Idempotency-Key": "k1"}).json
    program.client.post(
        "/v1/members/batch", {"members": [body | {"name": "Anna II"}]}, headers={"Idempotency-Key": "k2"}
    )
    program.client.post("/v1/members/ext:anna-1/enrolment", {"action": "apply", "reason": "Anna asked"})
    program.staff("operator").put("/v1/members/ext:anna-1/inviter", {"inviter_id": None, "reason": "Ms Example left"})
    program.member("ext:anna-1")
    assert "anna" in everything_stored(program).lower()

    answer = program.client.post("/v1/members/ext:anna-1/erasure")
    run_jobs(program.id)
    assert (answer.status_code, answer.json["status"], answer.json["external_id"]) == (200, "erased", None)
    assert answer.json == shown | {
        "external_id": None, "name": None, "phone": None, "avatar_url": None, "attributes": {}, "invite_code": None,
        "status": "erased", "enrolment": "enrolled", "inviter_id": None, "binding": None, "depth": 0,
    }  # fmt: skip
    left = "\n".join(row for row in everything_stored(program).splitlines() if "left" not in row)  # the audit's reason
    for trace in ("anna", "example.png", "7946 0958", "79460958", shown["invite_code"]):
        assert trace.lower() not in left.lower(), trace


def test_his_place_in_the_tree_stays(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a", "c": "b"})
    program.client.post("/v1/members/ext:b/erasure")
    assert [row["level"] for row in program.client.get("/v1/members/ext:c/upline").json["data"]] == [1, 2]
    assert id_in(program.client.get("/v1/members/ext:c/upline").json["data"][0]["member"]) == ids["b"]


def test_money_that_is_open_forbids_it(program: TestProgram, money_guard: dict[UUID, str]) -> None:
    shown = join(program.client, "a", name="Anna")
    money_guard[id_in(shown)] = "He is owed 5."
    answer = program.client.post("/v1/members/ext:a/erasure")
    assert (answer.status_code, answer.json["code"], answer.json["detail"]) == (409, "money_open", "He is owed 5.")
    assert program.client.get("/v1/members/ext:a").json == shown
    money_guard.clear()
    assert program.client.post("/v1/members/ext:a/erasure").status_code == 200


def test_an_erased_member_is_nobody_any_more(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": None})
    own = program.member("ext:a")
    refresh = program.client.post("/v1/members/ext:a/tokens").json["refresh_token"]
    erased = program.client.post("/v1/members/ext:a/erasure").json
    path = f"/v1/members/{erased['id']}"
    assert program.client.get("/v1/members/ext:a").status_code == 404
    assert program.client.get(path).json == erased
    assert program.client.post(f"{path}/erasure").json == erased  # again is no error
    assert own.get("/v1/me").status_code == 401
    assert program.anonymous.post("/v1/auth/refresh", {"refresh_token": refresh}).status_code == 401
    for answer in (
        program.client.patch(path, {"name": "Zombie"}),
        program.client.post(f"{path}/tokens"),
        program.client.post(f"{path}/enrolment", {"action": "apply"}),
        program.client.put(f"{path}/inviter", {"inviter_external_id": "b"}),
    ):
        assert (answer.status_code, answer.json["code"]) == (409, "member_erased")
    invited = program.client.put("/v1/members/ext:b/inviter", {"inviter_id": erased["id"]})
    assert (invited.status_code, invited.json["code"]) == (422, "inviter_not_found")
    assert len(ids) == 2


def test_the_external_id_and_the_identity_are_free_again(program: TestProgram) -> None:
    body = ANNA | {"external_id": "a"}
    first = program.client.post("/v1/members", body).json
    program.client.post("/v1/members/ext:a/erasure")
    second = program.client.post("/v1/members", body)
    assert second.status_code == 201
    assert second.json["id"] != first["id"]


def test_other_peoples_answers_are_kept(program: TestProgram) -> None:
    program.client.post("/v1/members", {"external_id": "a"}, headers={"Idempotency-Key": "a"})
    program.client.post("/v1/members", {"external_id": "b"}, headers={"Idempotency-Key": "b"})
    program.client.post("/v1/members/ext:a/erasure")
    run_jobs(program.id)
    gone = program.client.post("/v1/members", {"external_id": "a"}, headers={"Idempotency-Key": "a"})
    kept = program.client.post("/v1/members", {"external_id": "b"}, headers={"Idempotency-Key": "b"})
    assert (gone.status_code, gone.json["code"]) == (409, "idempotency_key_expired")
    assert (kept.status_code, kept.headers["Idempotent-Replayed"]) == (201, "true")


def test_forgetting_answers_delivered_twice_forgets_once(program: TestProgram) -> None:
    program.client.post("/v1/members", {"external_id": "a"}, headers={"Idempotency-Key": "a"})
    program.client.post("/v1/members/ext:a/erasure")
    (delivery,) = lease_jobs(program.id, "default")
    assert delivery.job == "members.forget_answers"
    deliver_now(delivery)
    program.client.post("/v1/members", {"external_id": "b"}, headers={"Idempotency-Key": "b"})
    deliver_now(delivery)
    again = program.client.post("/v1/members", {"external_id": "b"}, headers={"Idempotency-Key": "b"})
    assert again.headers["Idempotent-Replayed"] == "true"
    assert waiting_jobs(program.id) == []


def test_a_customer_named_by_an_order_is_erased_like_anybody(program: TestProgram) -> None:
    with transaction(program.id):
        customers_for(program.id, ["anna@shop.example"])
    assert program.client.post("/v1/members/ext:anna@shop.example/erasure").status_code == 200
    assert "anna" not in everything_stored(program)


def test_another_programs_member_is_not_there(program: TestProgram) -> None:
    other = make_program(program.app)
    shown = join(other.client, "a", name="Anna")
    for client, status in ((program.client, 404), (ApiClient(program.app, None), 401)):
        assert client.post(f"/v1/members/{shown['id']}/erasure").status_code == status
    assert other.client.get("/v1/members/ext:a").json["name"] == "Anna"


def test_erasure_waits_for_money_that_is_being_written(program: TestProgram) -> None:
    """Rows that point to the member are written before the erasure looks, or wait until it is over."""
    shown = join(program.client, "a")

    def erase() -> None:
        with transaction(program.id):
            execute("SET LOCAL lock_timeout = '300ms'")
            erasure.erase(program.id, id_in(shown))

    with transaction(program.id):
        execute(
            """INSERT INTO member_identities (program_id, id, member_id, kind, value_sealed, value_hash, created_at)
               VALUES (%(p)s, %(id)s, %(id)s, 'k', '', '', now())""",
            p=program.id, id=id_in(shown),
        )  # fmt: skip
        with pytest.raises(LockNotAvailable):
            together(program.app, erase)
