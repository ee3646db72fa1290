"""What people decide: approve, reject, cancel, retry, pay by hand, resolve. Two people wherever money leaves."""

from datetime import timedelta

import pytest

from commission.payouts.rails.protocol import Failed, Unknown
from commission.payouts.rules import combined_digest
from core.clock import frozen_at, now
from core.db import execute, transaction
from core.ids import public_id
from tests.commission.payouts import desk
from tests.commission.payouts.desk import AMOUNT
from tests.factories import member_ref, set_member
from tests.jobs import run_jobs
from tests.threads import together

ACTIONS = [
    ("approve", {"ids": ["{id}"], "digest": "0" * 64}),
    ("reject", {"ids": ["{id}"], "reason": "no"}),
    ("{id}/retry", None),
    ("{id}/cancel", None),
    ("{id}/mark-paid", {"voucher": "v-1"}),
    ("{id}/resolve", {"outcome": "paid", "evidence": "statement"}),
]


def call(client, action, body, payout_id):
    filled = body and {key: [payout_id] if key == "ids" else value for key, value in body.items()}
    return client.post(f"/v1/payouts/{action.format(id=payout_id)}", filled)


def pay(payout_id):
    return public_id("pay", payout_id)


def refused(answer):
    return answer.status_code, answer.json["code"]


@pytest.fixture
def finance(program):
    return program.staff("finance")


@pytest.fixture
def payout_id(program):
    return desk.requested(program, desk.payees(program))[0]


def test_only_finance_decides(program, payout_id):
    ref = pay(payout_id)
    member = program.member(member_ref(desk.row(program, payout_id).member_id))
    others = [program.client, program.staff("viewer"), program.staff("operator"), member]
    for action, body in ACTIONS:
        assert call(program.anonymous, action, body, ref).status_code == 401, action
        assert [call(client, action, body, ref).status_code for client in others] == [403] * 4, action


def test_what_is_not_there_or_another_programs_is_not_found(program, other_program, finance, payout_id):
    stranger = other_program.staff("finance")
    for action, body in ACTIONS:
        assert call(stranger, action, body, pay(payout_id)).status_code == 404, action
        assert call(finance, action, body, f"pay_{'0' * 26}").status_code == 404, action
    assert desk.row(program, payout_id).status == "requested"


def approve(client, *payouts, digest=None):
    ids = [one["id"] for one in payouts]
    if digest is None:
        digest = combined_digest({desk.payout_uuid(one["id"]): one["digest"] for one in payouts})
    return client.post("/v1/payouts/approve", {"ids": ids, "digest": digest})


def test_an_approved_withdrawal_is_queued_and_sent(program, finance, payout_id, rail):
    answer = approve(finance, desk.shown(program.client, payout_id))
    assert answer.status_code == 200, answer.text
    assert [one["status"] for one in answer.json["data"]] == ["queued"]
    run_jobs(program.id)
    shown = desk.shown(program.client, payout_id)
    assert (shown["status"], shown["approved_by"][:4]) == ("paid", "stf_")
    assert [event["state"] for event in shown["timeline"]] == ["requested", "approved", "queued", "submitting", "paid"]
    assert [one["status"] for one in shown["attempts"]] == ["paid"]
    desk.assert_books_agree(program)


def test_a_page_is_approved_by_its_own_digest(program, finance):
    payout_ids = desk.requested(program, desk.payees(program, 3))
    page = program.client.get("/v1/payouts?status=requested").json
    answer = approve(finance, *page["data"], digest=page["digest"])
    assert answer.status_code == 200, answer.text
    assert desk.statuses(program, payout_ids) == {"queued"}


def test_nobody_approves_what_he_asked_for_himself(program, finance):
    for client in (finance, program.staff("owner")):
        (member,) = desk.payees(program)
        asked = client.post(f"/v1/members/{member_ref(member)}/withdrawals", {"amount": 1_000}).json
        assert refused(approve(client, asked)) == (403, "same_person")
        assert approve(program.staff("finance"), asked).status_code == 200


