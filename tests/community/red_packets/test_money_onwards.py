"""What members got from red packets and activities, further on: statements, withdrawals, settlements, sums, erasure."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from commission.ledger.rules import Account
from commission.ledger.service import POINTS
from core.clock import frozen_at, now
from tests.clients import ApiClient, TestProgram
from tests.commission.ledger.entries import moved, post_now
from tests.commission.settlement.runs import office_of, prepare, skipped
from tests.community.red_packets.giving import Giving, advance, assert_sound
from tests.factories import Earning, add_payout_method, member_ref, seed_commissions, set_member, take_back

AVAILABLE = Account.MEMBER_AVAILABLE


def summary(program: TestProgram, **query: str) -> dict[str, Any]:
    """Finance's sums, which must always add up."""
    found: dict[str, Any] = program.client.get("/v1/finance/summary", query_string=query).json
    owed = sum(found[name] for name in ("accrued", "adjustments", "rewards", "red_packets")) - found["reversed"]
    held = sum(found[name] for name in ("pending", "payable", "in_payout", "paid")) - found["debt"]["amount"]
    assert owed == held, found
    return found


def rewarded(program: TestProgram, member: UUID, amount: int) -> None:
    """Cash of an activity, as its settlement books it."""
    budget = moved("activity.rewarded", Account.ACTIVITY_BUDGET, AVAILABLE, member, amount)
    postings = tuple(one._replace(member_id=None) if one.account != AVAILABLE else one for one in budget.postings)
    post_now(program, [budget._replace(postings=postings)])


def taken_back(program: TestProgram, member: UUID, amount: int) -> None:
    back = moved("activity.reward_taken_back", AVAILABLE, Account.ACTIVITY_BUDGET, member, amount)
    postings = tuple(one._replace(member_id=None) if one.account != AVAILABLE else one for one in back.postings)
    post_now(program, [back._replace(postings=postings)])


@pytest.fixture
def member(giving: Giving) -> UUID:
    """A member who has taken a packet of 10.00 all by himself, and 777 points of another."""
    (made, *_) = giving.members
    assert giving.claim(giving.packet(count=1), made).status_code == 201
    assert giving.claim(giving.packet(count=1, total=777, currency="PTS"), made).status_code == 201
    return made


def of(member: UUID, what: str) -> str:
    return f"/v1/members/{member_ref(member)}/{what}"


def test_the_statement_names_what_came_from_a_packet_and_shows_no_points(giving: Giving, member: UUID) -> None:
    rewarded(giving.program, member, 250)
    client: ApiClient = giving.program.client
    shown = client.get(of(member, "statement")).json
    kinds = [(line["kind"], line["available"]) for line in shown["data"]]
    assert kinds == [("red_packet.claimed", 1000), ("activity.rewarded", 250)]
    assert shown["closing"]["available"] == 1250
    mine = giving.program.member(member_ref(member)).get("/v1/me/statement").json
    assert mine == shown
    entries = client.get("/v1/ledger/transactions?kind=red_packet.claimed").json["data"]
    assert [entry["note"]["red_packet_id"][:4] for entry in entries] == ["rpk_"]
    assert client.get(of(member, "balance")).json["available"] == 1250


def test_the_sums_of_finance_name_rewards_and_packets_at_any_instant(giving: Giving, member: UUID) -> None:
    before = now()
    rewarded(giving.program, member, 400)
    taken_back(giving.program, member, 150)
    shown = summary(giving.program)
    assert (shown["red_packets"], shown["rewards"], shown["payable"]) == (1000, 250, 1250)
    earlier = summary(giving.program, as_of=before.isoformat())
    assert (earlier["red_packets"], earlier["rewards"], earlier["payable"]) == (1000, 0, 1000)


