"""A program with a small tree and a plan, as in the worked cases: `a` invited `b`, `b` invited `c`."""

from typing import Any

import pytest

from tests.clients import ApiClient, TestProgram

PAID_AT = "2026-03-01T10:00:00Z"


class Shop:
    """The calls a shop makes, with sensible defaults."""

    def __init__(self, program: TestProgram) -> None:
        self.program = program
        self.client: ApiClient = program.client
        self.owner = program.staff("owner")

    def settings(self, **changes: Any) -> None:
        answer = self.owner.patch("/v1/program", changes)
        assert answer.status_code == 200, answer.text

    def plan(self, *levels: int, **terms: Any) -> dict[str, Any]:
        body = {
            "name": "plan",
            "effective_from": "2000-01-01T00:00:00Z",
            "levels": [{"rate_bps": rate} for rate in levels],
        }
        answer = self.owner.post("/v1/plans", body | terms)
        assert answer.status_code == 201, answer.text
        return answer.json  # type: ignore[no-any-return]

    def member(self, external_id: str, inviter: str | None = None, **more: Any) -> dict[str, Any]:
        body = {"external_id": external_id} | ({"inviter_external_id": inviter} if inviter else {}) | more
        answer = self.client.post("/v1/members", body)
        assert answer.status_code == 201, answer.text
        return answer.json  # type: ignore[no-any-return]

    def order(self, external_id: str = "o1", customer: str | None = "c", **more: Any) -> dict[str, Any]:
        answer = self.client.post("/v1/orders", order_body(external_id, customer, **more))
        assert answer.status_code == 201, answer.text
        return answer.json  # type: ignore[no-any-return]

    def refund(self, order: str, external_id: str, status: int = 201, **terms: Any) -> dict[str, Any]:
        body = {"external_id": external_id, "refunded_at": "2026-03-05T00:00:00Z"} | terms
        answer = self.client.post(f"/v1/orders/ext:{order}/refunds", body)
        assert answer.status_code == status, answer.text
        return answer.json  # type: ignore[no-any-return]

    def shown(self, external_id: str = "o1") -> dict[str, Any]:
        return self.client.get(f"/v1/orders/ext:{external_id}").json  # type: ignore[no-any-return]

    def balance(self, external_id: str) -> dict[str, int]:
        return self.client.get(f"/v1/members/ext:{external_id}/balance").json  # type: ignore[no-any-return]


def order_body(external_id: str = "o1", customer: str | None = "c", **more: Any) -> dict[str, Any]:
    items = [
        {"sku": "x", "quantity": 3, "unit_price": 333},
        {"sku": "y", "quantity": 1, "unit_price": 101},
    ]
    body = {"external_id": external_id, "currency": "GBP", "paid_at": PAID_AT, "items": items}
    return body | ({"customer_external_id": customer} if customer else {}) | more


@pytest.fixture
def shop(program: TestProgram) -> Shop:
    """The tree a → b → c, plan 10 % / 5 % / 2 %, three levels."""
    shop = Shop(program)
    shop.settings(max_levels=3)
    shop.member("a")
    shop.member("b", "a")
    shop.member("c", "b")
    shop.plan(1000, 500, 200)
    return shop
