"""Binding a member who is there already, by invite code, link and click."""

from datetime import timedelta
from typing import Any

import pytest

from core.clock import frozen_at, now
from core.ids import new_id
from tests.clients import ApiClient, TestProgram
from tests.coupons.clicks.clicking import clicked, make_link, token_of
from tests.referral.growing import assert_forest, id_in, join, standings
from tests.threads import together

NAMES = ["invite_code", "link_code", "click_id"]
HISTORY = {"invite_code": "invite_code", "link_code": "link", "click_id": "click"}


def names_of(program: TestProgram, shown: dict[str, Any], **ends: Any) -> dict[str, str]:
    """Every name by which a member can be found as inviter, but for his ids."""
    code = f"b-{new_id().hex[-16:]}"
    link_id = make_link(program, id_in(shown), code, **ends)
    token = token_of(program, clicked(program, link_id, "v", now()))
    return {"invite_code": shown["invite_code"], "link_code": code, "click_id": token}


def put(client: ApiClient, member: str, **body: Any) -> Any:
    return client.put(f"/v1/members/ext:{member}/inviter", body)


def set_mode(program: TestProgram, mode: str, **terms: int) -> None:
    answer = program.staff("owner").patch("/v1/program", {"binding": {"mode": mode} | terms})
    assert answer.status_code == 200, answer.text


def newest(program: TestProgram, member: str) -> dict[str, Any]:
    return dict(program.client.get(f"/v1/members/ext:{member}/inviter-history").json["data"][0])


@pytest.mark.parametrize("field", NAMES)
def test_a_key_binds_by_any_name_and_the_history_tells_which(program: TestProgram, field: str) -> None:
    sharer = join(program.client, "sharer")
    join(program.client, "b")
    answer = put(program.client, "b", **{field: names_of(program, sharer)[field]})
    assert (answer.status_code, answer.json["inviter_id"]) == (200, sharer["id"])
    assert answer.json["binding"]["source"] == newest(program, "b")["source"] == HISTORY[field]


@pytest.mark.parametrize("field", NAMES)
def test_staff_bind_with_a_reason_and_as_staff(program: TestProgram, field: str) -> None:
    sharer = join(program.client, "sharer")
    join(program.client, "first")
    join(program.client, "b", "first")
    operator, name = program.staff("operator"), names_of(program, sharer)[field]
    refused = put(operator, "b", **{field: name})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/reason")
    assert put(operator, "b", **{field: name}, reason="asked for it").status_code == 200
    row = newest(program, "b")
    assert (row["source"], row["reason"], row["actor"]["kind"]) == ("staff", "asked for it", "staff")


@pytest.mark.parametrize("field", NAMES)
def test_a_key_binds_as_the_mode_allows(program: TestProgram, field: str) -> None:
    one, other = join(program.client, "one"), join(program.client, "other")
    first, second = names_of(program, one)[field], names_of(program, other)[field]
    for member in ("permanent", "expiring", "open"):
        join(program.client, member)
    assert put(program.client, "permanent", **{field: first}).status_code == 200
    assert put(program.client, "permanent", **{field: second}).json["code"] == "already_bound"
    set_mode(program, "expiring", expires_after_days=10)
    assert put(program.client, "expiring", **{field: first}).json["binding"]["expires_at"] is not None
    assert put(program.client, "expiring", **{field: second}).json["code"] == "already_bound"
    with frozen_at(now() + timedelta(days=11)):
        assert put(program.client, "expiring", **{field: second}).json["inviter_id"] == other["id"]
    set_mode(program, "open", protected_days=3)
    assert put(program.client, "open", **{field: first}).json["binding"]["protected_until"] is not None
    assert put(program.client, "open", **{field: second}).json["code"] == "already_bound"
    with frozen_at(now() + timedelta(days=4)):
        assert put(program.client, "open", **{field: second}).json["inviter_id"] == other["id"]


@pytest.mark.parametrize("field", NAMES)
def test_an_unknown_name_is_pointed_at(program: TestProgram, field: str) -> None:
    join(program.client, "b")
    answer = put(program.client, "b", **{field: "nobody"})
    assert (answer.status_code, answer.json["code"]) == (422, "inviter_not_found")
    assert answer.json["errors"][0]["pointer"] == f"/{field}"


def test_an_ended_link_binds_nobody_but_its_click_does(program: TestProgram) -> None:
    names = names_of(program, join(program.client, "sharer"), expires_at=now())
    join(program.client, "b")
    assert put(program.client, "b", link_code=names["link_code"]).json["code"] == "inviter_not_found"
    assert put(program.client, "b", click_id=names["click_id"]).status_code == 200


def test_an_erased_sharer_is_no_inviter(program: TestProgram) -> None:
    names = names_of(program, join(program.client, "sharer"))
    join(program.client, "b")
    program.client.post("/v1/members/ext:sharer/erasure", {})
    for field, name in names.items():
        assert put(program.client, "b", **{field: name}).json["code"] == "inviter_not_found"


@pytest.mark.parametrize("field", NAMES)
def test_a_ring_is_refused_by_any_name(program: TestProgram, field: str) -> None:
    top = join(program.client, "top")
    low = join(program.client, "low", "top")
    for shown in (top, low):
        answer = put(program.client, "top", **{field: names_of(program, shown)[field]})
        assert (answer.status_code, answer.json["code"]) == (409, "referral_cycle")


@pytest.mark.parametrize("field", NAMES)
def test_one_name_and_no_more(program: TestProgram, field: str) -> None:
    names = names_of(program, join(program.client, "sharer"))
    join(program.client, "b")
    for other in ({"inviter_external_id": "sharer"}, {"inviter_id": None}):
        assert put(program.client, "b", **{field: names[field]}, **other).status_code == 422
    assert put(program.client, "b", **{field: None}).status_code == 422
    assert put(program.client, "b", **names).status_code == 422
    assert program.client.get("/v1/members/ext:b").json["inviter_id"] is None


def test_two_binds_by_link_at_once_let_one_win(program: TestProgram) -> None:
    one, other = (names_of(program, join(program.client, f"s-{n}"))["link_code"] for n in (1, 2))
    for n in range(8):
        join(program.client, f"b-{n}")
        answers = together(
            program.app,
            *[
                lambda n=n, code=code: put(program.client_with(program.api_key), f"b-{n}", link_code=code)
                for code in (one, other)
            ],
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert next(a for a in answers if a.status_code == 409).json["code"] == "already_bound"
    assert_forest(standings(program))


def test_two_who_bind_each_other_by_link_close_no_ring(program: TestProgram) -> None:
    for n in range(8):
        a, b = join(program.client, f"a-{n}"), join(program.client, f"b-{n}")
        codes = [names_of(program, one)["link_code"] for one in (a, b)]
        answers = together(
            program.app,
            lambda n=n, c=codes: put(program.client_with(program.api_key), f"a-{n}", link_code=c[1]).status_code,
            lambda n=n, c=codes: put(program.client_with(program.api_key), f"b-{n}", link_code=c[0]).status_code,
        )
        assert sorted(answers) == [200, 409]
    assert_forest(standings(program))