def test_what_was_claimed_is_withdrawn_like_any_money_and_points_are_not(giving: Giving, member: UUID) -> None:
    add_payout_method(giving.program, member)
    too_much = giving.program.client.post(of(member, "withdrawals"), {"amount": 1001})
    assert (too_much.status_code, too_much.json["code"]) == (409, "balance_too_low")
    asked = giving.program.client.post(of(member, "withdrawals"), {"amount": 1000})
    assert asked.status_code == 201, asked.text
    shown = summary(giving.program)
    assert (shown["in_payout"], shown["payable"], shown["red_packets"]) == (1000, 0, 1000)
    assert_sound(giving.program)


def test_a_settlement_pays_it_and_leaves_points_and_the_suspended_alone(giving: Giving, member: UUID) -> None:
    other, suspended = giving.members[1:]
    packet = giving.packet(count=2, split="equal")
    for one in (other, suspended):
        assert giving.claim(packet, one).status_code == 201
    for one in giving.members:
        add_payout_method(giving.program, one)
    set_member(giving.program, suspended, status="suspended")
    run = prepare(giving.program, office_of(giving.program).maker, min_payout=1)
    assert (run["totals"]["payout_count"], run["totals"]["gross"]) == (2, 1500)
    assert skipped(run) == {"suspended": (1, 500)}
    assert summary(giving.program)["in_payout"] == 1500
    assert_sound(giving.program)


def test_a_packet_settles_a_debt_first(giving: Giving) -> None:
    debtor = giving.members[0]
    add_payout_method(giving.program, debtor)
    (earned,) = seed_commissions(giving.program, [Earning(debtor, 600)])
    prepare(giving.program, office_of(giving.program).maker, min_payout=1)  # what was earned is on its way
    take_back(giving.program, earned, 600)
    assert giving.available(debtor) == -600
    assert giving.claim(giving.packet(count=1), debtor).status_code == 201
    assert giving.available(debtor) == 400
    assert summary(giving.program)["debt"]["amount"] == 0
    assert_sound(giving.program)


def test_who_has_only_points_of_a_packet_is_erased_and_the_packet_forgets_his_name(giving: Giving) -> None:
    erased, other, _ = giving.members
    giving.program.client.patch(f"/v1/members/{member_ref(erased)}", {"name": "Li Hua"})
    packet = giving.packet(count=2, currency="PTS")
    for one in (erased, other):
        assert giving.claim(packet, one).status_code == 201
    assert giving.shown(packet)["claims"][0]["name"] == "L**"
    gone = giving.program.staff("owner").post(f"/v1/members/{member_ref(erased)}/erasure")
    assert gone.status_code in {200, 204}, gone.text
    advance(giving.program)
    shown = giving.shown(packet)
    assert [one["name"] for one in shown["claims"]] == [None, None]
    assert (shown["status"], shown["taken"]["amount"]) == ("finished", 1000)
    assert_sound(giving.program)


def test_a_packet_of_a_closed_month_pays_into_the_open_one(giving: Giving) -> None:
    """The books of the month in which it was funded are closed; it is claimed and returned afterwards."""
    packet = giving.packet(count=2, split="equal", expires_at=(now() + timedelta(hours=70)).isoformat())
    assert giving.claim(packet, giving.members[0]).status_code == 201
    with frozen_at(now() + timedelta(days=40)):
        month = (now().replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
        closed = giving.program.staff("finance").post(f"/v1/periods/{month}/close")
        assert closed.status_code in {200, 201}, closed.text
        advance(giving.program)
        entries = giving.program.client.get("/v1/ledger/transactions?kind=red_packet.returned").json["data"]
        assert [entry["effective_on"][:7] for entry in entries] == [now().strftime("%Y-%m")]
    assert_sound(giving.program)


def test_the_trial_balance_keeps_money_and_points_apart(giving: Giving, member: UUID) -> None:
    giving.packet()
    trial = giving.program.client.get("/v1/ledger/trial-balance").json
    assert trial["balanced"]
    sums = {(one["code"], one["currency"]): one["balance"] for one in trial["accounts"]}
    assert sums == {
        ("campaign_expense", "GBP"): -2000, ("red_packet_pool", "GBP"): 1000, ("member_available", "GBP"): 1000,
        ("points_issued", POINTS): -777, ("member_available", POINTS): 777,
    }  # fmt: skip
