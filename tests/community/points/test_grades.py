"""Grades by the points of a year: up and down, and never a grade that somebody else gave."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from community.points import grades
from core.clock import frozen_at
from core.db import transaction
from core.ids import public_id
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from referral.members.service import GradeChange, change_grades, erase, members_of
from tests.clients import TestProgram
from tests.community.points.desk import MORNING, an_award, come_to_rest, give, take, told
from tests.factories import seed_members, set_member
from tests.jobs import run_jobs

LADDER = [{"grade": "gold", "points": 500}, {"grade": "silver", "points": 100}]


@pytest.fixture
def ada(program: TestProgram) -> UUID:
    """A member of a program with two grades; the clock stands at the day of the awards."""
    set_ladder(program, LADDER)
    return seed_members(program)[0]


@pytest.fixture(autouse=True)
def clock() -> Any:
    with frozen_at(datetime(2026, 3, 10, 12, tzinfo=UTC)):
        yield


def set_ladder(program: TestProgram, ladder: list[dict[str, Any]]) -> None:
    answer = program.staff("operator").put("/v1/point-rules", {"grades": ladder})
    assert answer.status_code == 200, answer.text
    assert answer.json["grades"] == ladder  # type: ignore[index]


def grade_of(program: TestProgram, member: UUID) -> str:
    come_to_rest(program)
    with transaction(program.id, read_only=True):
        return members_of(program.id, [member])[member].grade


def test_points_lift_a_member_and_their_loss_lowers_him(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 99, "a"))
    assert grade_of(program, ada) == "standard"
    give(program, an_award(ada, 401, "b"))
    assert grade_of(program, ada) == "gold"
    take(program, ("refund", "b", 1))
    assert grade_of(program, ada) == "silver"
    take(program, ("rest", "b", 400))
    assert grade_of(program, ada) == "standard"
    changes = [(one.facts["grade_before"], one.facts["grade"]) for one in told(program, ["grade.changed"])]
    assert changes == [("standard", "gold"), ("gold", "silver"), ("silver", "standard")]


def test_spending_does_not_lower_a_grade(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 100, "a"))
    reward = program.staff("operator").post("/v1/rewards", {"name": "Tin", "kind": "gift", "cost": 100}).json["id"]
    assert program.member("ext:m-0").post("/v1/me/reward-redemptions", {"reward_id": reward}).status_code == 201
    assert grade_of(program, ada) == "silver"


def test_points_older_than_a_year_do_not_count(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 100, "a"))
    assert grade_of(program, ada) == "silver"
    for day, grade in ((364, "silver"), (366, "standard")):
        with frozen_at(MORNING + timedelta(days=day)):
            publish_where_due(program.id, [SCHEDULES[grades.SWEEP]])
            run_jobs(program.id)
            assert grade_of(program, ada) == grade


def test_other_rules_grade_everybody_anew_chunk_by_chunk(
    program: TestProgram, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grades, "CHUNK", 2)
    others = seed_members(program, 4, prefix="n")
    give(program, *[an_award(one, 200, f"k{n}") for n, one in enumerate([ada, *others])])
    assert {grade_of(program, one) for one in [ada, *others]} == {"silver"}
    set_ladder(program, [{"grade": "bronze", "points": 150}])
    assert run_jobs(program.id).count(grades.SWEEP) == 3
    assert {grade_of(program, one) for one in [ada, *others]} == {"bronze"}
    set_ladder(program, [])
    give(program, an_award(ada, 9000, "much"))
    assert grade_of(program, ada) == "bronze"


def test_a_grade_that_no_rules_name_stays(program: TestProgram, ada: UUID) -> None:
    set_member(program, ada, grade="partner")
    give(program, an_award(ada, 700, "a"))
    assert grade_of(program, ada) == "partner"


def test_a_grade_is_set_only_from_the_grade_that_was_judged(program: TestProgram, ada: UUID) -> None:
    (gone,) = seed_members(program, prefix="gone")
    with transaction(program.id):
        erase(program.id, gone)
    with transaction(program.id):
        made = change_grades(program.id, [GradeChange(ada, "silver", "gold"), GradeChange(gone, "standard", "gold")])
    assert made == []
    assert grade_of(program, ada) == "standard"


def test_a_member_sees_what_the_next_grade_takes(program: TestProgram, ada: UUID) -> None:
    me = program.member("ext:m-0")
    give(program, an_award(ada, 120, "a"))
    assert grade_of(program, ada) == "silver"
    assert me.get("/v1/me/grade").json == {
        "grade": "silver", "points": 120, "next": {"grade": "gold", "points": 500}
    }  # fmt: skip
    set_ladder(program, [])
    assert me.get("/v1/me/grade").json == {"grade": "silver", "points": 120, "next": None}


@pytest.mark.parametrize(
    "ladder",
    [
        [{"grade": "gold", "points": 1}, {"grade": "gold", "points": 2}],
        [{"grade": "gold", "points": 1}, {"grade": "silver", "points": 1}],
        [{"grade": "standard", "points": 1}],
    ],
)
def test_ladders_that_say_two_things_are_refused(program: TestProgram, ladder: list[dict[str, Any]]) -> None:
    answer = program.staff("operator").put("/v1/point-rules", {"grades": ladder})
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/grades"]


def test_grades_are_told_by_public_ids(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 100, "a"))
    assert grade_of(program, ada) == "silver"
    (event,) = program.client.get("/v1/events?types=grade.changed").json["data"]
    assert event["facts"] == {"member_id": public_id("mem", ada), "grade_before": "standard", "grade": "silver"}
