"""What each platform's answers mean: final refusals, waits, and answers that nobody can read."""

from typing import Any

import orjson
import pytest

from community.platforms.adapters.answers import seconds_of
from community.platforms.adapters.known import ADAPTERS
from community.platforms.adapters.protocol import Answer
from community.platforms.protocol import Outcome, Refused, Sent, Throttled, Unknown

UNREADABLE = Unknown("unreadable_answer")
CASES: list[tuple[str, int, Any, dict[str, str], Outcome]] = [
    ("wecom", 200, {"errcode": 0, "errmsg": "ok"}, {}, Sent()),
    ("wecom", 200, {"errcode": 45009}, {}, Throttled(60)),
    ("wecom", 200, {"errcode": -1}, {}, Throttled(2)),
    ("wecom", 200, {"errcode": 93000}, {}, Refused("wrong_target", "93000")),
    ("wecom", 200, {"errcode": 93004}, {}, Refused("not_allowed", "93004")),
    ("wecom", 200, {"errcode": 45002}, {}, Refused("too_long", "45002")),
    ("wecom", 200, {"errcode": 44004}, {}, Refused("wrong_content", "44004")),
    ("wecom", 200, {"errcode": 12345}, {}, Refused("other", "12345")),
    ("wecom", 200, {"errcode": "0"}, {}, UNREADABLE),
    ("wecom", 200, [], {}, UNREADABLE),
    ("wecom", 200, b"<html>", {}, UNREADABLE),
    ("wecom", 502, b"<html>", {}, Unknown("http_502")),
    ("dingtalk", 200, {"errcode": 0}, {}, Sent()),
    ("dingtalk", 200, {"errcode": 130101}, {}, Throttled(600)),
    ("dingtalk", 200, {"errcode": 410100}, {}, Throttled(600)),
    ("dingtalk", 200, {"errcode": 310000, "errmsg": "sign not match"}, {}, Refused("wrong_signature", "310000")),
    ("dingtalk", 200, {"errcode": 310000, "errmsg": "invalid timestamp"}, {}, Refused("wrong_signature", "310000")),
    ("dingtalk", 200, {"errcode": 310000, "errmsg": "keywords not in content"}, {},
     Refused("wrong_content", "310000")),
    ("dingtalk", 200, {"errcode": 310000, "errmsg": "ip 1.2.3.4 not in whitelist"}, {},
     Refused("not_allowed", "310000")),
    ("dingtalk", 200, {"errcode": 300001}, {}, Refused("wrong_target", "300001")),
    ("dingtalk", 200, {"errcode": 430104}, {}, Refused("wrong_content", "430104")),
    ("dingtalk", 200, {"errmsg": "ok"}, {}, UNREADABLE),
    ("feishu", 200, {"code": 0, "msg": "success"}, {}, Sent()),
    ("feishu", 200, {"StatusCode": 0, "StatusMessage": "success"}, {}, Sent()),
    ("feishu", 200, {"code": 11232, "msg": "frequency limited"}, {}, Throttled(10)),
    ("feishu", 429, {"code": 99991400}, {"x-ogw-ratelimit-reset": "7"}, Throttled(7, is_told=True)),
    ("feishu", 200, {"code": 9499, "msg": "too many request"}, {}, Throttled(10)),
    ("feishu", 400, {"code": 9499, "msg": "Bad Request"}, {}, Refused("wrong_content", "9499")),
    ("feishu", 200, {"code": 19021}, {}, Refused("wrong_signature", "19021")),
    ("feishu", 200, {"code": 19022}, {}, Refused("not_allowed", "19022")),
    ("feishu", 200, {"code": 19024}, {}, Refused("wrong_content", "19024")),
    ("feishu", 200, {"code": 19001}, {}, Refused("wrong_target", "19001")),
    ("feishu", 200, {}, {}, UNREADABLE),
    ("feishu", 504, b"", {}, Unknown("http_504")),
    ("telegram", 200, {"ok": True, "result": {"message_id": 7}}, {}, Sent("7")),
    ("telegram", 200, {"ok": True, "result": True}, {}, Sent()),
    ("telegram", 429, {"ok": False, "parameters": {"retry_after": 35}}, {}, Throttled(35, is_told=True)),
    ("telegram", 429, {"ok": False}, {"retry-after": "4"}, Throttled(4, is_told=True)),
    ("telegram", 429, {"ok": False, "parameters": []}, {}, Throttled(60)),
    ("telegram", 403, {"ok": False, "description": "Forbidden: bot was kicked from the group chat"}, {},
     Refused("not_allowed", "403")),
    ("telegram", 403, {"ok": False, "description": "Forbidden: bot was blocked by the user"}, {},
     Refused("not_reachable", "403")),
    ("telegram", 400, {"ok": False, "description": "Bad Request: chat not found"}, {}, Refused("wrong_target", "400")),
    ("telegram", 400, {"ok": False, "description": "Bad Request: group chat was upgraded to a supergroup chat",
                       "parameters": {"migrate_to_chat_id": -100}}, {}, Refused("wrong_target", "400")),
    ("telegram", 400, {"ok": False, "description": "Bad Request: message is too long"}, {}, Refused("too_long", "400")),
    ("telegram", 400, {"ok": False, "description": "Bad Request: can't parse entities"}, {},
     Refused("wrong_content", "400")),
    ("telegram", 401, {"ok": False, "description": "Unauthorized"}, {}, Refused("wrong_target", "401")),
    ("telegram", 502, {"ok": False, "description": "Bad Gateway"}, {}, Unknown("http_502")),
    ("telegram", 200, b"{", {}, UNREADABLE),
    ("slack", 200, b"ok", {}, Sent()),
    ("slack", 200, b"<html>", {}, UNREADABLE),
    ("slack", 429, b"rate_limited", {"retry-after": "30"}, Throttled(30, is_told=True)),
    ("slack", 404, b"no_service", {}, Refused("wrong_target", "http_404 no_service")),
    ("slack", 404, b"secret words", {}, Refused("wrong_target", "http_404")),
    ("slack", 410, b"channel_is_archived", {}, Refused("wrong_target", "http_410 channel_is_archived")),
    ("slack", 403, b"action_prohibited", {}, Refused("not_allowed", "http_403 action_prohibited")),
    ("slack", 400, b"invalid_payload", {}, Refused("wrong_content", "http_400")),
    ("slack", 500, b"rollup_error", {}, Unknown("http_500")),
    ("discord", 204, b"", {}, Sent()),
    ("discord", 200, {"id": "99"}, {}, Sent("99")),
    ("discord", 200, {}, {}, UNREADABLE),
    ("discord", 429, {"retry_after": 0.3, "global": False}, {}, Throttled(1, is_told=True)),
    ("discord", 429, b"<html>", {"retry-after": "12"}, Throttled(12, is_told=True)),
    ("discord", 404, {"code": 10015}, {}, Refused("wrong_target", "10015")),
    ("discord", 401, {"code": 50027}, {}, Refused("wrong_target", "50027")),
    ("discord", 400, {"code": 50035, "errors": {"content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH"}]}}}, {},
     Refused("too_long", "50035")),
    ("discord", 400, {"code": 50035}, {}, Refused("wrong_content", "50035")),
    ("discord", 403, {"code": 50013}, {}, Refused("not_allowed", "50013")),
    ("discord", 404, b"", {}, Refused("wrong_target", "http_404")),
    ("discord", 500, {"code": 0}, {}, Unknown("http_500")),
    ("webhook", 200, b"", {}, Sent()),
    ("webhook", 202, b"<html>", {}, Sent()),
    ("webhook", 301, b"", {"location": "http://10.0.0.1/"}, Refused("other", "http_301")),
    ("webhook", 401, b"", {}, Refused("wrong_signature", "http_401")),
    ("webhook", 410, b"", {}, Refused("wrong_target", "http_410")),
    ("webhook", 413, b"", {}, Refused("too_long", "http_413")),
    ("webhook", 422, b"", {}, Refused("wrong_content", "http_422")),
    ("webhook", 429, b"", {"retry-after": "5"}, Throttled(5, is_told=True)),
    ("webhook", 429, b"", {"retry-after": "Fri, 01 Jan 2027 00:00:00 GMT"}, Throttled(60)),
    ("webhook", 503, b"", {"retry-after": "5"}, Throttled(5, is_told=True)),
    ("webhook", 503, b"", {}, Unknown("http_503")),
    ("webhook", 408, b"", {}, Unknown("http_408")),
    ("apprise", 403, b"", {}, Refused("not_allowed", "http_403")),
    ("apprise", 429, b"", {"retry-after": "9"}, Throttled(9, is_told=True)),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "status", "body", "headers", "outcome"), CASES)
def test_an_answer_means(platform: str, status: int, body: Any, headers: dict[str, str], outcome: Outcome) -> None:
    answer = Answer(status, headers, body if isinstance(body, bytes) else orjson.dumps(body))
    assert ADAPTERS[platform].outcome(answer) == outcome


@pytest.mark.parametrize("platform", ADAPTERS)
@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'"ok"', b"\xff", b'{"ok": 1, "errcode": null, "code": []}']
)
def test_no_answer_breaks_anything(platform: str, status: int, body: bytes) -> None:
    assert isinstance(ADAPTERS[platform].outcome(Answer(status, {}, body)), Sent | Refused | Throttled | Unknown)


@pytest.mark.parametrize(("told", "seconds"), [
    (5, 5), (0.2, 1), (0, 1), ("7", 7), ("1.5", 2), ("", None), ("soon", None), (-1, None), (True, None), (None, None),
    (float("inf"), None), ("9" * 30, None), (10**9, None),
])  # fmt: skip
def test_waits_are_read_carefully(told: Any, seconds: int | None) -> None:
    assert seconds_of(told) == seconds
