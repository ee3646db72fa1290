"""Codes used by orders: what is taken, what is refused and why, and what comes back."""

from datetime import timedelta
from typing import Any

import pytest

from core.clock import frozen_at, now
from core.db import Collision, transaction
from core.ids import new_id
from coupons.vouchers.errors import CouponRefused
from coupons.vouchers.service import Use, WantedCoupons, judge, redeem
from tests.clients import ApiClient, TestProgram
from tests.coupons.vouchers.offering import make_code, make_coupon
from tests.coupons.vouchers.quantities import assert_quantities
from tests.coupons.vouchers.sweeping import sweep
from tests.coupons.vouchers.using import LINES, cancel, judged, place, program_now, reasons, refund
from tests.factories import seed_members
from tests.referral.statements import counted_statements


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


def claimed(program: TestProgram, coupon: dict[str, Any], customer: str = "ann") -> str:
    answer = program.client.post(f"/v1/coupons/{coupon['id']}/claims", {"customer_external_id": customer})
    assert answer.status_code == 201, answer.text
    return answer.json["code"]  # type: ignore[index, no-any-return]


def shared(operator: ApiClient, coupon: dict[str, Any], code: str = "SHARED") -> str:
    return make_code(operator, coupon, code=code)["code"]  # type: ignore[no-any-return]


def unique(operator: ApiClient, coupon: dict[str, Any], count: int = 1) -> list[str]:
    return make_code(operator, coupon, quantity=count)["codes"]  # type: ignore[no-any-return]


def refused_with(program: TestProgram, order: str, codes: list[str], customer: str | None = "ann") -> str:
    with pytest.raises(CouponRefused) as refused:
        place(program, order, codes, customer)
    return refused.value.extra["refused"][0]["reason"]  # type: ignore[no-any-return]


def test_a_shared_code_takes_a_unit_for_each_order(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=2)
    code = shared(operator, coupon)
    for order in ("o-1", "o-2"):
        place(program, order, [code])
    assert refused_with(program, "o-3", [code]) == "sold_out"
    assert assert_quantities(program, coupon)[1:] == (0, 0, 2)


def test_a_unique_code_serves_one_order(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=2)
    (code,) = unique(operator, coupon)
    place(program, "o-1", [code.lower()])
    assert refused_with(program, "o-2", [code], "bob") == "already_used"
    assert assert_quantities(program, coupon)[1:] == (1, 0, 1)


def test_a_claimed_code_serves_its_customer_only_and_once(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=2)
    code = claimed(program, coupon)
    assert refused_with(program, "o-1", [code], "bob") == "not_yours"
    assert refused_with(program, "o-1", [code], None) == "not_yours"
    place(program, "o-2", [code])
    assert refused_with(program, "o-3", [code]) == "already_used"
    assert assert_quantities(program, coupon)[1:] == (1, 1, 0)


def test_a_customer_uses_no_more_than_he_may(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=9, per_customer_limit=2)
    code = shared(operator, coupon)
    claimed(program, coupon)
    place(program, "o-1", [code])
    assert refused_with(program, "o-2", [code]) == "limit_reached"
    place(program, "o-3", [code], "bob")
    assert assert_quantities(program, coupon)[1:] == (6, 1, 2)


def test_an_expired_claim_is_refused(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1, claim_valid_seconds=60)
    code = claimed(program, coupon)
    with frozen_at(now() + timedelta(seconds=60)):
        assert refused_with(program, "o-1", [code]) == "expired"
        sweep(program)
        assert refused_with(program, "o-1", [code]) == "expired"
    assert assert_quantities(program, coupon)[1:] == (1, 0, 0)


def test_an_order_takes_what_an_expired_claim_left(program: TestProgram, operator: ApiClient) -> None:
    """Without waiting for the sweep, for the holder as for others."""
    coupon = make_coupon(operator, total_quantity=1, per_customer_limit=1, claim_valid_seconds=60)
    code = shared(operator, coupon)
    claimed(program, coupon)
    assert refused_with(program, "o-1", [code]) == "sold_out"
    with frozen_at(now() + timedelta(seconds=60)):
        place(program, "o-1", [code])
        assert refused_with(program, "o-2", [code], "bob") == "sold_out"
        assert assert_quantities(program, coupon)[1:] == (0, 0, 1)


