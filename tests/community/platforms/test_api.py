"""The capability table as it is served."""

from flask import Flask

from community.platforms.service import PLATFORMS
from core.auth.access import Role
from tests.clients import TestProgram


def test_anonymous_is_refused(app: Flask, program: TestProgram) -> None:
    assert program.anonymous.get("/v1/platforms").status_code == 401


def test_every_platform_says_what_it_can_do(app: Flask, program: TestProgram) -> None:
    answer = program.staff(Role.VIEWER).get("/v1/platforms")
    assert answer.status_code == 200
    found = {one["platform"]: one for one in answer.json["data"]}
    assert list(found) == list(PLATFORMS)
    assert set(found) == {"wecom", "dingtalk", "feishu", "telegram", "slack", "discord", "webhook", "apprise"}
    assert found["wecom"]["limits"] == {"per_minute": 20, "per_second": None, "shared_per_second": None}
    assert [word for word, one in found.items() if one["tells_joins"]] == ["dingtalk", "feishu", "telegram"]
    assert [word for word, one in found.items() if one["asks_questions"]] == ["dingtalk", "feishu", "telegram"]
    assert [word for word, one in found.items() if one["answers_privately"]] == ["feishu", "telegram"]
    assert found["telegram"]["target"] == ["token", "chat_id"]
