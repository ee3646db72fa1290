"""The finance summary: its sums, its identity, debts by age and the next thirty days."""

from datetime import UTC, datetime, timedelta
from typing import Any

from commission.settlement.finance import Debt, by_age
from core.clock import frozen_at, now
from core.ids import new_id
from tests.clients import TestProgram, make_program
from tests.commission.settlement.runs import office_of, prepare
from tests.factories import Earning, seed_commissions, seed_members, seed_payees, take_back
from tests.jobs import run_jobs


def summary(program: TestProgram, as_of: datetime | None = None) -> dict[str, Any]:
    query = {"as_of": as_of.isoformat()} if as_of else {}
    answer = program.client.get("/v1/finance/summary", query_string=query)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json
    left = shown["accrued"] - shown["reversed"] + shown["adjustments"] + shown["rewards"] + shown["red_packets"]
    right = shown["pending"] + shown["payable"] - shown["debt"]["amount"] + shown["in_payout"] + shown["paid"]
    assert left == right
    return shown


def test_an_empty_program_owes_nothing(program: TestProgram) -> None:
    shown = summary(program)
    assert [shown[name] for name in ("accrued", "reversed", "pending", "payable", "in_payout", "paid")] == [0] * 6
    assert shown["debt"]["amount"] == 0
    assert len(shown["maturing"]) == 30


def test_the_sums_follow_the_money(program: TestProgram) -> None:
    payees = seed_payees(program, [5000, 7000, 3000])
    (waiting,) = seed_commissions(program, [Earning(payees[0], 400, matures_at=None)])
    (refunded,) = seed_commissions(program, [Earning(payees[1], 900)])
    take_back(program, waiting, 100)
    shown = summary(program)
    assert (shown["accrued"], shown["reversed"], shown["pending"]) == (16_300, 100, 16_200)
    before = now()
    prepare(program, office_of(program).maker, min_payout=4000)
    take_back(program, refunded, 900)
    shown = summary(program)
    assert (shown["pending"], shown["payable"], shown["in_payout"], shown["paid"]) == (300, 3000, 12_900, 0)
    assert (shown["debt"]["amount"], shown["debt"]["members"], shown["reversed"]) == (900, 1, 1000)
    earlier = summary(program, before)  # what has been recorded since is taken off
    assert (earlier["pending"], earlier["in_payout"], earlier["reversed"]) == (16_200, 0, 100)
    assert (earlier["debt"]["amount"], earlier["as_of"][:19]) == (0, before.isoformat()[:19])


def test_a_debt_is_as_old_as_its_last_fall_below_zero(program: TestProgram) -> None:
    (member,) = seed_payees(program, [5000])
    ones = seed_commissions(program, [Earning(member, 1000) for _ in range(3)])
    begin = now()
    prepare(program, office_of(program).maker)
    with frozen_at(begin + timedelta(days=1)):
        take_back(program, ones[0], 1000)
    with frozen_at(begin + timedelta(days=10)):  # above zero again
        seed_commissions(program, [Earning(member, 1500)])
        mature(program)
    with frozen_at(begin + timedelta(days=20)):
        take_back(program, ones[1], 1000)
    with frozen_at(begin + timedelta(days=40)):
        take_back(program, ones[2], 1000)
    with frozen_at(begin + timedelta(days=61)):
        ages = summary(program)["debt"]["by_age"]
    assert [(age["from_days"], age["to_days"], age["amount"], age["members"]) for age in ages] == [
        (0, 30, 0, 0),
        (31, 60, 1500, 1),
        (61, 90, 0, 0),
        (91, None, 0, 0),
    ]


def mature(program: TestProgram) -> None:
    program.staff("finance").post("/v1/maturations", {"as_of": now().isoformat()})
    run_jobs(program.id)


def test_debts_fall_into_buckets_by_whole_days() -> None:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    days = [0, 30, 31, 60, 61, 90, 91, 400]
    debts = [Debt(new_id(), 10, at - timedelta(days=day)) for day in days]
    assert [(bucket.amount, bucket.members) for bucket in by_age(debts, at)] == [(20, 2)] * 4


def test_what_matures_on_the_next_thirty_days(app: Any) -> None:
    program = make_program(app, timezone="Asia/Shanghai")
    (member,) = seed_members(program)
    noon = now().replace(hour=4, minute=0, second=0, microsecond=0)  # noon in Shanghai
    today = noon.date()
    with frozen_at(noon):
        commissions = seed_commissions(
            program,
            [
                Earning(member, 1, matures_at=noon - timedelta(days=3)),  # overdue: today
                Earning(member, 20, matures_at=noon + timedelta(hours=11)),  # 23:00 in Shanghai
                Earning(member, 300, matures_at=noon + timedelta(hours=13)),  # 01:00 tomorrow
                Earning(member, 4000, matures_at=noon + timedelta(days=29)),
                Earning(member, 50_000, matures_at=noon + timedelta(days=30)),
                Earning(member, 600_000, matures_at=None),
                Earning(member, 7_000_000, matures_at=noon, held_reason="after_sale"),
            ],
        )
        take_back(program, commissions[2], 100)
        shown = [one for one in summary(program)["maturing"] if one["amount"]]
    expected = {today: (21, 2), today + timedelta(days=1): (200, 1), today + timedelta(days=29): (4000, 1)}
    assert {one["date"]: (one["amount"], one["commission_count"]) for one in shown} == {
        day.isoformat(): sums for day, sums in expected.items()
    }


def test_a_summary_of_the_future_is_refused(program: TestProgram) -> None:
    later = (now() + timedelta(minutes=1)).isoformat()
    answer = program.client.get("/v1/finance/summary", query_string={"as_of": later})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/as_of")