def test_a_digest_of_other_payouts_approves_nothing(program, finance):
    first, second = (desk.shown(program.client, one) for one in desk.requested(program, desk.payees(program, 2)))
    assert refused(approve(finance, first, digest=second["digest"])) == (409, "digest_mismatch")
    assert refused(approve(finance, first, second, digest=first["digest"])) == (409, "digest_mismatch")
    assert finance.post("/v1/payouts/approve", {"ids": [first["id"]], "digest": "short"}).status_code == 422
    assert desk.statuses(program, [desk.payout_uuid(one["id"]) for one in (first, second)]) == {"requested"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payouts SET amount = amount - 1, net = net - 1 WHERE program_id = %(p)s",
        "UPDATE payouts SET currency = 'JPY' WHERE program_id = %(p)s",
        "UPDATE payouts SET rail = 'manual' WHERE program_id = %(p)s",
        "UPDATE payout_methods SET fingerprint = '\\x01' WHERE program_id = %(p)s",
    ],
)
def test_any_change_voids_what_was_looked_at(program, finance, payout_id, change):
    looked_at = desk.shown(program.client, payout_id)
    with transaction(program.id):
        execute(change, p=program.id)
    assert refused(approve(finance, looked_at)) == (409, "digest_mismatch")


def test_approval_is_all_or_nothing(program, finance):
    first, second = desk.requested(program, desk.payees(program, 2))
    shown = [desk.shown(program.client, one) for one in (first, second)]
    assert finance.post(f"/v1/payouts/{pay(second)}/cancel").status_code == 200
    assert refused(approve(finance, *shown)) == (409, "wrong_state")
    assert desk.row(program, first).status == "requested"


def test_a_rejected_withdrawal_gives_the_money_back(program, finance, payout_id):
    answer = finance.post("/v1/payouts/reject", {"ids": [pay(payout_id)], "reason": "unclear"})
    assert answer.status_code == 200, answer.text
    assert (answer.json["data"][0]["status"], answer.json["data"][0]["failure"]) == ("rejected", "unclear")
    assert desk.balance_of_payout(program, payout_id) == (0, AMOUNT, 0, 0)
    again = finance.post("/v1/payouts/reject", {"ids": [pay(payout_id)], "reason": "unclear"})
    assert refused(again) == (409, "wrong_state")
    desk.assert_books_agree(program)


def test_approve_and_reject_at_once_leave_one_of_them(app, program, payout_id):
    shown = desk.shown(program.client, payout_id)
    people = [program.staff("finance") for _ in range(4)]
    body = {"ids": [pay(payout_id)], "reason": "no"}
    calls = [
        lambda: approve(people[0], shown).status_code,
        lambda: people[1].post("/v1/payouts/reject", body).status_code,
        lambda: approve(people[2], shown).status_code,
        lambda: people[3].post("/v1/payouts/reject", body).status_code,
    ]
    answers = together(app, *calls)
    assert sorted(answers) == [200, 409, 409, 409]
    row = desk.row(program, payout_id)
    assert row.status == ("queued" if 200 in answers[::2] else "rejected")
    desk.assert_books_agree(program)


def test_cancel_and_the_worker_at_once_never_both(app, program, finance, rail):
    payout_ids = desk.queued(program, 6)
    together(
        app,
        lambda: run_jobs(program.id),
        *[lambda one=one: finance.post(f"/v1/payouts/{pay(one)}/cancel") for one in payout_ids],
    )
    rows = desk.rows(program, payout_ids)
    assert {row.status for row in rows} <= {"paid", "canceled"}
    assert len(rail.book) == sum(row.status == "paid" for row in rows)
    desk.assert_books_agree(program)


@pytest.mark.parametrize("state", ["requested", "queued"])
def test_what_was_not_sent_can_be_canceled(program, finance, payout_id, state):
    if state == "queued":
        desk.approve(program, [payout_id])
    answer = finance.post(f"/v1/payouts/{pay(payout_id)}/cancel")
    assert (answer.status_code, answer.json["status"]) == (200, "canceled")
    assert desk.balance_of_payout(program, payout_id) == (0, AMOUNT, 0, 0)
    run_jobs(program.id)
    assert desk.row(program, payout_id).status == "canceled"
    desk.assert_books_agree(program)


def test_what_a_rail_may_have_cannot_be_canceled(program, finance, rail):
    rail.after = lambda _request, _number: Unknown("timed_out")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    assert refused(finance.post(f"/v1/payouts/{pay(payout_id)}/cancel")) == (409, "wrong_state")
    desk.settle(program)
    assert refused(finance.post(f"/v1/payouts/{pay(payout_id)}/cancel")) == (409, "wrong_state")


def test_a_throttled_payout_can_be_canceled_and_its_key_ends(program, finance, rail):
    from commission.payouts.rails.protocol import Throttled

    rail.before = lambda _request, _number: Throttled(now() + timedelta(hours=1))
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    assert finance.post(f"/v1/payouts/{pay(payout_id)}/cancel").status_code == 200
    assert desk.row(program, payout_id).attempts == ["canceled"]
    with frozen_at(now() + timedelta(hours=2)):
        desk.sweep(program)
    assert (desk.row(program, payout_id).status, len(rail.book)) == ("canceled", 0)


