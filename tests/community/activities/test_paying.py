"""Giving rewards: one that cannot be given is refused by itself, and nobody is paid who is erased meanwhile."""

from collections.abc import Callable
from threading import Event
from typing import Any, LiteralString

import pytest
from flask import Flask

from commission.ledger.service import Account, Entry, Posting, post
from community.activities import paying
from core.db import execute, scalar, transaction
from core.ids import new_id
from referral.members.service import erase
from tests.community.activities.stage import CASH, CASH_BUDGET, NOON, POINTS, POINTS_BUDGET, Stage, uuid_of
from tests.community.red_packets.giving import until_somebody_waits
from tests.coupons.vouchers.offering import make_coupon
from tests.coupons.vouchers.quantities import assert_quantities
from tests.factories import seed_members
from tests.threads import together

Activity = dict[str, Any]
FULL = 2**63 - 5  # a balance that has no room for a reward


def at_once(stage: Stage, kind: str, **more: Any) -> Activity:
    """A check-in that is rewarded within seconds."""
    rewards: dict[str, dict[str, Any]] = {"cash": CASH, "points": POINTS, "coupon": {"kind": "coupon"}}
    reward = rewards[kind] | {"pay": "at_once"} | more
    budgets: dict[str, dict[str, Any]] = {"cash": CASH_BUDGET, "points": POINTS_BUDGET}
    return stage.run(reward=reward, **({"budget": budgets[kind]} if kind in budgets else {}))


def statement(stage: Stage, sql: LiteralString, **values: Any) -> None:
    with transaction(stage.program.id):
        assert execute(sql, p=stage.program.id, **values) == 1


def change_reward(stage: Stage, activity: Activity, member: str, change: LiteralString, **values: Any) -> None:
    """Something of one reward that no call of today would make."""
    statement(
        stage,
        "UPDATE activity_rewards r SET " + change + """ FROM members m
        WHERE r.program_id = %(p)s AND r.activity_id = %(activity_id)s AND m.program_id = r.program_id
          AND m.id = r.member_id AND m.external_id = %(member)s""",
        activity_id=uuid_of("act", activity["id"]), member=member, **values,
    )  # fmt: skip


def fill_balance(stage: Stage, member: str, currency: str, amount: int = FULL) -> None:
    statement(
        stage,
        """INSERT INTO member_balances (program_id, member_id, currency, pending, available, in_payout, paid)
           SELECT program_id, id, %(currency)s, 0, %(amount)s, 0, 0 FROM members
           WHERE program_id = %(p)s AND external_id = %(member)s
           ON CONFLICT (program_id, member_id, currency) DO UPDATE SET available = excluded.available""",
        member=member, currency=currency, amount=amount,
    )  # fmt: skip


def has_too_many_points(stage: Stage, activity: Activity) -> None:
    """Made when that was allowed; the budget would pay it."""
    change_reward(stage, activity, "m-0", "amount = 1000000000001")
    statement(
        stage,
        """UPDATE activity_budgets SET amount = 10000000000000, left_amount = 10000000000000
           WHERE program_id = %(p)s AND activity_id = %(id)s""",
        id=uuid_of("act", activity["id"]),
    )  # fmt: skip


def has_no_amount(stage: Stage, activity: Activity) -> None:
    change_reward(stage, activity, "m-0", "amount = 0")


def has_no_room_for_money(stage: Stage, _: Activity) -> None:
    fill_balance(stage, "m-0", "GBP")


def has_no_room_for_points(stage: Stage, _: Activity) -> None:
    fill_balance(stage, "m-0", "PTS")


def is_known_to_the_ledger(stage: Stage, activity: Activity) -> None:
    """Something else was posted under the reward's key."""
    (reward,) = [one for one in stage.rewards(activity) if one["member_id"] == id_of(stage, "m-0")]
    key = f"activity.reward:{uuid_of('arw', reward['id'])}"
    postings = (Posting(Account.CAMPAIGN_EXPENSE, None, -1), Posting(Account.ACTIVITY_BUDGET, None, 1))
    with transaction(stage.program.id):
        post(stage.program.id, "GBP", [Entry("activity.budgeted", key, NOON.date(), postings)])


def names_no_coupon(stage: Stage, activity: Activity) -> None:
    change_reward(stage, activity, "m-0", "coupon_id = NULL")


def names_an_unknown_coupon(stage: Stage, activity: Activity) -> None:
    change_reward(stage, activity, "m-0", "coupon_id = %(coupon_id)s", coupon_id=new_id())


def id_of(stage: Stage, member: str) -> str:
    return stage.client.get(f"/v1/members/ext:{member}").json["id"]  # type: ignore[index, no-any-return]


def outcome(stage: Stage, activity: Activity, member: str) -> tuple[str, str | None]:
    (reward,) = [one for one in stage.rewards(activity) if one["member_id"] == id_of(stage, member)]
    return reward["status"], reward["reason"]


