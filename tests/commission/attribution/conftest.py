"""The shop of the orders' tests, with two sellers outside the customer's line."""

import pytest

from tests.clients import TestProgram
from tests.commission.orders.conftest import Shop


@pytest.fixture
def shop(program: TestProgram) -> Shop:
    """The tree a → b → c and, apart from it, boss → seller and rival; plan 10 % / 5 % / 2 %."""
    shop = Shop(program)
    for name, inviter in (("a", None), ("b", "a"), ("c", "b"), ("boss", None), ("seller", "boss"), ("rival", None)):
        shop.member(name, inviter)
    shop.plan(1000, 500, 200)
    return shop