def failed(program, rail):
    rail.before = lambda _request, _number: Failed("account_closed")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    rail.before = lambda _request, _number: None
    return payout_id


def test_a_failed_payout_is_tried_again_under_a_new_key(program, finance, rail):
    payout_id = failed(program, rail)
    answer = finance.post(f"/v1/payouts/{pay(payout_id)}/retry")
    assert (answer.status_code, answer.json["status"]) == (200, "queued")
    assert desk.balance_of_payout(program, payout_id) == (0, 0, AMOUNT, 0)
    run_jobs(program.id)
    row = desk.row(program, payout_id)
    assert (row.status, row.attempt, row.attempts, row.failure) == ("paid", 2, ["failed", "paid"], None)
    assert (len(rail.sends), len(rail.book)) == (2, 1)
    desk.assert_books_agree(program)


def test_a_retry_needs_the_money_to_be_there_still(program, finance, rail):
    payout_id = failed(program, rail)
    desk.give(program, [desk.row(program, payout_id).member_id], -1)
    assert refused(finance.post(f"/v1/payouts/{pay(payout_id)}/retry")) == (409, "balance_too_low")
    assert desk.row(program, payout_id).attempt == 1


def test_many_retries_at_once_are_one(app, program, rail):
    payout_id = failed(program, rail)
    people = [program.staff("finance") for _ in range(4)]
    answers = together(app, *[lambda p=p: p.post(f"/v1/payouts/{pay(payout_id)}/retry").status_code for p in people])
    assert sorted(answers) == [200, 409, 409, 409]
    run_jobs(program.id)
    assert desk.row(program, payout_id).attempts == ["failed", "paid"]
    desk.assert_books_agree(program)


@pytest.mark.parametrize("state", ["requested", "queued", "unknown", "processing", "paid", "canceled"])
def test_only_a_definite_failure_is_tried_again(program, finance, rail, payout_id, state):
    from tests.commission.payouts.fake_rail import processing

    if state == "canceled":
        finance.post(f"/v1/payouts/{pay(payout_id)}/cancel")
    elif state != "requested":
        desk.approve(program, [payout_id])
    if state == "unknown":
        rail.after = lambda _request, _number: Unknown("timed_out")
    if state == "processing":
        rail.fate = processing
    if state in {"unknown", "processing", "paid"}:
        run_jobs(program.id)
    assert desk.row(program, payout_id).status == state
    assert refused(finance.post(f"/v1/payouts/{pay(payout_id)}/retry")) == (409, "not_retryable")
    assert desk.row(program, payout_id).attempt == 1


def test_a_payout_by_hand_waits_for_its_voucher(program, finance, rail):
    (payout_id,) = desk.queued(program, kind="manual")
    assert run_jobs(program.id) == []
    with frozen_at(now() + timedelta(days=1)):
        assert desk.sweep(program) == []
    answer = finance.post(f"/v1/payouts/{pay(payout_id)}/mark-paid", {"voucher": "bank 2026-03-01 no 17"})
    assert (answer.status_code, answer.json["status"]) == (200, "paid")
    assert answer.json["rail_reference"] == "bank 2026-03-01 no 17"
    assert [one["status"] for one in answer.json["attempts"]] == ["paid"]
    assert desk.balance_of_payout(program, payout_id) == (0, 0, 0, AMOUNT)
    again = finance.post(f"/v1/payouts/{pay(payout_id)}/mark-paid", {"voucher": "another"})
    assert refused(again) == (409, "wrong_state")
    assert not rail.sends
    desk.assert_books_agree(program)


def test_only_payouts_by_hand_are_marked_as_paid(program, finance):
    (payout_id,) = desk.queued(program)
    answer = finance.post(f"/v1/payouts/{pay(payout_id)}/mark-paid", {"voucher": "v"})
    assert refused(answer) == (409, "wrong_state")


def unknown(program, rail):
    rail.before = lambda _request, _number: Unknown("http_500")
    rail.on_query = lambda _key, _number: Unknown("http_500")
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    return payout_id


def resolve(client, payout_id, outcome, evidence="the rail's letter of today"):
    return client.post(f"/v1/payouts/{pay(payout_id)}/resolve", {"outcome": outcome, "evidence": evidence})


