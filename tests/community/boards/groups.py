"""Groups of chats that nobody posts to, and who is in them."""

from typing import Any

from tests.clients import TestProgram


def make_group(program: TestProgram, external_id: str = "wecom-17") -> dict[str, Any]:
    body = {
        "external_id": external_id, "name": "Tea lovers", "platform": "slack",
        "target": {"url": "https://hooks.slack.com/services/T000/B000/XXXXXXXX"},
    }  # fmt: skip
    answer = program.staff("operator").post("/v1/groups", body)
    assert answer.status_code == 201, answer.text
    return answer.json  # type: ignore[return-value]


def join(program: TestProgram, group: dict[str, Any], *members: str) -> None:
    for member in members:
        ref = program.client.get(f"/v1/members/ext:{member}").json["id"]  # type: ignore[index]
        answer = program.client.post(f"/v1/groups/{group['id']}/members", {"member_id": ref})
        assert answer.status_code in {200, 201}, answer.text
