"""Coupons and codes as an operator makes them."""

from typing import Any

from tests.clients import ApiClient, TestProgram

AMOUNT: dict[str, Any] = {"name": "Ten off", "kind": "amount", "amount": 1000}
PERCENT: dict[str, Any] = {"name": "A tenth off 春", "kind": "percent", "percent_bps": 1000}


def make_coupon(operator: ApiClient, body: dict[str, Any] = AMOUNT, **changes: Any) -> dict[str, Any]:
    answer = operator.post("/v1/coupons", body | changes)
    assert answer.status_code == 201, answer.text
    return answer.json  # type: ignore[return-value]


def make_code(operator: ApiClient, coupon: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = operator.post(f"/v1/coupons/{coupon['id']}/codes", body)
    assert answer.status_code == 201, answer.text
    return answer.json  # type: ignore[return-value]


def member_of(program: TestProgram, external_id: str = "owner") -> str:
    """The id of a member of the program."""
    answer = program.client.post("/v1/members", {"external_id": external_id, "name": "Li Hua"})
    assert answer.status_code in {200, 201}
    return answer.json["id"]  # type: ignore[index, no-any-return]


def pointers(answer: Any) -> list[str]:
    """What a 422 found wrong, and where."""
    assert answer.status_code == 422, answer.text
    return sorted(fault["pointer"] for fault in answer.json["errors"])
