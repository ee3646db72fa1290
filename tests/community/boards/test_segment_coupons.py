"""Coupons for segments: each member at most one a grant, within the coupon's limits, whatever is repeated or killed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from community.boards import grants
from core.db import scalar, transaction
from core.ids import parse_public_id
from tests.clients import ApiClient, TestProgram, make_program
from tests.community.notices.stage import Stage
from tests.coupons.vouchers.offering import make_coupon
from tests.factories import seed_members, set_member
from tests.jobs import deliver_now, lease_jobs, run_jobs


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


@pytest.fixture
def path(operator: ApiClient) -> str:
    """The coupons of a segment of everybody."""
    return f"/v1/segments/{operator.post('/v1/segments', {'name': 'All', 'terms': {}}).json['id']}/coupons"  # type: ignore[index]


def give(operator: ApiClient, path: str, coupon: dict[str, Any], status: int = 202) -> Any:
    answer = operator.post(path, {"coupon_id": coupon["id"]})
    assert answer.status_code == status, answer.text
    return answer.json


def held(program: TestProgram) -> tuple[int, int]:
    """Codes that customers have, and how many customers have any."""
    with transaction(program.id, read_only=True):
        counts = [
            scalar("SELECT count(*) FROM coupon_codes WHERE program_id = %(p)s AND kind = 'claimed'", p=program.id),
            scalar("SELECT count(DISTINCT customer_id) FROM coupon_codes WHERE program_id = %(p)s", p=program.id),
        ]
    return counts[0], counts[1]


def test_each_active_member_gets_one(program: TestProgram, operator: ApiClient, path: str) -> None:
    members = seed_members(program, 5)
    set_member(program, members[2], status="suspended")
    begun = give(operator, path, make_coupon(operator))
    assert (begun["status"], begun["granted"], begun["refused"], begun["completed_at"]) == ("running", 0, [], None)
    run_jobs(program.id)
    done = program.client.get(f"{path}/{begun['id']}").json
    assert (done["status"], done["granted"], done["refused"]) == ("completed", 4, [])  # type: ignore[index]
    assert done["completed_at"] is not None  # type: ignore[index]
    assert program.client.get(path).json["data"] == [done]  # type: ignore[index]
    assert held(program) == (4, 4)


def test_no_more_than_there_are(
    program: TestProgram, operator: ApiClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants.grant_chunk, "__defaults__", (2,))
    seed_members(program, 9)
    begun = give(operator, path, make_coupon(operator, total_quantity=3))
    run_jobs(program.id)
    done = operator.get(f"{path}/{begun['id']}").json
    assert (done["status"], done["granted"]) == ("completed", 3)  # type: ignore[index]
    assert done["refused"] == [{"reason": "sold_out", "count": 1}]  # type: ignore[index]
    assert held(program) == (3, 3)


def test_nobody_gets_more_than_one_may_have(program: TestProgram, operator: ApiClient, path: str) -> None:
    seed_members(program, 3)
    coupon = make_coupon(operator, per_customer_limit=1)
    give(operator, path, coupon)
    run_jobs(program.id)
    again = give(operator, path, coupon)
    run_jobs(program.id)
    done = operator.get(f"{path}/{again['id']}").json
    assert (done["granted"], done["refused"]) == (0, [{"reason": "limit_reached", "count": 3}])  # type: ignore[index]
    assert held(program) == (3, 3)


def test_asked_twice_delivered_at_once_and_killed_between_chunks(
    app: Flask, program: TestProgram, operator: ApiClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants.grant_chunk, "__defaults__", (3,))
    seed_members(program, 10)
    coupon = make_coupon(operator)
    begun = give(operator, path, coupon)
    assert give(operator, path, coupon, 200) == begun
    grant_id = UUID(str(parse_public_id("sgr", begun["id"])))

    def chunk(_: int) -> None:
        with app.app_context(), transaction(program.id):
            grants.grant_chunk(program.id, grant_id, None)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(chunk, range(4)))
    assert held(program) == (3, 3)
    for one in lease_jobs(program.id, "default", most=1):  # the first again, as after a worker was lost
        deliver_now(one)
        deliver_now(one)
    run_jobs(program.id)
    assert operator.get(f"{path}/{begun['id']}").json["granted"] == 10  # type: ignore[index]
    assert held(program) == (10, 10)


def test_a_coupon_that_ends_on_the_way_ends_the_grant(program: TestProgram, operator: ApiClient, path: str) -> None:
    seed_members(program, 2)
    coupon = make_coupon(operator)
    begun = give(operator, path, coupon)
    assert operator.patch(f"/v1/coupons/{coupon['id']}", {"status": "ended"}).status_code == 200
    run_jobs(program.id)
    done = operator.get(f"{path}/{begun['id']}").json
    assert (done["status"], done["refused"]) == ("completed", [{"reason": "ended", "count": 2}])  # type: ignore[index]
    refused = operator.post(path, {"coupon_id": coupon["id"]})
    assert (refused.status_code, refused.json["code"]) == (409, "ended")  # type: ignore[index]


def test_who_may_and_what_must_exist(app: Flask, program: TestProgram, operator: ApiClient, path: str) -> None:
    coupon = make_coupon(operator)
    body = {"coupon_id": coupon["id"]}
    begun = give(operator, path, coupon)
    assert [program.anonymous.post(path, body).status_code, program.anonymous.get(path).status_code] == [401, 401]
    assert program.client.post(path, body).status_code == 403
    other = make_program(app)
    theirs = other.staff("operator")
    assert theirs.post(path, body).status_code == 404
    assert [theirs.get(path).status_code, theirs.get(f"{path}/{begun['id']}").status_code] == [404, 404]
    unknown = make_coupon(theirs)["id"]
    assert operator.post(path, {"coupon_id": unknown}).status_code == 422
    assert operator.post(path, {}).status_code == 422
    assert operator.get(f"{path}/sgr_x").status_code == 404


@pytest.mark.parametrize(
    ("language", "text"), [("en", "You have been given coupon Spring."), ("zh", "你获得了优惠券 Spring。")]
)
def test_members_hear_of_theirs(program: TestProgram, language: str, text: str) -> None:
    stage = Stage(program)
    for name in ("ada", "bo"):
        stage.member(name)
        settings = program.member(f"ext:{name}").put("/v1/me/notice-settings", {"language": language})
        assert settings.status_code == 200, settings.text
    stage.group("chat", "coupon")
    segment = stage.operator.post("/v1/segments", {"name": "All", "terms": {}}).json
    coupon = make_coupon(stage.operator, name="Spring")
    give(stage.operator, f"/v1/segments/{segment['id']}/coupons", coupon)  # type: ignore[index]
    run_jobs(program.id)
    stage.tell()
    assert [[one for one in stage.heard(name) if "Spring" in one] for name in ("ada", "bo")] == [[text], [text]]
    assert stage.texts("chat") == ["New coupon: Spring."]
