"""Where a packet's sum comes from: an activity's approved budget, points that are issued, or a second person."""

from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any

from flask import Flask

from commission.ledger.service import POINTS, balances_of
from community.activities.budgets import lock_budgets
from core.clock import frozen_at, now
from core.db import transaction
from core.ids import new_id, parse_public_id, public_id
from tests.clients import TestProgram
from tests.community.red_packets.giving import (
    Giving,
    accounts,
    advance,
    assert_sound,
    audit,
    ledger_count,
    shares_of,
    until_somebody_waits,
)
from tests.factories import member_ref
from tests.jobs import run_jobs
from tests.threads import together

DAY = timedelta(hours=25)


def an_activity(giving: Giving, amount: int, *, currency: str = "GBP", approved: bool = True) -> dict[str, Any]:
    """An activity that gives nothing away but by packets."""
    body = {
        "kind": "topic", "name": "Spring", "starts_at": (now() - timedelta(minutes=1)).isoformat(),
        "ends_at": (now() + timedelta(days=3)).isoformat(), "budget": {"currency": currency, "amount": amount},
        "texts": {"en": {"title": "Spring"}},
    }  # fmt: skip
    made = giving.operator.post("/v1/activities", body)
    assert made.status_code == 201, made.text
    if approved and currency != "PTS":
        answer = giving.finance.post(f"/v1/activities/{made.json['id']}/budget-approval")  # type: ignore[index]
        assert answer.status_code == 200, answer.text
    return made.json  # type: ignore[return-value]


def left_of(giving: Giving, activity: dict[str, Any]) -> int:
    found: dict[str, Any] = giving.program.client.get(f"/v1/activities/{activity['id']}").json
    return int(found["budget"]["left"])


def test_an_approved_budget_pays_at_once_and_gets_the_rest_back(giving: Giving) -> None:
    activity = an_activity(giving, 1500)
    packet = giving.draft(activity_id=activity["id"], split="equal")
    assert (packet["status"], packet["funded_from"], packet["approved_by"]) == ("open", "activity_budget", None)
    assert accounts(giving.program) == (1000, -1500, 500)
    assert left_of(giving, activity) == 500
    giving.claim(packet, giving.members[0])
    with frozen_at(now() + DAY):
        for _ in range(2):
            advance(giving.program)
    assert accounts(giving.program) == (0, -1500, 1166)
    assert left_of(giving, activity) == 1166
    assert_sound(giving.program)


def test_a_budget_that_is_too_small_pays_nothing(giving: Giving) -> None:
    activity = an_activity(giving, 999)
    refused = giving.operator.post("/v1/red-packets", giving.body(activity_id=activity["id"]))
    assert (refused.status_code, refused.json["code"]) == (409, "budget_exhausted")
    assert giving.program.client.get("/v1/red-packets").json["data"] == []
    assert left_of(giving, activity) == 999
    assert accounts(giving.program) == (0, -999, 999)


def test_a_budget_that_nobody_approved_pays_nothing(giving: Giving) -> None:
    activity = an_activity(giving, 5000, approved=False)
    for wrong in (activity["id"], public_id("act", new_id())):
        refused = giving.operator.post("/v1/red-packets", giving.body(activity_id=wrong))
        assert (refused.status_code, refused.json["code"]) == (409, "no_budget")
    points = giving.operator.post("/v1/red-packets", giving.body(activity_id=activity["id"], currency="PTS"))
    assert points.json["code"] == "no_budget"
    assert accounts(giving.program) == (0, 0, 0)


def test_packets_that_are_made_at_once_do_not_overdraw_a_budget(app: Flask, giving: Giving) -> None:
    activity = an_activity(giving, 3500)
    desks = [giving.program.staff("operator") for _ in range(6)]
    body = giving.body(activity_id=activity["id"])
    answers = together(app, *[partial(desk.post, "/v1/red-packets", body) for desk in desks])
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 409, 409, 409]
    assert accounts(giving.program) == (3000, -3500, 500)
    assert left_of(giving, activity) == 500
    assert_sound(giving.program)