def test_orders_of_one_call_do_not_get_the_same_unit(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=3, per_customer_limit=2)
    code = shared(operator, coupon)
    (single,) = unique(operator, make_coupon(operator))
    seed_members(program, 1, prefix="ann")
    quotes = judged(
        program, ("ann-0", [code]), ("ann-0", [code]), ("ann-0", [code]), ("bob", [code]), ("eve", [code]),
        (None, [single]), (None, [single]),
    )  # fmt: skip
    assert [reasons(quote) for quote in quotes] == [[], [], ["limit_reached"], [], ["sold_out"], [], ["already_used"]]


def test_judging_takes_a_few_statements_for_any_number_of_orders(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=500, per_customer_limit=2)
    code, own = shared(operator, coupon), claimed(program, coupon)
    counts = []
    for number in (1, 100):
        with counted_statements() as statements:
            judged(program, *[("ann", [code, own, "NONE"])] * number)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 5  # one of them reads the program's settings
    with counted_statements() as statements:
        judged(program, *[("ann", [])] * 100)
    assert len(statements) == 1


def test_redeeming_takes_as_many_statements_for_many_orders_as_for_one(
    program: TestProgram, operator: ApiClient
) -> None:
    coupon = make_coupon(operator, total_quantity=500)
    code, current = shared(operator, coupon), program.now()
    counts = []
    for number in (1, 50):
        wanted = [WantedCoupons(f"o-{number}-{n}", None, LINES, [code]) for n in range(number)]
        with transaction(program.id):
            quotes = judge(current, wanted)
            uses = [
                Use(new_id(), str(one.order_external_id), None, quote.discounts)
                for one, quote in zip(wanted, quotes, strict=True)
            ]
            with counted_statements() as statements:
                redeem(current, uses)
        counts.append(len(statements))
    assert counts[1] <= counts[0] + 2  # a savepoint, where more than one unit is taken
    assert assert_quantities(program, coupon)[1:] == (449, 0, 51)


def test_what_was_taken_since_it_was_judged_is_a_collision(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1)
    code = shared(operator, coupon)
    (quote,) = judged(program, ("ann", [code]))
    place(program, "o-1", [code], "bob")
    with pytest.raises(Collision), transaction(program.id):
        redeem(program_now(program), [Use(new_id(), "o-0", None, quote.discounts)])
    assert assert_quantities(program, coupon)[1:] == (0, 0, 1)


@pytest.mark.parametrize(
    ("rule", "after_cancel", "after_refund"),
    [("cancel_or_full_refund", 5, 5), ("cancel_only", 5, 4), ("never", 4, 4)],
)
def test_a_redemption_returns_by_the_coupons_rule(
    program: TestProgram, operator: ApiClient, rule: str, after_cancel: int, after_refund: int
) -> None:
    for number, (end, left) in enumerate(((cancel, after_cancel), (refund, after_refund))):
        coupon = make_coupon(operator, total_quantity=5, per_customer_limit=1, give_back=rule)
        order = place(program, f"o-{number}", [shared(operator, coupon, f"C-{number}")])
        for _ in range(2):  # twice has no effect
            end(program, order)
            assert assert_quantities(program, coupon).left == left


def test_a_code_given_back_can_be_used_again(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=5, per_customer_limit=2, stackable=True)
    codes = [claimed(program, coupon), *unique(operator, coupon)]
    order = place(program, "o-1", codes)
    cancel(program, order)
    assert assert_quantities(program, coupon)[1:] == (4, 1, 0)
    place(program, "o-2", codes)
    assert assert_quantities(program, coupon)[1:] == (3, 1, 1)


def test_a_claim_that_ran_out_meanwhile_returns_to_the_quantity(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=5, per_customer_limit=1, claim_valid_seconds=60)
    order = place(program, "o-1", [claimed(program, coupon)])
    with frozen_at(now() + timedelta(seconds=61)):
        sweep(program)
        assert assert_quantities(program, coupon)[1:] == (4, 1, 0)
        cancel(program, order)
    assert assert_quantities(program, coupon)[1:] == (5, 0, 0)


def test_a_recorded_code_takes_nothing_of_the_quantity(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, total_quantity=1, per_customer_limit=1)
    code = shared(operator, coupon)
    place(program, "o-1", [code])
    order = place(program, "o-2", [], recorded=[(code.lower(), 123), ("NO-SUCH-CODE", 5)])
    assert assert_quantities(program, coupon)[1:] == (0, 0, 1)
    cancel(program, order)
    assert assert_quantities(program, coupon)[1:] == (0, 0, 1)
