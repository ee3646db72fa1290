"""Lists and stories of payouts: filters, pages, what is shown to whom."""

import pytest

from core.ids import public_id
from tests.commission.payouts import desk
from tests.factories import add_payout_method, member_ref, seed_members
from tests.jobs import run_jobs


@pytest.fixture
def payout_ids(program):
    return desk.requested(program, desk.payees(program, 5))


def ids_of(answer):
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json["data"]]


def test_anonymous_and_members_are_refused(program, payout_ids):
    member = program.member(member_ref(desk.row(program, payout_ids[0]).member_id))
    for path in ("/v1/payouts", f"/v1/payouts/{public_id('pay', payout_ids[0])}"):
        assert program.anonymous.get(path).status_code == 401
        assert member.get(path).status_code == 403


def test_another_program_sees_nothing(other_program, payout_ids):
    assert ids_of(other_program.client.get("/v1/payouts")) == []
    assert other_program.client.get(f"/v1/payouts/{public_id('pay', payout_ids[0])}").status_code == 404


def test_the_newest_first_in_pages(client, payout_ids):
    expected = [public_id("pay", one) for one in reversed(payout_ids)]
    assert ids_of(client.get("/v1/payouts")) == expected
    first = client.get("/v1/payouts?limit=2")
    second = client.get(f"/v1/payouts?limit=2&cursor={first.json['next_cursor']}")
    third = client.get(f"/v1/payouts?limit=2&cursor={second.json['next_cursor']}")
    assert ids_of(first) + ids_of(second) + ids_of(third) == expected
    assert third.json["next_cursor"] is None


def test_filters(program, client, payout_ids):
    desk.approve(program, payout_ids[:2])
    (manual,) = seed_members(program, prefix="manual")
    add_payout_method(program, manual, kind="manual")
    desk.give(program, [manual], 5_000)
    (by_hand,) = desk.requested(program, [manual])
    assert set(ids_of(client.get("/v1/payouts?status=queued"))) == {public_id("pay", one) for one in payout_ids[:2]}
    assert ids_of(client.get("/v1/payouts?rail=manual")) == [public_id("pay", by_hand)]
    assert ids_of(client.get(f"/v1/payouts?member_id={member_ref(manual)}")) == [public_id("pay", by_hand)]
    assert ids_of(client.get("/v1/payouts?member_id=ext:manual-0")) == [public_id("pay", by_hand)]
    assert ids_of(client.get(f"/v1/payouts?settlement_id={public_id('stl', by_hand)}")) == []
    assert len(ids_of(client.get("/v1/payouts?kind=withdrawal&status=requested"))) == 4


@pytest.mark.parametrize(
    "query", ["status=gone", "rail=pigeon", "member_id=x", "settlement_id=mem_1", "cursor=x", "limit=0"]
)
def test_what_is_no_filter(client, query):
    assert client.get(f"/v1/payouts?{query}").status_code == 422


def test_a_payout_shows_its_payee_masked_and_its_member(program, client, payout_ids):
    shown = desk.shown(client, payout_ids[0])
    assert shown["payee"]["account"].startswith("********")
    assert shown["payee"]["account_name"] == "A*******"
    assert shown["member"]["id"] == shown["member_id"]
    assert len(shown["digest"]) == 64


def test_nothing_shown_holds_an_account(program, client, rail):
    payout_ids = desk.queued(program, 2)
    run_jobs(program.id)
    text = client.get("/v1/payouts").text + client.get(f"/v1/payouts/{public_id('pay', payout_ids[0])}").text
    (request, *_) = rail.book.values()
    assert request.account not in text


def test_attempts_show_the_rails_key_and_what_it_said(program, client, rail):
    (payout_id,) = desk.queued(program)
    run_jobs(program.id)
    (attempt,) = desk.shown(client, payout_id)["attempts"]
    assert [attempt["key"]] == list(rail.book)
    assert (attempt["number"], attempt["status"], attempt["outcome"], attempt["sends"]) == (1, "paid", "paid", 1)
    assert attempt["id"].startswith("att_")


def test_metrics_count_states_and_answers(program, rail):
    def counted():
        lines = program.anonymous.get("/metrics").text.splitlines()
        shown = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        names = (
            'banyan_payouts_total{rail="sandbox",status="paid"}',
            'banyan_rail_answers_total{call="send",outcome="paid",rail="sandbox"}',
        )
        return [float(shown.get(name, 0)) for name in names]

    before = counted()
    desk.queued(program, 3)
    run_jobs(program.id)
    assert [after - earlier for after, earlier in zip(counted(), before, strict=True)] == [3, 3]
