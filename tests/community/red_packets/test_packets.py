"""Red packets as they are made, approved and shown, and who may do that."""

from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from flask import Flask

from core.clock import frozen_at, now
from core.db import execute, transaction
from core.ids import public_id
from tests.clients import TestProgram
from tests.community.red_packets.giving import (
    Giving,
    accounts,
    assert_sound,
    id_of,
    ledger_count,
    seed_group,
    shares_of,
    told,
)
from tests.coupons.vouchers.offering import pointers
from tests.factories import member_ref
from tests.threads import together

PACKET = "/v1/red-packets/rpk_01kbt1wz00fcyry88y1p63pagn"
CALLS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/red-packets", {}),
    ("GET", "/v1/red-packets", None),
    ("GET", PACKET, None),
    ("GET", f"{PACKET}/claims", None),
    ("POST", f"{PACKET}/claims", {"member_external_id": "m-0"}),
    ("POST", f"{PACKET}/approve", None),
    ("POST", "/v1/me/red-packet-claims", {"red_packet_id": PACKET.rpartition("/")[2]}),
    ("GET", "/v1/me/red-packet-claims", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_anonymous_is_refused(program: TestProgram, method: str, path: str, body: Any) -> None:
    assert program.anonymous.call(method, path, body).status_code == 401


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("finance", 403), ("operator", 201), ("owner", 201)])
def test_who_may_make_a_packet(giving: Giving, role: str, status: int) -> None:
    assert giving.program.staff(role).post("/v1/red-packets", giving.body()).status_code == status


def test_the_shops_key_makes_no_packets_and_approves_none(giving: Giving) -> None:
    assert giving.program.client.post("/v1/red-packets", giving.body()).status_code == 403
    assert giving.program.client.post(f"/v1/red-packets/{giving.draft()['id']}/approve").status_code == 403


def test_another_programs_packet_is_not_found(giving: Giving, other_program: TestProgram) -> None:
    packet, theirs = giving.packet(), Giving(other_program)
    path = f"/v1/red-packets/{packet['id']}"
    assert other_program.client.get(path).status_code == 404
    assert other_program.client.get(f"{path}/claims").status_code == 404
    assert theirs.finance.post(f"{path}/approve").status_code == 404
    assert theirs.claim(packet, theirs.members[0]).status_code == 404
    mine = other_program.member(member_ref(theirs.members[0]))
    assert mine.post("/v1/me/red-packet-claims", {"red_packet_id": packet["id"]}).status_code == 404
    assert other_program.client.get("/v1/red-packets").json["data"] == []
    assert pointers(theirs.operator.post("/v1/red-packets", giving.body())) == ["/group_id"]


def test_money_waits_for_a_second_person_and_is_set_aside_once(giving: Giving) -> None:
    made = giving.draft(greeting="恭喜发财")
    assert (made["status"], made["funded_from"], made["left"]) == ("draft", None, {"count": 0, "amount": 0})
    assert accounts(giving.program) == (0, 0, 0)
    assert giving.claim(made, giving.members[0]).json["code"] == "not_open"
    shown = giving.approved(made)
    assert (shown["status"], shown["funded_from"]) == ("open", "campaign_expense")
    assert (shown["left"], shown["taken"]) == ({"count": 3, "amount": 1000}, {"count": 0, "amount": 0})
    assert (shown["greeting"], shown["approved_at"] is not None) == ("恭喜发财", True)
    assert accounts(giving.program) == (1000, -1000, 0)
    again = giving.finance.post(f"/v1/red-packets/{made['id']}/approve")
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")
    assert accounts(giving.program) == (1000, -1000, 0)
    assert_sound(giving.program)


