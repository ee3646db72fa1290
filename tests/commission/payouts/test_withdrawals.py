"""Withdrawals: who may ask, what is refused, and that the same money is never asked for twice."""

from datetime import timedelta

import pytest

from core.clock import frozen_at, now
from core.ids import public_id
from tests.commission.payouts import desk
from tests.factories import add_payout_method, member_ref, seed_members, set_member
from tests.threads import together


@pytest.fixture
def member(program):
    return desk.payees(program, 1, 5_000)[0]


def path_of(member):
    return f"/v1/members/{member_ref(member)}/withdrawals"


def refused(answer):
    return answer.status_code, answer.json["code"]


def test_anonymous_is_refused(program, member):
    assert program.anonymous.post(path_of(member), {"amount": 1000}).status_code == 401
    for path in ("withdrawals", "withdrawal-rules"):
        assert program.anonymous.get(f"/v1/me/{path}").status_code == 401
    for path in ("withdrawals", "withdrawal-quotes"):
        assert program.anonymous.post(f"/v1/me/{path}", {"amount": 1000}).status_code == 401


def test_another_programs_member_is_not_found(other_program, member):
    assert other_program.client.post(path_of(member), {"amount": 1000}).status_code == 404


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 403), ("finance", 201), ("owner", 201)])
def test_who_may_ask_for_a_member(program, member, role, status):
    assert program.staff(role).post(path_of(member), {"amount": 1000}).status_code == status


def test_my_surface_is_for_members(client):
    for path in ("withdrawals", "withdrawal-rules"):
        assert client.get(f"/v1/me/{path}").status_code == 403


def test_a_withdrawal_is_reserved_and_waits_for_approval(program, client, member):
    answer = client.post(path_of(member), {"amount": 3_000})
    assert answer.status_code == 201, answer.text
    payout = answer.json
    assert (payout["status"], payout["kind"], payout["settlement_id"]) == ("requested", "withdrawal", None)
    assert (payout["amount"], payout["tax"], payout["fee"], payout["net"]) == (3_000, 0, 0, 3_000)
    assert [event["state"] for event in payout["timeline"]] == ["requested"]
    assert payout["requested_by"]["kind"] == "key"
    assert payout["attempts"] == []
    assert desk.balance(program, member) == (0, 2_000, 3_000, 0)
    desk.assert_books_agree(program)


def test_a_member_asks_for_himself_and_sees_how_far_it_is(program, member):
    mine = program.member(member_ref(member))
    answer = mine.post("/v1/me/withdrawals", {"amount": 1_000})
    assert answer.status_code == 201, answer.text
    payout_id = answer.json["id"]
    assert "digest" not in answer.json
    assert "member" not in answer.json
    assert [one["id"] for one in mine.get("/v1/me/withdrawals").json["data"]] == [payout_id]
    assert mine.get(f"/v1/me/withdrawals/{payout_id}").json["timeline"][0]["state"] == "requested"
    stranger = program.member(member_ref(seed_members(program, prefix="stranger")[0]))
    assert stranger.get("/v1/me/withdrawals").json["data"] == []
    assert stranger.get(f"/v1/me/withdrawals/{payout_id}").status_code == 404
    assert desk.shown(program.client, payout_id)["requested_by"] == {"kind": "member", "id": member_ref(member)}


@pytest.mark.parametrize("surface", ["shop", "me"])
def test_what_is_refused(program, member, surface):
    client = program.client if surface == "shop" else program.member(member_ref(member))
    path = path_of(member) if surface == "shop" else "/v1/me/withdrawals"
    assert refused(client.post(path, {"amount": 5_001})) == (409, "balance_too_low")
    below = client.post(path, {"amount": 999})
    assert refused(below) == (422, "below_minimum")
    assert below.json["errors"][0]["pointer"] == "/amount"
    other = add_payout_method(program, seed_members(program, prefix="other")[0])
    foreign = client.post(path, {"amount": 1_000, "payout_method_id": public_id("pm", other)})
    assert (foreign.status_code, foreign.json["errors"][0]["pointer"]) == (422, "/payout_method_id")
    frozen = add_payout_method(program, member, default=False)
    answer = client.post(path, {"amount": 1_000, "payout_method_id": public_id("pm", frozen)})
    assert refused(answer) == (409, "method_frozen")
    assert desk.balance(program, member) == (0, 5_000, 0, 0)
    with frozen_at(now() + timedelta(hours=25)):
        client = program.client if surface == "shop" else program.member(member_ref(member))
        answer = client.post(path, {"amount": 1_000, "payout_method_id": public_id("pm", frozen)})
    assert answer.status_code == 201


