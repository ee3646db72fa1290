"""Fixtures of payouts: a rail of the test's own in the place of the installed one."""

from collections.abc import Callable, Iterator

import pytest

from commission.payouts import rails
from commission.payouts.rails.protocol import Rail
from tests.commission.payouts.fake_rail import FakeRail


@pytest.fixture
def use_rail() -> Iterator[Callable[[Rail], Rail]]:
    """Registers rails for the length of the test."""
    before = dict(rails._rails)

    def use(rail: Rail) -> Rail:
        rails.register(rail)
        return rail

    yield use
    rails._rails.clear()
    rails._rails.update(before)


@pytest.fixture
def rail(use_rail: Callable[[Rail], Rail]) -> FakeRail:
    """A rail that pays at once, until its knobs are turned."""
    fake = FakeRail()
    use_rail(fake)
    return fake