def test_nobody_approves_what_he_made_an_owner_neither(giving: Giving) -> None:
    owner = giving.program.staff("owner")
    made = owner.post("/v1/red-packets", giving.body()).json
    answer = owner.post(f"/v1/red-packets/{made['id']}/approve")
    assert (answer.status_code, answer.json["code"]) == (403, "same_person")
    assert giving.operator.post(f"/v1/red-packets/{made['id']}/approve").status_code == 403
    assert accounts(giving.program) == (0, 0, 0)


def test_the_database_holds_that_two_people_let_money_go(giving: Giving) -> None:
    made = giving.draft()
    alone = (
        "UPDATE red_packets SET status = 'open', funded_from = 'campaign_expense', approved_by = {} WHERE id = %(id)s"
    )
    for approver in ("NULL", "created_by"):
        statement = alone.format(f"{approver}, approved_at = " + ("NULL" if approver == "NULL" else "created_at"))
        with pytest.raises(psycopg.errors.CheckViolation), transaction(giving.program.id):
            execute(statement, id=id_of(made))  # type: ignore[arg-type]


def test_two_who_approve_at_once_fund_it_once(app: Flask, giving: Giving) -> None:
    made = giving.draft()
    desks = [giving.program.staff("finance") for _ in range(4)]
    path = f"/v1/red-packets/{made['id']}/approve"
    answers = together(app, *[partial(desk.post, path) for desk in desks])
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert accounts(giving.program) == (1000, -1000, 0)
    assert shares_of(giving.program, made)[:2] == (3, 0)
    assert ledger_count(giving.program, "red_packet.funded") == 1


def test_the_same_external_id_is_the_same_packet(giving: Giving) -> None:
    made = giving.draft(external_id="spring")
    again = giving.operator.post("/v1/red-packets", giving.body(external_id="spring"))
    assert (again.status_code, again.json) == (200, made)
    other = giving.operator.post("/v1/red-packets", giving.body(external_id="spring", total=999))
    assert (other.status_code, other.json["code"]) == (409, "already_exists")
    assert giving.program.client.get("/v1/red-packets/ext:spring").json["id"] == made["id"]
    assert giving.finance.post("/v1/red-packets/ext:spring/approve").status_code == 200


def test_the_programs_own_currency_named_is_the_same_as_none(giving: Giving) -> None:
    made = giving.draft(external_id="spring")
    again = giving.operator.post("/v1/red-packets", giving.body(external_id="spring", currency="GBP"))
    assert (again.status_code, again.json) == (200, made)
    points = giving.operator.post("/v1/red-packets", giving.body(external_id="spring", currency="PTS"))
    assert (points.status_code, points.json["code"]) == (409, "already_exists")


