"""GET /v1/events: the log in order, for whoever asks again from where he was."""

from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from core.clock import now
from core.db import transaction
from core.events.reading import number_events
from core.events.service import Event, announce
from core.ids import new_id, public_id
from tests.clients import TestProgram, make_program


def tell(program: TestProgram, *events: tuple[str, dict[str, Any]], numbered: bool = True) -> None:
    with transaction(program.id):
        announce(program.id, [Event(kind, now(), facts) for kind, facts in events])
        if numbered:
            number_events(program.id)


def read(program: TestProgram, query: str = "") -> dict[str, Any]:
    answer = program.client.get(f"/v1/events{query}")
    assert answer.status_code == 200, answer.text
    return answer.json  # type: ignore[return-value]


def test_nobody_reads_without_a_credential_or_in_another_program(app: Flask, program: TestProgram) -> None:
    tell(program, ("test.one", {}))
    assert program.anonymous.get("/v1/events").status_code == 401
    assert read(make_program(app)) == {"data": [], "next_after": 0}


def test_the_log_is_read_on_from_where_one_was(program: TestProgram) -> None:
    tell(program, *[("test.one", {"place": place}) for place in range(5)])
    first = read(program, "?limit=2")
    assert [one["facts"]["place"] for one in first["data"]] == [0, 1]
    assert [one["seq"] for one in first["data"]] == [1, 2]
    second = read(program, f"?limit=9&after={first['next_after']}")
    assert [one["facts"]["place"] for one in second["data"]] == [2, 3, 4]
    end = read(program, f"?after={second['next_after']}")
    assert end == {"data": [], "next_after": 5}
    tell(program, ("test.one", {"place": 5}), numbered=False)
    assert read(program, "?after=5")["data"] == []
    with transaction(program.id):
        number_events(program.id)
    assert [one["facts"]["place"] for one in read(program, "?after=5")["data"]] == [5]


def test_only_the_wanted_types_come_in_one_order(program: TestProgram) -> None:
    tell(program, ("test.one", {}), ("test.two", {}), ("test.three", {}), ("test.one", {}))
    found = read(program, "?types=test.three,test.one,test.one")
    assert [(one["seq"], one["type"]) for one in found["data"]] == [(1, "test.one"), (3, "test.three"), (4, "test.one")]
    assert read(program, "?types=test.two&limit=1")["next_after"] == 2
    assert read(program, "?types=no.such")["data"] == []


def test_ids_are_public_ones_however_deep_they_lie(program: TestProgram) -> None:
    ids = {name: new_id() for name in ("order", "member", "inviter", "commission", "coupon", "code", "link")}
    tell(
        program,
        (
            "order.attributed",
            {
                "order_id": ids["order"], "customer_id": ids["member"], "inviter_before_id": ids["inviter"],
                "coupon_ids": [ids["coupon"]], "member_id": None, "link_id": ids["link"], "total": 5,
                "commissions": [{"commission_id": ids["commission"], "member_id": ids["member"], "amount": 7}],
            },
        ),
    )  # fmt: skip
    (event,) = read(program)["data"]
    assert event["facts"] == {
        "order_id": public_id("ord", ids["order"]), "customer_id": public_id("mem", ids["member"]),
        "inviter_before_id": public_id("mem", ids["inviter"]), "coupon_ids": [public_id("cpn", ids["coupon"])],
        "member_id": None, "link_id": public_id("lnk", ids["link"]), "total": 5,
        "commissions": [
            {
                "commission_id": public_id("com", ids["commission"]), "member_id": public_id("mem", ids["member"]),
                "amount": 7,
            }
        ],
    }  # fmt: skip
    assert event["id"].startswith("evt_")


def test_the_shops_own_words_stay_as_they_are(program: TestProgram) -> None:
    own = str(uuid4())
    facts = {"group_id": own, "content_id": own, "session_id": own, "channel": own, "reason": own}
    tell(program, ("order.attributed", facts), ("commission.accrued", {"group_id": "wecom-17", "commissions": []}))
    assert [one["facts"] for one in read(program)["data"]] == [facts, {"group_id": "wecom-17", "commissions": []}]


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=x", f"after={1 << 63}", "types=", "types=Order", "types=a.b,", "limit=0", "limit=201", "x=1"],
)
def test_what_makes_no_sense_is_refused(program: TestProgram, query: str) -> None:
    assert program.client.get(f"/v1/events?{query}").status_code == 422
