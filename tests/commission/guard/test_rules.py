"""Which facts are suspicious under which settings, and what the strongest policy does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commission.guard.rules import OF_ORDERS, Facts, policies, signals_of, status_of
from commission.orders.inspection import Seller
from core.ids import new_id
from core.programs.settings import GuardSettings, Policy

PAID_AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
MEMBER, CUSTOMER = new_id(), new_id()
ALL_FLAG = GuardSettings()


def seller(**more: Any) -> Seller:
    given = {
        "order_id": new_id(), "member_id": MEMBER, "customer_id": CUSTOMER, "paid_at": PAID_AT, "clicked_at": None,
        "coupon_code": None,
    } | more  # fmt: skip
    return Seller(**given)


def found(one: Seller, facts: Facts, settings: GuardSettings = ALL_FLAG) -> list[str]:
    active = policies(settings, "flag", "hold", "refuse")
    return [signal.signal for signal in signals_of(one, facts, settings, active, PAID_AT)]


def test_an_ordinary_order_gives_no_signal() -> None:
    assert found(seller(clicked_at=PAID_AT - timedelta(minutes=5)), Facts(device_members=1, orders_30_days=1)) == []


@pytest.mark.parametrize(
    ("facts", "signal"),
    [
        (Facts(shared=("phone",)), "self_referral"),
        (Facts(shared=("device", "payout_account")), "self_referral"),
        (Facts(device_members=4), "shared_device"),
        (Facts(device_members=3), None),
        (Facts(address_members=20), "shared_device"),
        (Facts(address_members=19), None),
        (Facts(orders_30_days=10, sales_30_days=10_000, refunded_30_days=5_001), "refund_ratio"),
        (Facts(orders_30_days=10, sales_30_days=10_000, refunded_30_days=5_000), None),
        (Facts(orders_30_days=9, sales_30_days=10_000, refunded_30_days=10_000), None),
        (Facts(orders_30_days=10, sales_30_days=0, refunded_30_days=0), None),
        (Facts(redemptions=20, by_strangers=17), "coupon_leak"),
        (Facts(redemptions=20, by_strangers=16), None),
        (Facts(redemptions=19, by_strangers=19), None),
        (Facts(orders_last_hour=101), "velocity"),
        (Facts(orders_last_hour=100), None),
    ],
)
def test_each_threshold(facts: Facts, signal: str | None) -> None:
    assert found(seller(), facts) == ([signal] if signal else [])


@pytest.mark.parametrize(
    ("milliseconds", "fast"), [(0, True), (2_999, True), (3_000, False), (60_000, False), (-1, False)]
)
def test_a_purchase_too_soon_after_the_click(milliseconds: int, fast: bool) -> None:
    one = seller(clicked_at=PAID_AT - timedelta(milliseconds=milliseconds))
    assert found(one, Facts()) == (["fast_order"] if fast else [])


def test_who_buys_for_himself_is_no_second_account() -> None:
    assert found(seller(customer_id=MEMBER), Facts(shared=("phone",))) == []


def test_an_allowed_signal_is_not_looked_for() -> None:
    assert found(seller(), Facts(shared=("phone",)), GuardSettings(self_referral="allow")) == []


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, "clear"),
        ({"self_referral": "flag"}, "flagged"),
        ({"self_referral": "flag", "velocity": "hold"}, "held"),
        ({"self_referral": "refuse", "velocity": "hold"}, "refused"),
    ],
)
def test_the_strongest_policy_decides(given: dict[str, Policy], status: str) -> None:
    settings = GuardSettings(**(dict.fromkeys(OF_ORDERS, "allow") | given))  # type: ignore[arg-type]
    active = policies(settings, "flag", "hold", "refuse")
    facts = Facts(shared=("phone",), orders_last_hour=1000)
    assert status_of(signals_of(seller(), facts, settings, active, PAID_AT)) == status


def test_what_is_about_a_member_is_said_once_a_day_unless_it_holds() -> None:
    facts = Facts(orders_last_hour=1000)
    for policy, one_row in (("flag", True), ("hold", False)):
        settings = GuardSettings(velocity=policy)  # type: ignore[arg-type]
        subjects = {
            signal.subject
            for _ in range(3)
            for signal in signals_of(seller(), facts, settings, policies(settings, policy), PAID_AT)  # type: ignore[arg-type]
            if signal.signal == "velocity"
        }
        assert (len(subjects) == 1) == one_row