def test_what_returns_after_the_activity_has_closed_goes_where_its_rest_went(giving: Giving) -> None:
    activity = an_activity(giving, 1500)
    giving.draft(activity_id=activity["id"])
    assert giving.operator.post(f"/v1/activities/{activity['id']}/cancel", {}).status_code == 200
    run_jobs(giving.program.id)
    assert accounts(giving.program) == (1000, -1000, 0)
    with frozen_at(now() + DAY):
        advance(giving.program)
    assert accounts(giving.program) == (0, 0, 0)
    assert_sound(giving.program)


def points_of(giving: Giving, number: int) -> int:
    member = giving.members[number]
    with transaction(giving.program.id, read_only=True):
        return balances_of(giving.program.id, [member], POINTS)[member].available


def test_an_expiry_and_rewards_of_the_same_activities_do_not_deadlock(app: Flask, giving: Giving) -> None:
    """Rewards lock budgets in the order of activities, whatever the order of the packets is."""
    first, second = an_activity(giving, 1500), an_activity(giving, 1500)
    for activity in (second, first):
        giving.packet(activity_id=activity["id"], split="equal")
    budgets = [parse_public_id("act", activity["id"]) for activity in (first, second)]
    program, held, waits = giving.program, Event(), Event()

    def gives_rewards() -> str:
        with transaction(program.id):
            lock_budgets(program.id, [one for one in budgets[:1] if one])
            held.set()
            assert waits.wait(10)
            lock_budgets(program.id, [one for one in budgets[1:] if one])
        return "given"

    def expires() -> str:
        assert held.wait(10)
        advance(program)
        return "returned"

    def looks_on() -> str:
        assert held.wait(10)
        until_somebody_waits()
        waits.set()
        return "seen"

    with frozen_at(now() + DAY):
        assert together(app, gives_rewards, expires, looks_on) == ["given", "returned", "seen"]
    assert [left_of(giving, activity) for activity in (first, second)] == [1500, 1500]
    assert accounts(program) == (0, -3000, 3000)
    assert_sound(program)


def test_points_are_issued_when_they_are_claimed(giving: Giving) -> None:
    packet = giving.draft(currency="PTS", split="equal")
    assert (packet["status"], packet["funded_from"]) == ("open", "points")
    answer = giving.claim(packet, giving.members[0])
    assert (answer.status_code, answer.json["currency"], answer.json["amount"]) == (201, "PTS", 334)
    assert giving.claim(packet, giving.members[0]).status_code == 200
    assert points_of(giving, 0) == 334
    assert giving.available(giving.members[0]) == 0  # no money
    assert accounts(giving.program) == (0, 0, 0)
    with frozen_at(now() + DAY):
        advance(giving.program)
        assert giving.shown(packet)["returned"] == 666
    assert ledger_count(giving.program, "red_packet.claimed") == 0
    assert ledger_count(giving.program, "points.earned") == 1
    assert_sound(giving.program)


def test_points_of_an_activitys_budget_are_taken_from_it_and_return(giving: Giving) -> None:
    activity = an_activity(giving, 1200, currency="PTS")
    packet = giving.draft(activity_id=activity["id"], currency="PTS", split="equal")
    assert left_of(giving, activity) == 200
    giving.claim(packet, giving.members[0])
    with frozen_at(now() + DAY):
        advance(giving.program)
    assert left_of(giving, activity) == 866
    assert points_of(giving, 0) == 334
    assert audit(giving.program)["ok"]


def test_points_in_many_threads_are_as_exact_as_money(wide_app: Flask, program: TestProgram) -> None:
    giving = Giving(program, 60)
    packet = giving.draft(currency="PTS", count=50, total=5000)

    def client(number: int) -> list[int]:
        api = program.client_with(program.api_key)
        path = f"/v1/red-packets/{packet['id']}/claims"
        mine = giving.members[number::12]
        return [api.post(path, {"member_id": member_ref(member)}).status_code for member in mine]

    statuses = [one for found in together(wide_app, *[partial(client, n) for n in range(12)]) for one in found]
    assert sorted(statuses) == [201] * 50 + [409] * 10
    assert shares_of(program, packet) == (0, 50, 0, 5000)
    with transaction(program.id, read_only=True):
        held = balances_of(program.id, giving.members, POINTS)
    assert sum(one.available for one in held.values()) == 5000
    assert_sound(program)