def test_without_a_method_there_is_nowhere_to_pay_to(program, client):
    (member,) = seed_members(program)
    desk.give(program, [member], 5_000)
    assert refused(client.post(path_of(member), {"amount": 1_000})) == (409, "no_payout_method")


def test_a_suspended_member_is_not_paid(program, client, member):
    set_member(program, member, status="suspended")
    assert refused(client.post(path_of(member), {"amount": 1_000})) == (409, "member_suspended")


def test_where_enrolment_is_needed_only_the_enrolled_are_paid(program, client, member):
    owner = program.staff("owner")
    assert owner.patch("/v1/program", {"enrolment": "application"}).status_code == 200
    assert refused(client.post(path_of(member), {"amount": 1_000})) == (409, "member_suspended")
    set_member(program, member, enrolment="enrolled")
    assert client.post(path_of(member), {"amount": 1_000}).status_code == 201


def test_debt_is_no_balance(program, client, member):
    desk.give(program, [member], -6_000)
    assert refused(client.post(path_of(member), {"amount": 1_000})) == (409, "balance_too_low")


@pytest.mark.parametrize("amount", [0, -1, 10.5, "1000", None, True, 10**15 + 1])
def test_what_is_no_amount(client, member, amount):
    answer = client.post(path_of(member), {"amount": amount})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/amount")


def test_rules_and_quotes_say_what_a_request_would_do(program, member):
    mine = program.member(member_ref(member))
    rules = mine.get("/v1/me/withdrawal-rules").json
    assert (rules["min_payout"], rules["available"], rules["maximum"], rules["currency"]) == (
        1_000,
        5_000,
        5_000,
        "GBP",
    )
    assert rules["payout_method"]["frozen"] is False
    good = mine.post("/v1/me/withdrawal-quotes", {"amount": 5_000}).json
    assert (good["allowed"], good["net"], good["fee"], good["tax"], good["refused"]) == (True, 5_000, 0, 0, None)
    for amount, code in ((999, "below_minimum"), (5_001, "balance_too_low")):
        quote = mine.post("/v1/me/withdrawal-quotes", {"amount": amount})
        assert (quote.status_code, quote.json["allowed"], quote.json["refused"]) == (200, False, code)
    assert desk.balance(program, member) == (0, 5_000, 0, 0)
    unknown = mine.post("/v1/me/withdrawal-quotes", {"amount": 1000, "payout_method_id": f"pm_{'0' * 26}"})
    assert unknown.status_code == 422


def test_twenty_at_once_cannot_spend_one_balance_twice(app, program, member):
    def ask():
        answer = program.client_with(program.api_key).post(path_of(member), {"amount": 1_000})
        return answer.status_code, answer.json.get("code")

    answers = together(app, *[ask] * 20)
    assert sorted(answers) == [(201, None)] * 5 + [(409, "balance_too_low")] * 15
    assert desk.balance(program, member) == (0, 0, 5_000, 0)
    desk.assert_books_agree(program)


def test_an_idempotency_key_makes_one_withdrawal_of_twenty_requests(app, program, member):
    def ask():
        answer = program.client_with(program.api_key).post(
            path_of(member), {"amount": 1_000}, headers={"Idempotency-Key": "w-1"}
        )
        return answer.status_code, answer.json.get("id")

    answers = [answer for answer in together(app, *[ask] * 20) if answer[0] != 409]
    assert len(set(answers)) == 1
    assert desk.balance(program, member) == (0, 4_000, 1_000, 0)
