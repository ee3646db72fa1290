"""What a member sees: himself whole, others masked."""

from datetime import timedelta

import pytest

from core.clock import frozen_at, now
from core.db import transaction
from core.ids import public_id
from referral.tree.service import OrderDelta, count_orders
from tests.clients import TestProgram, make_program
from tests.referral.growing import fold, id_in, join, join_all


def test_a_member_sees_himself_as_he_is_registered(program: TestProgram) -> None:
    shown = join(program.client, "a", name="Anna", phone="+44 20 7946 0958")
    assert program.member("ext:a").get("/v1/me").json == shown


def test_his_team_is_told_as_to_the_staff(program: TestProgram) -> None:
    join_all(program.client, {"a": None, "b": "a", "c": "b"})
    fold(program)
    assert program.member("ext:a").get("/v1/me/team").json == program.client.get("/v1/members/ext:a/team").json


def test_his_downline_is_masked(program: TestProgram) -> None:
    join(program.client, "a", name="Anna")
    join(program.client, "secret-b", "a", name="Bob Builder", phone="+44 20 7946 0958", attributes={"x": "private"})
    join(program.client, "secret-c", "secret-b", name="张三", avatar_url="https://img.example/c.png")
    answer = program.member("ext:a").get("/v1/me/downline")
    rows = answer.json["data"]
    assert [(row["level"], row["member"]["name"]) for row in rows] == [(1, "B**"), (2, "张**")]
    assert set(rows[0]["member"]) == {"id", "name", "grade", "joined_at"}
    for private in ("secret", "Builder", "0958", "private", "example"):
        assert private not in answer.text
    assert [row["level"] for row in program.member("ext:a").get("/v1/me/downline?level=2").json["data"]] == [2]


def test_his_customers_are_those_he_invited_who_ordered(program: TestProgram) -> None:
    ids = join_all(program.client, {"a": None, "b": "a", "c": "a", "d": "a", "e": "b"})
    at = now()
    with transaction(program.id):
        deltas = [OrderDelta(ids["b"], 2, 500, at), OrderDelta(ids["d"], 1, 5, at), OrderDelta(ids["e"], 1, 5, at)]
        count_orders(program.id, deltas)
    fold(program)
    own = program.member("ext:a")
    rows = own.get("/v1/me/customers").json["data"]
    assert [(id_in(row["member"]), row["order_count"]) for row in rows] == [(ids["d"], 1), (ids["b"], 2)]
    first = own.get("/v1/me/customers?limit=1").json
    rest = own.get(f"/v1/me/customers?limit=1&cursor={first['next_cursor']}").json
    assert [id_in(row["member"]) for row in first["data"] + rest["data"]] == [ids["d"], ids["b"]]
    assert rest["next_cursor"] is None


def test_a_member_sees_nobody_above_or_beside_him(program: TestProgram) -> None:
    join_all(program.client, {"a": None, "b": "a", "c": "a"})
    assert program.member("ext:b").get("/v1/me/downline").json["data"] == []
    assert program.member("ext:b").get("/v1/members/ext:a").status_code == 403


@pytest.mark.parametrize("path", ["/v1/me", "/v1/me/team", "/v1/me/downline", "/v1/me/customers"])
def test_only_a_member_has_a_me(program: TestProgram, path: str) -> None:
    assert program.anonymous.get(path).status_code == 401
    assert program.client.get(path).status_code == 403
    assert program.staff("owner").get(path).status_code == 403


def test_tokens_are_given_to_the_shops_key_for_its_own_members(program: TestProgram) -> None:
    shown = join(program.client, "a")
    answer = program.client.post(f"/v1/members/{shown['id']}/tokens")
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "expires_in", "refresh_token"}
    assert answer.json["expires_in"] == 3600
    assert program.client.post("/v1/members/ext:a/tokens", {}).status_code == 200
    assert program.staff("owner").post("/v1/members/ext:a/tokens").status_code == 403
    assert make_program(program.app).client.post(f"/v1/members/{shown['id']}/tokens").status_code == 404
    assert program.client.post(f"/v1/members/{public_id('mem', program.id)}/tokens").status_code == 404


def test_a_token_ends_after_an_hour_and_is_renewed_once(program: TestProgram) -> None:
    join(program.client, "a")
    given = program.client.post("/v1/members/ext:a/tokens").json
    own = program.client_with(given["access_token"])
    with frozen_at(now() + timedelta(hours=1, seconds=1)):
        assert own.get("/v1/me").status_code == 401
        renewed = program.anonymous.post("/v1/auth/refresh", {"refresh_token": given["refresh_token"]})
        assert program.client_with(renewed.json["access_token"]).get("/v1/me").status_code == 200
        again = program.anonymous.post("/v1/auth/refresh", {"refresh_token": given["refresh_token"]})
        assert again.status_code == 401


def test_a_suspended_member_still_sees_what_is_his(program: TestProgram) -> None:
    join(program.client, "a")
    own = program.member("ext:a")
    program.client.patch("/v1/members/ext:a", {"status": "suspended"})
    assert own.get("/v1/me").json["status"] == "suspended"
