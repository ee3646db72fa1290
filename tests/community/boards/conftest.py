"""A shop with the tree a → b → c and a plan, as the tests of orders have it."""

import pytest

from tests.clients import TestProgram
from tests.commission.orders.conftest import Shop


@pytest.fixture
def shop(program: TestProgram) -> Shop:
    shop = Shop(program)
    shop.settings(max_levels=3, timezone="Asia/Shanghai")
    shop.member("a")
    shop.member("b", "a")
    shop.member("c", "b")
    shop.member("d", "b")
    shop.plan(1000, 500, 200)
    return shop