def test_an_external_id_that_is_used_at_once_makes_one_packet(app: Flask, giving: Giving) -> None:
    body = giving.body(external_id="once", currency="PTS")
    answers = together(app, *[partial(giving.operator.post, "/v1/red-packets", body)] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json["id"] for answer in answers}) == 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"total": 2}, "/total"),
        ({"total": 0}, "/total"),
        ({"count": 0}, "/count"),
        ({"count": 10_001, "total": 20_000}, "/count"),
        ({"currency": "USD"}, "/currency"),
        ({"split": "fair"}, "/split"),
        ({"max_share": 333}, "/max_share"),  # three of them are not 1000
        ({"max_share": 400, "split": "equal"}, "/max_share"),
        ({"group_id": "grp_01kbt1wz00fcyry88y1p63pagn"}, "/group_id"),
        ({"greeting": "x" * 101}, "/greeting"),
        ({"total": 10**12 + 1, "currency": "PTS"}, "/total"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_a_packet_is_refused_where_it_is_wrong(
    giving: Giving, changes: dict[str, Any], pointer: str
) -> None:
    assert pointers(giving.operator.post("/v1/red-packets", giving.body() | changes)) == [pointer]


@pytest.mark.parametrize(("field", "hours"), [("expires_at", -1), ("expires_at", 73), ("opens_at", 31 * 24)], ids=str)
def test_times_that_do_not_fit_are_refused(giving: Giving, field: str, hours: int) -> None:
    body = giving.body(**{field: (now() + timedelta(hours=hours)).isoformat()})
    assert pointers(giving.operator.post("/v1/red-packets", body)) == [f"/{field}"]


def test_a_group_that_ended_gets_no_packets(giving: Giving) -> None:
    with transaction(giving.program.id):
        execute(
            "UPDATE groups SET status = 'ended', target_sealed = NULL WHERE program_id = %(p)s", p=giving.program.id
        )
    assert pointers(giving.operator.post("/v1/red-packets", giving.body())) == ["/group_id"]


def test_a_packet_opens_when_it_is_due_and_is_told_once(giving: Giving) -> None:
    opening = now() + timedelta(hours=5)
    packet = giving.packet(opens_at=opening.isoformat())
    assert packet["status"] == "scheduled"
    assert told(giving.program) == []
    answer = giving.claim(packet, giving.members[0])
    assert (answer.status_code, answer.json["code"]) == (409, "not_open")
    with frozen_at(opening + timedelta(seconds=1)):
        assert giving.claim(packet, giving.members[0]).status_code == 201  # whether the job came round or not
        assert giving.shown(packet)["status"] == "open"


def test_a_packet_is_open_as_soon_as_it_is_funded(giving: Giving) -> None:
    packet = giving.packet(greeting="for you")
    (opened,) = told(giving.program)
    assert opened.kind == "red_packet.opened"
    assert opened.facts["red_packet_id"] == str(id_of(packet))
    assert opened.facts["group_id"] == str(giving.group)
    assert (opened.facts["total"], opened.facts["count"], opened.facts["greeting"]) == (1000, 3, "for you")


def test_a_draft_whose_time_is_over_cannot_be_approved(giving: Giving) -> None:
    made = giving.draft()
    with frozen_at(now() + timedelta(hours=25)):
        finance = giving.program.staff("finance")
        answer = finance.post(f"/v1/red-packets/{made['id']}/approve")
        assert (answer.status_code, answer.json["status_now"]) == (409, "expired")
        assert giving.shown(made)["status"] == "expired"


def test_a_draft_in_a_currency_that_the_program_has_left_is_not_funded(giving: Giving) -> None:
    made = giving.draft()
    assert giving.program.staff("owner").patch("/v1/program", {"currency": "CNY"}).status_code == 200
    answer = giving.finance.post(f"/v1/red-packets/{made['id']}/approve")
    assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")
    assert accounts(giving.program) == (0, 0, 0)


def test_equal_shares_are_whole_and_differ_by_one(giving: Giving) -> None:
    packet = giving.packet(split="equal")
    amounts = [giving.claim(packet, member).json["amount"] for member in giving.members]
    assert amounts == [334, 333, 333]


def test_packets_are_listed_by_group_and_status(giving: Giving) -> None:
    first, second = giving.packet(), giving.draft()
    other = giving.draft(group_id=public_id("grp", seed_group(giving.program)))

    def listed(**query: str) -> list[str]:
        answer = giving.program.client.get("/v1/red-packets", query_string=query)
        return [one["id"] for one in answer.json["data"]]  # type: ignore[index]

    assert listed() == [other["id"], second["id"], first["id"]]
    assert listed(status="draft") == [other["id"], second["id"]]
    assert listed(group_id=public_id("grp", giving.group), status="open") == [first["id"]]
    page = giving.program.client.get("/v1/red-packets?limit=2").json
    rest = giving.program.client.get(f"/v1/red-packets?limit=2&cursor={page['next_cursor']}").json
    assert [one["id"] for one in rest["data"]] == [first["id"]]


def test_staffs_actions_are_audited(giving: Giving) -> None:
    giving.packet()
    events = giving.program.staff("owner").get("/v1/audit-events").json["data"]
    assert [event["action"] for event in events] == ["red_packets.approve_packet", "red_packets.create_packet"]
