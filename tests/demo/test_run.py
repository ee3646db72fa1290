"""The whole job on a slice: twice, in any batch size and in any order of independent events, the same to the cent."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from demo.accounts import Access, establish
from demo.intake import IntakeError
from demo.progress import Show
from demo.retail import RetailFolder
from demo.run import Options, Passed, run, run_again
from tests.commission.payouts.rails.conftest import Sandbox
from tests.demo.conftest import quiet, working_options

SERVICE = "service"


@pytest.fixture(scope="module")
def first_pass(app: Flask, sandbox: Sandbox, retail_slice: RetailFolder) -> Iterator[tuple[Access, Passed]]:
    """The slice in a fresh program, in the file's order."""
    with app.app_context():
        access = establish(app, "First pass")
        yield access, run(app, access, retail_slice, quiet(), working_options(access))


def test_everything_comes_in_and_money_goes_out(
    first_pass: tuple[Access, Passed], retail_slice: RetailFolder, sandbox: Sandbox
) -> None:
    outcome, intake, extent = first_pass[1].outcome, first_pass[1].intake, retail_slice.extent()
    assert outcome.books_agree
    assert (outcome.sales.orders, outcome.sales.lines) == (extent.orders, extent.lines)
    assert intake.orders.created == intake.completions.created == extent.orders
    assert intake.refunds.created + intake.late_refunds.created == extent.refunds
    paid = {one["status"]: one["gross"] for one in outcome.run["progress"]}
    assert paid == {"paid": outcome.finance["paid"]}
    booked = [transfer for transfer in sandbox.book() if transfer["status"] == "paid"]
    assert sum(transfer["amount"] for transfer in booked) >= outcome.finance["paid"] > 0


def test_levels_one_and_two_earn_what_the_plan_says(
    first_pass: tuple[Access, Passed], retail_slice: RetailFolder
) -> None:
    inviter = {member.external_id: member.inviter for member in retail_slice.members()}
    owed = {1: 0, 2: 0}
    for order in retail_slice.orders():
        base = sum(line.quantity * line.unit_price for line in order.items if line.category != SERVICE)
        above = inviter.get(order.customer_external_id or "")
        for level, rate_bps in ((1, 800), (2, 400)):
            owed[level] += base * rate_bps // 10_000 if above else 0
            above = inviter.get(above or "")
    assert {level.level: level.amount for level in first_pass[1].outcome.levels} == owed


def test_a_refund_after_the_payout_leaves_a_debt(first_pass: tuple[Access, Passed]) -> None:
    outcome, finance = first_pass[1].outcome, first_pass[1].outcome.finance
    accrued, reversed_ = (sum(column) for column in zip(*((x.amount, x.reversed) for x in outcome.levels), strict=True))
    reversed_late = reversed_ - (accrued - outcome.matured.amount)
    assert reversed_late > 0
    assert finance["debt"]["members"] > 0
    assert finance["payable"] - finance["debt"]["amount"] == outcome.matured.amount - finance["paid"] - reversed_late


@pytest.mark.parametrize(("batch", "seed"), [(7, None), (500, None), (50, 1), (11, 2)])
def test_any_batch_size_and_any_order_end_the_same(
    app: Flask, access: Access, retail_slice: RetailFolder, first_pass: tuple[Access, Passed], batch: int,
    seed: int | None,
) -> None:  # fmt: skip
    again = run(app, access, retail_slice, quiet(), working_options(access, batch, seed)).outcome
    first = first_pass[1].outcome
    assert again.fingerprint == first.fingerprint
    assert (again.sales, again.levels, again.matured) == (first.sales, first.levels, first.matured)
    assert again.run["skipped"] == first.run["skipped"]
    assert again.books_agree


@pytest.mark.parametrize("seed", [None, 3])
def test_a_second_pass_finds_everything_there(
    app: Flask, retail_slice: RetailFolder, first_pass: tuple[Access, Passed], show: Show, seed: int | None
) -> None:
    access, first = first_pass
    lines = list(run_again(app, access, retail_slice, show, working_options(access, 33, seed)))
    assert "to the cent" in lines[-1]
    again = run(app, access, retail_slice, show, working_options(access)).outcome
    assert again.fingerprint == first.outcome.fingerprint
    assert again.finance["paid"] == first.outcome.finance["paid"]


def test_a_second_pass_that_makes_something_new_is_told(
    app: Flask, access: Access, retail_slice: RetailFolder, show: Show
) -> None:
    with pytest.raises(IntakeError, match="something new"):
        list(run_again(app, access, retail_slice, show, working_options(access)))


def test_data_that_the_product_refuses_is_named(
    app: Flask, access: Access, retail_slice: RetailFolder, show: Show, spoilt: Callable[[RetailFolder], RetailFolder]
) -> None:
    with pytest.raises(IntakeError, match="refund_exceeds_order"):
        run(app, access, spoilt(retail_slice), show, Options())