@pytest.mark.parametrize(
    ("kind", "poison", "reason"),
    [
        ("points", has_too_many_points, "too_many_points"),
        ("points", has_no_amount, "cannot_be_given"),
        ("points", has_no_room_for_points, "cannot_be_given"),
        ("cash", has_no_amount, "cannot_be_given"),
        ("cash", has_no_room_for_money, "cannot_be_given"),
        ("cash", is_known_to_the_ledger, "cannot_be_given"),
        ("coupon", names_no_coupon, "cannot_be_given"),
        ("coupon", names_an_unknown_coupon, "not_found"),
    ],
)  # fmt: skip
def test_a_reward_that_cannot_be_given_stands_in_nobodys_way(
    stage: Stage, kind: str, poison: Callable[[Stage, Activity], None], reason: str
) -> None:
    """Those of the same chunk, those behind it of the same activity, and those of another kind."""
    seed_members(stage.program, 7)
    more = {"coupon_id": make_coupon(stage.program.staff("operator"))["id"]} if kind == "coupon" else {}
    activity, other = at_once(stage, kind, **more), at_once(stage, "points" if kind == "cash" else "cash")
    for number in range(6):
        assert stage.join(activity, f"m-{number}").status_code == 201
    assert stage.join(other, "m-6").status_code == 201
    poison(stage, activity)
    stage.sweep()
    assert outcome(stage, activity, "m-0") == ("refused", reason)
    assert [outcome(stage, activity, f"m-{number}") for number in range(1, 6)] == [("paid", None)] * 5
    assert outcome(stage, other, "m-6") == ("paid", None)
    if kind != "coupon":
        amount = activity["reward"]["amount"]
        paid = stage.available if kind == "cash" else stage.points
        assert [paid(f"m-{number}") for number in range(1, 6)] == [amount] * 5
        budget = stage.show(activity)["budget"]
        assert budget["amount"] - budget["left"] == 5 * amount, "what was refused is not taken"


def test_the_budget_pays_in_the_order_that_was_earned_though_one_cannot_be_given(stage: Stage) -> None:
    seed_members(stage.program, 6)
    activity = stage.run(reward={**CASH, "pay": "at_once"}, budget={"currency": "GBP", "amount": 1000})
    for number in range(6):
        stage.join(activity, f"m-{number}")
    fill_balance(stage, "m-1", "GBP")
    stage.sweep()
    paid, poor = ("paid", None), ("refused", "budget_exhausted")
    assert [outcome(stage, activity, f"m-{number}") for number in range(6)] == [
        paid, ("refused", "cannot_be_given"), paid, paid, paid, poor,
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "currency"), [("cash", "GBP"), ("points", "PTS")])
def test_a_reward_that_cannot_be_taken_back_stands_in_nobodys_way(stage: Stage, kind: str, currency: str) -> None:
    orders = []
    reward, budget = (CASH, CASH_BUDGET) if kind == "cash" else (POINTS, POINTS_BUDGET)
    activity = stage.run("invite", reward={**reward, "pay": "at_once"}, budget=budget)
    for number in range(3):
        stage.member(f"anna-{number}")
        stage.member(f"bob-{number}", inviter=f"anna-{number}")
        orders.append(stage.order(f"bob-{number}"))
    stage.sweep()
    amount = reward["amount"]
    paid = stage.available if kind == "cash" else stage.points
    assert [paid(f"anna-{number}") for number in range(3)] == [amount] * 3
    fill_balance(stage, "anna-0", currency, -(2**63) + 1)
    for order in orders:
        stage.refund(order)
    stage.sweep()
    assert outcome(stage, activity, "anna-0") == ("paid", "cannot_be_taken_back")
    assert [outcome(stage, activity, f"anna-{number}") for number in (1, 2)] == [("taken_back", "refunded")] * 2
    assert [paid(f"anna-{number}") for number in (1, 2)] == [0, 0]
    assert stage.show(activity)["budget"]["left"] == budget["amount"] - amount, "only what came back is there again"


def test_who_is_erased_and_a_budget_that_closed_get_nothing_and_stand_in_nobodys_way(stage: Stage) -> None:
    members = seed_members(stage.program, 3)
    closed, activity = at_once(stage, "cash"), at_once(stage, "cash")
    stage.join(closed, "m-2")
    for number in range(2):
        stage.join(activity, f"m-{number}")
    with transaction(stage.program.id):
        erase(stage.program.id, members[0])
    statement(
        stage,
        """UPDATE activity_budgets SET status = 'closed', left_amount = 0
           WHERE program_id = %(p)s AND activity_id = %(id)s""",
        id=uuid_of("act", closed["id"]),
    )  # fmt: skip
    stage.sweep()
    assert [(one["status"], one["reason"]) for one in reversed(stage.rewards(activity))] == [
        ("refused", "member_not_active"), ("paid", None),
    ]  # fmt: skip
    assert outcome(stage, closed, "m-2") == ("refused", "budget_exhausted")


