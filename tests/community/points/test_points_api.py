"""Members' points as the shop, staff and they themselves see them; adjustments by hand."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from core.clock import frozen_at
from tests.clients import TestProgram
from tests.community.points.desk import (
    an_award,
    assert_books,
    expire,
    give,
    lots_of,
    points_booked,
    take,
    told,
)
from tests.factories import member_ref, seed_members

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PATHS = ("/v1/members/ext:m-0/points", "/v1/members/ext:m-0/points/statement")


@pytest.fixture
def ada(program: TestProgram) -> UUID:
    return seed_members(program)[0]


@pytest.mark.parametrize("path", [*PATHS, "/v1/point-rules", "/v1/me/points", "/v1/rewards", "/v1/reward-redemptions"])
def test_anonymous_is_refused(program: TestProgram, path: str) -> None:
    assert program.anonymous.get(path).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_another_programs_member_is_not_found(program: TestProgram, other: TestProgram, path: str) -> None:
    seed_members(program)
    assert program.client.get(path).status_code == 200
    assert other.client.get(path).status_code == 404


def test_a_balance_shows_what_expires_soon_by_its_last_day(program: TestProgram, ada: UUID) -> None:
    give(
        program,
        an_award(ada, 5, "a", expires_on=date(2026, 3, 12)), an_award(ada, 7, "b", expires_on=date(2026, 3, 12)),
        an_award(ada, 11, "c", expires_on=date(2026, 4, 8)), an_award(ada, 13, "d", expires_on=date(2026, 4, 20)),
        an_award(ada, 17, "e"),
    )  # fmt: skip
    with frozen_at(NOON):
        shown = program.client.get(f"/v1/members/{member_ref(ada)}/points").json
        assert shown == program.member("ext:m-0").get("/v1/me/points").json
    assert shown == {
        "member_id": member_ref(ada), "balance": 53, "debt": 0,
        "expiring": [{"date": "2026-03-12", "amount": 12}, {"date": "2026-04-08", "amount": 11}],
    }  # fmt: skip


def test_what_is_due_is_no_longer_shown_though_the_job_is_late(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 5, "a", expires_on=date(2026, 3, 9)), an_award(ada, 7, "b"))
    with frozen_at(NOON):
        assert program.client.get("/v1/members/ext:m-0/points").json["balance"] == 7
        expire(program)
        assert program.client.get("/v1/members/ext:m-0/points").json["balance"] == 7
    assert points_booked(program, ada) == 7


def test_a_day_of_points_ends_in_the_programs_zone(program: TestProgram, ada: UUID) -> None:
    program.staff("owner").patch("/v1/program", {"timezone": "Asia/Shanghai"})
    give(program, an_award(ada, 5, "a", expires_on=date(2026, 3, 9)))
    with frozen_at(datetime(2026, 3, 9, 15, 59, 59, tzinfo=UTC)):
        expire(program)
        assert points_booked(program, ada) == 5
        assert program.client.get("/v1/members/ext:m-0/points").json["expiring"] == [
            {"date": "2026-03-09", "amount": 5}
        ]
    with frozen_at(datetime(2026, 3, 9, 16, tzinfo=UTC)):
        expire(program)
        assert points_booked(program, ada) == 0


def test_expiry_happens_once_and_is_told(program: TestProgram, ada: UUID) -> None:
    give(
        program, an_award(ada, 5, "a", expires_on=date(2026, 3, 9)), an_award(ada, 7, "b", expires_on=date(2026, 3, 9))
    )
    with frozen_at(NOON):
        expire(program)
        expire(program)
    assert lots_of(program, ada) == {"a": 0, "b": 0}
    assert sorted(event.facts["amount"] for event in told(program, ["points.expired"])) == [5, 7]  # type: ignore[type-var]
    assert_books(program)


def test_rules_say_how_long_points_last(program: TestProgram, ada: UUID) -> None:
    program.staff("owner").put("/v1/point-rules", {"expiry": {"days": 2}})
    give(program, an_award(ada, 5, "a"), an_award(ada, 7, "b", expires_on=date(2026, 3, 11)))
    with frozen_at(NOON):
        assert program.client.get("/v1/members/ext:m-0/points").json["expiring"] == [
            {"date": "2026-03-11", "amount": 7}, {"date": "2026-03-12", "amount": 5}
        ]  # fmt: skip


def test_a_statement_runs_back_from_now_with_the_balance_after_each_line(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 100, "a", expires_on=date(2026, 3, 9)))
    with frozen_at(NOON):
        expire(program)
    give(program, an_award(ada, 30, "b"))
    take(program, ("x", "b", 10))
    operator = program.staff("operator")
    operator.post(f"/v1/members/{member_ref(ada)}/point-adjustments", {"amount": 5, "reason": "sorry"})
    operator.post(f"/v1/members/{member_ref(ada)}/point-adjustments", {"amount": -7, "reason": "counted twice"})
    gift = operator.post("/v1/rewards", {"name": "A tin", "kind": "gift", "cost": 8}).json["id"]
    made = program.client.post(f"/v1/rewards/{gift}/redemptions", {"member_id": member_ref(ada)}).json
    lines, cursor = [], ""
    while cursor is not None:
        page = program.client.get(f"/v1/members/ext:m-0/points/statement?limit=3{cursor}").json
        lines += page["data"]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    shown = [(one["kind"], one["source"], one["amount"], one["balance"], one["reason"]) for one in lines]
    assert shown == [
        ("points.redeemed", None, -8, 10, None),
        ("points.adjusted", None, -7, 18, "counted twice"),
        ("points.earned", "adjustment", 5, 25, "sorry"),
        ("points.taken_back", "test", -10, 20, "a test"),
        ("points.earned", "test", 30, 30, "a test"),
        ("points.expired", "test", -100, 0, "a test"),
        ("points.earned", "test", 100, 100, "a test"),
    ]
    assert (lines[0]["redemption_id"], lines[0]["reward"]) == (made["id"], "A tin")
    assert program.member("ext:m-0").get("/v1/me/points/statement").json["data"] == lines
    assert program.client.get("/v1/members/ext:m-0/points/statement?cursor=x").status_code == 422
    assert_books(program)


def test_taking_by_hand_may_leave_a_debt(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 10, "a"))
    operator = program.staff("operator")
    made = operator.post("/v1/members/ext:m-0/point-adjustments", {"amount": -25, "reason": "cheated"})
    assert made.status_code == 201, made.text
    assert points_booked(program, ada) == -15
    give(program, an_award(ada, 20, "b"))
    assert lots_of(program, ada) == {"a": 0, "b": 5}
    assert_books(program)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"amount": 0, "reason": "x"}, "/amount"),
        ({"amount": 10_001, "reason": "x"}, "/amount"),
        ({"amount": -10_001, "reason": "x"}, "/amount"),
        ({"amount": 1}, "/reason"),
        ({"amount": 1, "reason": "x", "expires_on": "soon"}, "/expires_on"),
    ],
)
def test_wrong_adjustments_are_refused(program: TestProgram, ada: UUID, body: dict[str, object], pointer: str) -> None:
    answer = program.staff("operator").post("/v1/members/ext:m-0/point-adjustments", body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]


def test_who_may_adjust(program: TestProgram, other: TestProgram, ada: UUID) -> None:
    body = {"amount": 1, "reason": "x"}
    for caller in (program.client, program.staff("viewer"), program.staff("finance"), program.member("ext:m-0")):
        assert caller.post("/v1/members/ext:m-0/point-adjustments", body).status_code == 403
    assert other.staff("owner").post("/v1/members/ext:m-0/point-adjustments", body).status_code == 404
    assert points_booked(program, ada) == 0


def test_an_adjustment_is_audited_and_repeated_once(program: TestProgram, ada: UUID) -> None:
    owner = program.staff("owner")
    headers = {"Idempotency-Key": "k"}
    for _ in range(2):
        made = owner.post("/v1/members/ext:m-0/point-adjustments", {"amount": 9, "reason": "gift"}, headers=headers)
        assert made.status_code == 201
    assert points_booked(program, ada) == 9
    (event,) = [one for one in owner.get("/v1/audit-events").json["data"] if one["action"] == "points.adjust_points"]
    assert event["target"] == made.json["id"]


def test_movements_are_counted(program: TestProgram, ada: UUID) -> None:
    def earned() -> int:
        name = 'banyan_points_total{movement="earned"}'
        lines = program.anonymous.get("/metrics").text.splitlines()
        return sum(round(float(line.split()[-1])) for line in lines if line.startswith(name))

    before = earned()
    give(program, an_award(ada, 7, "a"))
    assert earned() == before + 7
