"""Plans over HTTP: published, immutable, shown as given; by owners only and each in its program."""

from typing import Any

import pytest

from commission.plans.schemas import PlanShape
from tests.clients import ApiClient, TestProgram

BODY: dict[str, Any] = {
    "name": "Spring 春",
    "effective_from": "2026-01-01T00:00:00+08:00",
    "levels": [{"rate_bps": 1000}, {"rate_bps": 0}],
    "cap_bps": 3000,
    "rules": [
        {"match": {"sku": ["a", "b"], "grade": "gold"}, "levels": [{"rate_bps": 0}, {"amount": 250}]},
        {"match": {"category": "service"}, "excluded": True},
        {"match": {"channel": "app"}, "levels": [{"amount": 0}]},
    ],
}


@pytest.fixture
def owner(program: TestProgram) -> ApiClient:
    return program.staff("owner")


def publish(owner: ApiClient, **changes: Any) -> dict[str, Any]:
    answer = owner.post("/v1/plans", BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json  # type: ignore[no-any-return]


def test_anonymous_is_refused(program: TestProgram) -> None:
    for path in ("/v1/plans", "/v1/plans/pln_00000000000000000000000000"):
        assert program.anonymous.get(path).status_code == 401
    assert program.anonymous.post("/v1/plans", BODY).status_code == 401


def test_owners_publish_and_everybody_but_members_reads(program: TestProgram, owner: ApiClient) -> None:
    plan = publish(owner)
    for role in ("viewer", "operator", "finance"):
        staff = program.staff(role)
        assert staff.post("/v1/plans", BODY).status_code == 403
        assert staff.post(f"/v1/plans/{plan['id']}/retire").status_code == 403
        assert staff.get(f"/v1/plans/{plan['id']}").json == plan
    assert program.client.post("/v1/plans", BODY).status_code == 403
    assert program.client.get("/v1/plans").json == {"data": [plan], "next_cursor": None}


def test_another_programs_plan_is_not_found(owner: ApiClient, other_program: TestProgram) -> None:
    plan = publish(owner)
    other = other_program.staff("owner")
    assert other.get(f"/v1/plans/{plan['id']}").status_code == 404
    assert other.post(f"/v1/plans/{plan['id']}/retire").status_code == 404
    assert other.get("/v1/plans").json["data"] == []  # type: ignore[index]
    assert owner.get(f"/v1/plans/{plan['id']}").json == plan
    for ref in ("pln_00000000000000000000000000", "pln_1", "ord_1", "ext:x"):
        assert owner.get(f"/v1/plans/{ref}").status_code == 404


def test_a_plan_is_shown_as_it_was_given(owner: ApiClient) -> None:
    plan = publish(owner)
    assert set(plan) == set(PlanShape().fields)
    assert plan["effective_from"] == "2025-12-31T16:00:00Z"
    assert [plan[name] for name in ("name", "levels", "cap_bps")] == [BODY[n] for n in ("name", "levels", "cap_bps")]
    assert plan["rules"] == [*BODY["rules"][:2], {"match": {"channel": "app"}, "levels": [{"rate_bps": 0}]}]
    assert plan["retired_at"] is None
    assert owner.get(f"/v1/plans/{plan['id']}").json == plan


def test_what_is_optional(owner: ApiClient) -> None:
    body = {name: BODY[name] for name in ("name", "effective_from", "levels")}
    answer = owner.post("/v1/plans", body)
    assert answer.status_code == 201
    assert [answer.json[name] for name in ("cap_bps", "rules", "warnings")] == [None, [], []]  # type: ignore[index]


def test_terms_beyond_the_caps_are_published_with_warnings(owner: ApiClient) -> None:
    plan = publish(owner, levels=[{"rate_bps": 2500}, {"rate_bps": 600}], rules=[])
    (warning,) = plan["warnings"]
    assert (warning["rate_bps"], warning["cap_bps"]) == (3100, 3000)
    assert publish(owner, levels=[{"rate_bps": 2500}, {"rate_bps": 500}], rules=[])["warnings"] == []


def test_more_levels_than_the_program_pays_can_be_published(owner: ApiClient) -> None:
    levels = [{"rate_bps": 100}] * 3
    plan = publish(owner, levels=levels, rules=[])
    assert plan["levels"] == levels
    assert ["3 levels" in one["detail"] for one in plan["warnings"]] == [True]


def test_lists_are_newest_first_in_pages(owner: ApiClient) -> None:
    plans = [publish(owner, name=f"p{number}") for number in range(3)]
    first = owner.get("/v1/plans?limit=2").json
    assert first is not None
    second = owner.get(f"/v1/plans?limit=2&cursor={first['next_cursor']}").json
    assert second is not None
    assert first["data"] + second["data"] == plans[::-1]
    assert second["next_cursor"] is None


def test_retiring_twice_changes_nothing_more(owner: ApiClient) -> None:
    plan = publish(owner)
    first, again = (owner.post(f"/v1/plans/{plan['id']}/retire") for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json == again.json
    assert first.json["retired_at"] is not None  # type: ignore[index]


def test_simulations_are_not_built_yet(owner: ApiClient) -> None:
    assert owner.post("/v1/plans/simulations", {}).status_code == 404


def test_plans_cannot_be_changed_or_deleted(owner: ApiClient) -> None:
    plan = publish(owner)
    for method in ("PATCH", "PUT", "DELETE"):
        assert owner.call(method, f"/v1/plans/{plan['id']}", BODY).status_code == 405


BAD: list[tuple[dict[str, Any], list[str]]] = [
    ({"levels": [{"rate_bps": 10_001}]}, ["/levels/0/rate_bps"]),
    ({"levels": [{"rate_bps": -1}]}, ["/levels/0/rate_bps"]),
    ({"levels": [{"rate_bps": 1.5}]}, ["/levels/0/rate_bps"]),
    ({"levels": [{"rate_bps": True}]}, ["/levels/0/rate_bps"]),
    ({"levels": [{"amount": 5}]}, ["/levels/0/amount", "/levels/0/rate_bps"]),
    ({"levels": [{"rate_bps": 1}] * 11}, ["/levels"]),
    ({"levels": None}, ["/levels"]),
    ({"cap_bps": 10_001}, ["/cap_bps"]),
    ({"effective_from": "2026-01-01T00:00:00"}, ["/effective_from"]),
    ({"name": ""}, ["/name"]),
    ({"colour": "red"}, ["/colour"]),
    ({"rules": [{"match": {}, "levels": [{"rate_bps": 1}]}]}, ["/rules/0/match"]),
    ({"rules": [{"match": {"sku": []}, "levels": [{"rate_bps": 1}]}]}, ["/rules/0/match/sku"]),
    ({"rules": [{"match": {"sku": [5]}, "levels": [{"rate_bps": 1}]}]}, ["/rules/0/match/sku"]),
    ({"rules": [{"match": {"brand": "b"}, "levels": [{"rate_bps": 1}]}]}, ["/rules/0/match/brand"]),
    ({"rules": [{"match": {"sku": "a"}}]}, ["/rules/0"]),
    ({"rules": [{"match": {"sku": "a"}, "excluded": False}]}, ["/rules/0"]),
    ({"rules": [{"match": {"sku": "a"}, "excluded": True, "levels": [{"rate_bps": 1}]}]}, ["/rules/0"]),
    ({"rules": [{"match": {"sku": "a"}, "levels": []}]}, ["/rules/0/levels"]),
    ({"rules": [{"match": {"sku": "a"}, "levels": [{}]}]}, ["/rules/0/levels/0"]),
    ({"rules": [{"match": {"sku": "a"}, "levels": [{"rate_bps": 1, "amount": 1}]}]}, ["/rules/0/levels/0"]),
    ({"rules": [{"match": {"sku": "a"}, "levels": [{"amount": 2**70}]}]}, ["/rules/0/levels/0/amount"]),
]


def test_bad_terms_are_refused_where_they_are(owner: ApiClient) -> None:
    for change, where in BAD:
        answer = owner.post("/v1/plans", BODY | change)
        assert answer.status_code == 422, change
        assert sorted(fault["pointer"] for fault in answer.json["errors"]) == where, change  # type: ignore[index]
    assert owner.get("/v1/plans").json["data"] == []  # type: ignore[index]


def test_what_a_plan_cannot_be_without(owner: ApiClient) -> None:
    for missing in ("name", "effective_from", "levels"):
        answer = owner.post("/v1/plans", {name: value for name, value in BODY.items() if name != missing})
        assert answer.status_code == 422
        assert [fault["pointer"] for fault in answer.json["errors"]] == [f"/{missing}"]  # type: ignore[index]


def test_thousands_of_rules_are_a_plan(owner: ApiClient) -> None:
    rules = [{"match": {"sku": f"s{number}"}, "levels": [{"rate_bps": number % 100}]} for number in range(5_000)]
    assert len(publish(owner, rules=rules)["rules"]) == 5_000
    assert owner.post("/v1/plans", BODY | {"rules": rules * 2}).status_code == 422


def test_publishing_is_audited(owner: ApiClient) -> None:
    plan = publish(owner)
    events = owner.get("/v1/audit-events").json
    assert ("plans.publish_plan", plan["id"]) in [(one["action"], one["target"]) for one in events["data"]]  # type: ignore[index]