@pytest.mark.parametrize(("outcome", "balance"), [("paid", (0, 0, 0, AMOUNT)), ("failed", (0, AMOUNT, 0, 0))])
def test_two_people_resolve_what_no_question_clears_up(program, rail, outcome, balance):
    payout_id = unknown(program, rail)
    one, other = program.staff("finance"), program.staff("finance")
    proposed = resolve(one, payout_id, outcome)
    assert (proposed.status_code, proposed.json["status"]) == (200, "unknown")
    assert [entry["status"] for entry in proposed.json["resolutions"]] == ["proposed"]
    assert desk.balance_of_payout(program, payout_id) == (0, 0, AMOUNT, 0)
    with frozen_at(now() + timedelta(minutes=5)):
        assert refused(resolve(one, payout_id, outcome)) == (403, "same_person")
        confirmed = resolve(other, payout_id, outcome)
    assert (confirmed.status_code, confirmed.json["status"]) == (200, outcome)
    assert [entry["status"] for entry in confirmed.json["resolutions"]] == ["confirmed"]
    assert desk.row(program, payout_id).attempts == [outcome]
    assert desk.balance_of_payout(program, payout_id) == balance
    desk.assert_books_agree(program)


def test_nobody_resolves_while_a_call_may_be_on_its_way(program, rail):
    payout_id = unknown(program, rail)
    one, other = program.staff("finance"), program.staff("finance")
    resolve(one, payout_id, "failed")
    assert refused(resolve(other, payout_id, "failed")) == (409, "wrong_state")
    assert desk.row(program, payout_id).status == "unknown"


def test_another_outcome_takes_the_place_of_the_proposal(program, rail):
    payout_id = unknown(program, rail)
    one, other = program.staff("finance"), program.staff("finance")
    resolve(one, payout_id, "failed")
    with frozen_at(now() + timedelta(minutes=5)):
        assert resolve(other, payout_id, "paid").json["status"] == "unknown"
        assert refused(resolve(other, payout_id, "paid")) == (403, "same_person")
        ended = resolve(one, payout_id, "paid")
    assert ended.json["status"] == "paid"
    assert [entry["status"] for entry in ended.json["resolutions"]] == ["superseded", "confirmed"]


def test_the_rails_own_answer_ends_the_matter(program, rail):
    payout_id = unknown(program, rail)
    one, other = program.staff("finance"), program.staff("finance")
    resolve(one, payout_id, "failed")
    rail.before, rail.on_query = (lambda _r, _n: None), (lambda _k, _n: None)
    desk.settle(program)
    assert desk.row(program, payout_id).status == "paid"
    assert refused(resolve(other, payout_id, "failed")) == (409, "wrong_state")
    desk.assert_books_agree(program)


def test_confirmations_at_once_have_one_effect(app, program, rail):
    payout_id = unknown(program, rail)
    resolve(program.staff("finance"), payout_id, "paid")
    people = [program.staff("finance") for _ in range(4)]
    with frozen_at(now() + timedelta(minutes=5)):
        answers = together(app, *[lambda p=p: resolve(p, payout_id, "paid").status_code for p in people])
    assert sorted(answers) == [200, 409, 409, 409]
    desk.assert_books_agree(program)


def test_after_two_people_called_it_failed_it_may_be_tried_again(program, rail):
    payout_id = unknown(program, rail)
    one, other = program.staff("finance"), program.staff("finance")
    resolve(one, payout_id, "failed")
    with frozen_at(now() + timedelta(minutes=5)):
        resolve(other, payout_id, "failed")
    rail.before = lambda _request, _number: None
    assert one.post(f"/v1/payouts/{pay(payout_id)}/retry").status_code == 200
    run_jobs(program.id)
    assert desk.row(program, payout_id).attempts == ["failed", "paid"]
    desk.assert_books_agree(program)


@pytest.mark.parametrize("body", [{"outcome": "lost", "evidence": "x"}, {"outcome": "paid"}, {"evidence": "x"}])
def test_what_is_no_resolution(program, finance, payout_id, body):
    assert finance.post(f"/v1/payouts/{pay(payout_id)}/resolve", body).status_code == 422


def test_a_suspended_member_may_be_rejected_or_canceled(program, finance, payout_id):
    set_member(program, desk.row(program, payout_id).member_id, status="suspended")
    assert finance.post(f"/v1/payouts/{pay(payout_id)}/cancel").status_code == 200
    desk.assert_books_agree(program)


def test_what_staff_did_is_in_the_audit_log(program, finance, payout_id):
    finance.post("/v1/payouts/reject", {"ids": [pay(payout_id)], "reason": "unclear"})
    events = program.staff("owner").get("/v1/audit-events").json["data"]
    rejection = next(event for event in events if event["action"] == "payouts.reject_payouts")
    assert rejection["detail"] == {"reason": "unclear"}
