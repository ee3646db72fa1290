"""A program with a small tree and a plan, as in the worked cases: `a` invited `b`, `b` invited `c`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from commission.earnings.maturation import begin_maturation, mature_chunk
from commission.plans.service import publish_plan
from core.auth.access import Role
from core.auth.actor import Actor, ActorKind
from core.auth.service import program_of
from core.db import transaction
from core.ids import new_id
from core.programs.service import change_program
from tests.clients import ApiClient, TestProgram

PAID_AT = "2026-03-01T10:00:00Z"
COMPLETED_AT = "2026-03-02T10:00:00Z"
MATURE_AT = datetime(2026, 3, 9, 10, tzinfo=UTC)  # seven days after COMPLETED_AT, to the second
REFUNDED_AT = "2026-03-05T00:00:00Z"


class Shop:
    """The calls a shop makes, with sensible defaults."""

    def __init__(self, program: TestProgram) -> None:
        self.program = program
        self.client: ApiClient = program.client

    @cached_property
    def owner(self) -> ApiClient:
        """Somebody of that role, signed in; passwords are slow by design, so settings and plans do without."""
        return self.program.staff("owner")

    def post(self, path: str, body: Any, status: int = 200) -> dict[str, Any]:
        answer = self.client.post(path, body)
        assert answer.status_code == status, answer.text
        return answer.json  # type: ignore[no-any-return]

    def settings(self, **changes: Any) -> None:
        with transaction(self.program.id):
            change_program(self._actor(), None, changes)

    def plan(self, *levels: int, effective_from: str = "2000-01-01T00:00:00Z", **terms: Any) -> UUID:
        body = {"levels": [{"rate_bps": rate} for rate in levels]} | terms
        with transaction(self.program.id):
            return publish_plan(self._actor(), "plan", datetime.fromisoformat(effective_from), body).id

    def _actor(self) -> Actor:
        return Actor(program_of(self.program.id), ActorKind.STAFF, new_id(), role=Role.OWNER)

    def member(self, external_id: str, inviter: str | None = None, **more: Any) -> dict[str, Any]:
        body = {"external_id": external_id} | ({"inviter_external_id": inviter} if inviter else {}) | more
        return self.post("/v1/members", body, 201)

    def order(self, external_id: str = "o1", customer: str | None = "c", **more: Any) -> dict[str, Any]:
        return self.post("/v1/orders", order_body(external_id, customer, **more), 201)

    def batch(self, orders: Sequence[Any]) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.post("/v1/orders/batch", {"orders": orders})["results"]
        return results

    def refund(self, order: str, external_id: str, status: int = 201, **terms: Any) -> dict[str, Any]:
        body = {"external_id": external_id, "refunded_at": REFUNDED_AT} | terms
        return self.post(f"/v1/orders/ext:{order}/refunds", body, status)

    def refunds(self, refunds: Sequence[Any]) -> list[dict[str, Any]]:
        body = {"refunds": [{"refunded_at": REFUNDED_AT} | one if isinstance(one, dict) else one for one in refunds]}
        results: list[dict[str, Any]] = self.post("/v1/refunds/batch", body)["results"]
        return results

    def pay(self, order: str = "o1", at: str = PAID_AT, status: int = 200) -> dict[str, Any]:
        return self.post(f"/v1/orders/ext:{order}/pay", {"paid_at": at}, status)

    def complete(self, order: str = "o1", at: str = COMPLETED_AT, status: int = 200) -> dict[str, Any]:
        return self.post(f"/v1/orders/ext:{order}/complete", {"completed_at": at}, status)

    def cancel(self, order: str = "o1", at: str = REFUNDED_AT, status: int = 200) -> dict[str, Any]:
        return self.post(f"/v1/orders/ext:{order}/cancel", {"canceled_at": at, "reason": "not wanted"}, status)

    def after_sale(self, order: str = "o1", *, is_open: bool) -> dict[str, Any]:
        answer = self.client.put(f"/v1/orders/ext:{order}/after-sale", {"open": is_open, "reason": "broken"})
        assert answer.status_code == 200, answer.text
        return answer.json  # type: ignore[no-any-return]

    def mature(self, as_of: datetime = MATURE_AT) -> None:
        """What the job does with every commission whose hold has ended by then."""
        with transaction(self.program.id):
            maturation_id = begin_maturation(self.program.id, as_of, source="request", created_by=None)
        done = False
        while not done:
            with transaction(self.program.id):
                done = mature_chunk(program_of(self.program.id), maturation_id)

    def shown(self, external_id: str = "o1") -> dict[str, Any]:
        return self.client.get(f"/v1/orders/ext:{external_id}").json  # type: ignore[no-any-return]

    def explained(self, external_id: str = "o1") -> dict[str, Any]:
        return self.client.get(f"/v1/orders/ext:{external_id}/explanation").json  # type: ignore[no-any-return]

    def balance(self, external_id: str) -> dict[str, int]:
        return self.client.get(f"/v1/members/ext:{external_id}/balance").json  # type: ignore[no-any-return]

    def pending(self, *members: str) -> list[int]:
        return [self.balance(member)["pending"] for member in members]

    def available(self, *members: str) -> list[int]:
        return [self.balance(member)["available"] for member in members]


def order_body(external_id: str = "o1", customer: str | None = "c", **more: Any) -> dict[str, Any]:
    """Two lines: 3 of x at 333 and one y at 101, 1100 together; level 1 earns 110 of it and level 2 55."""
    items = [
        {"sku": "x", "quantity": 3, "unit_price": 333},
        {"sku": "y", "quantity": 1, "unit_price": 101},
    ]
    body = {"external_id": external_id, "currency": "GBP", "paid_at": PAID_AT, "items": items}
    return body | ({"customer_external_id": customer} if customer else {}) | more


def earned(order: dict[str, Any]) -> list[tuple[int, int, int]]:
    """Level, amount and what was reversed of every commission of an order."""
    return [(one["level"], one["amount"], one["reversed"]) for one in order["commissions"]]


def pointers(problem: TestResponse | dict[str, Any]) -> list[str]:
    """Where the faults are, of an answer or of the error of an item of a batch."""
    content: Any = problem.json if isinstance(problem, TestResponse) else problem
    return [fault["pointer"] for fault in content["errors"]]


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
