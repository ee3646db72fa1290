"""The shop of the orders' tests serves claims as well."""

from tests.commission.orders.conftest import shop

__all__ = ["shop"]