def test_a_coupon_that_ends_in_the_middle_of_a_claim_has_counted_nobody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim had counted the member when it saw the end: that is undone with it."""
    coupon = make_coupon(stage.program.staff("operator"), total_quantity=5, per_customer_limit=1)
    activity = at_once(stage, "coupon", coupon_id=coupon["id"])
    seed_members(stage.program, 1)
    stage.join(activity, "m-0")
    claim_many = paying.vouchers.claim_many

    def claim_and_see_the_end(*given: Any) -> Any:
        claim_many(*given)
        end_at_this_moment(stage, coupon)
        return claim_many(*given)

    monkeypatch.setattr(paying.vouchers, "claim_many", claim_and_see_the_end)
    stage.sweep()
    assert outcome(stage, activity, "m-0") == ("refused", "ended")
    assert assert_quantities(stage.program, coupon)[1:] == (5, 0, 0), "as if nobody had claimed"


def end_at_this_moment(stage: Stage, coupon: dict[str, Any]) -> None:
    execute(
        "UPDATE coupons SET status = 'ended' WHERE program_id = %(p)s AND id = %(id)s",
        p=stage.program.id, id=uuid_of("cpn", coupon["id"]),
    )  # fmt: skip


def test_a_lock_that_somebody_holds_refuses_nobody(stage: Stage) -> None:
    """What is not the reward's own fault is repeated."""
    seed_members(stage.program, 2)
    activity = at_once(stage, "cash")
    for number in range(2):
        stage.join(activity, f"m-{number}")
    held, tried = Event(), Event()

    def holds() -> str:
        with transaction(stage.program.id):
            execute("SELECT FROM activity_budgets WHERE program_id = %(p)s FOR UPDATE", p=stage.program.id)
            held.set()
            assert tried.wait(10)
        return "let go"

    def pays() -> str:
        program = stage.program.now()
        assert held.wait(10)
        try:
            with pytest.raises(Exception, match="lock timeout"), transaction(program.id, lock_timeout_ms=50):
                paying.pay_chunk(program)
        finally:
            tried.set()
        return "gave up"

    assert together(stage.program.app, holds, pays) == ["let go", "gave up"]
    assert [outcome(stage, activity, f"m-{number}") for number in range(2)] == [("due", None)] * 2
    stage.sweep()
    assert [stage.available(f"m-{number}") for number in range(2)] == [250, 250]
    stage.assert_sound()


@pytest.mark.parametrize("kind", ["cash", "points", "coupon"])
def test_a_payment_waits_for_an_erasure_and_an_erased_member_gets_nothing(app: Flask, stage: Stage, kind: str) -> None:
    (member,) = seed_members(stage.program, 1)
    coupon = make_coupon(stage.program.staff("operator"))
    activity = at_once(stage, kind, **({"coupon_id": coupon["id"]} if kind == "coupon" else {}))
    assert stage.join(activity, "m-0").status_code == 201
    program, held, waits = stage.program.now(), Event(), Event()

    def erases() -> str:
        with transaction(program.id):
            erase(program.id, member)
            held.set()
            assert waits.wait(10)
        return "erased"

    def pays() -> str:
        assert held.wait(10)
        with transaction(program.id):
            paying.pay_chunk(program)
        return "paid"

    def lets_go() -> str:
        assert held.wait(10)
        until_somebody_waits()
        waits.set()
        return "let go"

    assert together(app, erases, pays, lets_go) == ["erased", "paid", "let go"]
    assert [(one["status"], one["reason"]) for one in stage.rewards(activity)] == [("refused", "member_not_active")]
    with transaction(program.id, read_only=True):
        assert not scalar("SELECT sum(available) FROM member_balances WHERE program_id = %(p)s", p=program.id)
    if kind != "coupon":
        assert stage.show(activity)["budget"]["left"] == 100_000
    stage.assert_sound()


def test_an_erasure_waits_for_a_payment_and_is_refused_by_the_money(app: Flask, stage: Stage) -> None:
    seed_members(stage.program, 1)
    activity = at_once(stage, "cash")
    stage.join(activity, "m-0")
    program, paid, waits = stage.program.now(), Event(), Event()

    def pays() -> int:
        with transaction(program.id):
            paying.pay_chunk(program)
            paid.set()
            assert waits.wait(10)
        return 0

    def erases() -> int:
        assert paid.wait(10)
        return stage.client.post("/v1/members/ext:m-0/erasure").status_code

    def lets_go() -> int:
        assert paid.wait(10)
        until_somebody_waits()
        waits.set()
        return 0

    assert together(app, pays, erases, lets_go) == [0, 409, 0]
    assert stage.available("m-0") == 250
    stage.assert_sound()
