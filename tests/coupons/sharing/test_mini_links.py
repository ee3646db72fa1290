"""URL Links and mini-program codes over HTTP: made by WeChat, used again, and refused in words that say what to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import time_machine
from flask import Flask
from PIL import Image

from coupons.sharing.wechat.played import PlayedWeChat
from coupons.sharing.wechat.protocol import SCENE_LONGEST
from tests.clients import TestProgram, make_program
from tests.coupons.sharing.conftest import SECRET
from tests.coupons.sharing.shop import Shop, encoded, modules_in, picture


@pytest.fixture
def mini(shop: Shop, wechat: PlayedWeChat) -> Shop:
    """A shop with a mini-program."""
    shop.set_mini_program()
    return shop


def calls(wechat: PlayedWeChat) -> list[str]:
    return [call["call"] for call in wechat.calls]


def url_link(shop: Shop, link: dict[str, Any], **body: Any) -> Any:
    return shop.client.post(f"/v1/links/{link['id']}/url-link", body)


def wxacode(shop: Shop, link: dict[str, Any], query: str = "") -> Any:
    return shop.client.get(f"/v1/links/{link['id']}/wxacode.png{query}")


ASK = pytest.mark.parametrize("ask", [url_link, wxacode])


@ASK
def test_without_a_mini_program_there_is_nothing_to_ask(shop: Shop, wechat: PlayedWeChat, ask: Any) -> None:
    answer = ask(shop, shop.link())
    assert (answer.status_code, answer.json["code"]) == (409, "mini_program_missing")
    assert wechat.calls == []


def test_who_may_ask_for_a_url_link(mini: Shop, other_program: TestProgram) -> None:
    path = f"/v1/links/{mini.link()['id']}/url-link"
    assert mini.program.anonymous.post(path, {}).status_code == 401
    assert other_program.client.post(path, {}).status_code == 404
    assert mini.program.staff("viewer").post(path, {}).status_code == 403
    assert mini.program.staff("operator").post(path, {}).status_code == 200
    deleted = mini.link()
    mini.client.delete(f"/v1/links/{deleted['id']}")
    assert url_link(mini, deleted).status_code == 410


def test_a_url_link_opens_the_page_with_the_links_code_as_scene(mini: Shop, wechat: PlayedWeChat) -> None:
    link = mini.link(mini_program_path="/pages/tea?id=7&name=茶")
    answer = url_link(mini, link, expires_in_days=3)
    assert answer.status_code == 200
    assert answer.json["url_link"].startswith("https://wxaurl.cn/")
    ends = datetime.fromisoformat(answer.json["expires_at"])
    assert abs(ends - datetime.now(UTC) - timedelta(days=3)) < timedelta(minutes=1)
    asked = wechat.calls[-1]
    assert (asked["path"], asked["query"]) == ("pages/tea", f"id=7&name=%E8%8C%B6&scene={link['code']}")
    assert asked["expire_interval"] == 3


def test_a_url_link_is_used_again_while_half_of_its_days_are_left(mini: Shop, wechat: PlayedWeChat) -> None:
    link = mini.link()
    first = url_link(mini, link).json
    assert url_link(mini, link).json == first
    assert url_link(mini, link, expires_in_days=30).json == first
    assert calls(wechat).count("generate_urllink") == 1
    assert url_link(mini, link, expires_in_days=2).json["url_link"] != first["url_link"]
    assert url_link(mini, mini.link()).json["url_link"] != first["url_link"]
    token = mini.client.credential
    assert token
    with time_machine.travel(datetime.now(UTC) + timedelta(days=14, hours=23), tick=True):
        assert url_link(mini, link).json == first
    with time_machine.travel(datetime.now(UTC) + timedelta(days=15, hours=1), tick=True):
        later = url_link(mini, link).json
        assert later["url_link"] != first["url_link"]
        assert url_link(mini, link).json == later


def test_another_page_or_mini_program_needs_another_url_link(mini: Shop, wechat: PlayedWeChat) -> None:
    link = mini.link()
    seen = {url_link(mini, link).json["url_link"]}
    mini.client.patch(f"/v1/links/{link['id']}", {"mini_program_path": "pages/other"})
    seen.add(url_link(mini, link).json["url_link"])
    mini.set_mini_program(env_version="trial")
    seen.add(url_link(mini, link).json["url_link"])
    assert len(seen) == 3


@pytest.mark.parametrize("days", [0, 31, -1, "5", 1.5, True, None])
def test_days_that_wechat_does_not_know_are_refused(mini: Shop, wechat: PlayedWeChat, days: Any) -> None:
    answer = url_link(mini, mini.link(), expires_in_days=days)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/expires_in_days"
    assert wechat.calls == []


def test_a_repeat_under_a_key_has_the_same_answer(mini: Shop, wechat: PlayedWeChat) -> None:
    path, headers = f"/v1/links/{mini.link()['id']}/url-link", {"Idempotency-Key": "one"}
    first = mini.client.post(path, {}, headers=headers)
    again = mini.client.post(path, {}, headers=headers)
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert calls(wechat).count("generate_urllink") == 1


def test_a_code_is_of_the_page_with_the_links_code_as_scene(mini: Shop, wechat: PlayedWeChat) -> None:
    link = mini.link(mini_program_path="/pages/tea?id=7")
    image = picture(wxacode(mini, link, "?width=600"))
    shown, meant = modules_in(image, link["code"], "L")
    assert shown == meant, "the playing server draws what it was asked for"
    asked = wechat.calls[-1]
    assert (asked["page"], asked["scene"], asked["width"]) == ("pages/tea", link["scene"], 600)
    assert len(link["scene"]) <= SCENE_LONGEST


def test_a_code_is_asked_for_once_and_cached_by_clients(mini: Shop, wechat: PlayedWeChat) -> None:
    link = mini.link()
    first = wxacode(mini, link)
    assert wxacode(mini, link).data == first.data
    assert calls(wechat).count("getwxacodeunlimit") == 1
    mark = {"If-None-Match": first.headers["ETag"]}
    assert mini.client.get(f"/v1/links/{link['id']}/wxacode.png", headers=mark).status_code == 304
    assert wxacode(mini, link, "?width=800").status_code == 200
    assert calls(wechat).count("getwxacodeunlimit") == 2


@pytest.mark.parametrize("query", ["width=279", "width=1281", "width=x", "size=300"])
def test_a_width_that_wechat_does_not_know_is_refused(mini: Shop, query: str) -> None:
    assert wxacode(mini, mini.link(), f"?{query}").status_code == 422


def test_a_member_gets_the_code_of_his_own_link_only(mini: Shop) -> None:
    ada, _ = mini.member("ada"), mini.member("bob")
    mine, other = mini.link(), mini.link("bob")
    assert ada.get(f"/v1/me/links/{mine['id']}/wxacode.png").status_code == 200
    assert ada.get(f"/v1/me/links/{other['id']}/wxacode.png").status_code == 404


def test_one_token_serves_all_calls_and_is_sealed_in_valkey(mini: Shop, app: Flask, wechat: PlayedWeChat) -> None:
    for _ in range(3):
        assert url_link(mini, mini.link()).status_code == 200
    assert calls(wechat).count("stable_token") == 1
    token = next(iter(wechat.tokens.values()))[0]
    valkey = redis.Redis.from_url(app.config["SETTINGS"].redis_url)
    keys = list(valkey.scan_iter(f"banyan:wechat:token:{mini.program.id}:*"))
    assert len(keys) == 1
    assert token.encode() not in (valkey.get(keys[0]) or b"")
    assert 6900 < int(valkey.ttl(keys[0])) <= 7080


def test_a_wiped_valkey_just_asks_again(mini: Shop, app: Flask, wechat: PlayedWeChat) -> None:
    assert url_link(mini, mini.link()).status_code == 200
    redis.Redis.from_url(app.config["SETTINGS"].redis_url).flushdb()
    assert url_link(mini, mini.link()).status_code == 200
    assert calls(wechat).count("stable_token") == 2


def test_with_valkey_down_a_token_is_asked_for_each_time(
    mini: Shop, app: Flask, wechat: PlayedWeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(app.config["SETTINGS"], redis_url="unix:///nowhere/valkey.sock")
    monkeypatch.setitem(app.config, "SETTINGS", settings)
    for _ in range(2):
        assert url_link(mini, mini.link()).status_code == 200
    assert calls(wechat).count("stable_token") == 2


def test_a_token_that_ended_early_is_renewed_once(mini: Shop, wechat: PlayedWeChat) -> None:
    assert url_link(mini, mini.link()).status_code == 200
    wechat.end_tokens()
    assert url_link(mini, mini.link()).status_code == 200
    assert calls(wechat) == ["stable_token", "generate_urllink", "generate_urllink", "stable_token",
                             "generate_urllink"]  # fmt: skip


@ASK
def test_a_token_that_is_never_taken_is_given_up_after_one_renewal(mini: Shop, wechat: PlayedWeChat, ask: Any) -> None:
    wechat.put_faults({"token_expired": 9})
    answer = ask(mini, mini.link())
    assert (answer.status_code, answer.json["code"]) == (503, "wechat_unavailable")
    assert calls(wechat).count("stable_token") == 2
    assert len(calls(wechat)) == 4


def test_a_new_secret_never_uses_the_token_of_the_old_one(mini: Shop, wechat: PlayedWeChat) -> None:
    assert url_link(mini, mini.link()).status_code == 200
    mini.set_mini_program(app_secret="another secret of 16 or more")
    answer = url_link(mini, mini.link())
    assert (answer.status_code, answer.json["code"]) == (502, "wechat_refused")
    assert (answer.json["errcode"], answer.json["reason"]) == (40125, "wrong_app")


@pytest.mark.parametrize(
    ("faults", "status", "code", "retry_after"),
    [
        ({"busy": 1}, 503, "wechat_unavailable", "2"),
        ({"minute_limit": 1}, 503, "wechat_unavailable", "60"),
        ({"day_limit": 1}, 503, "wechat_unavailable", "3600"),
        ({"garbage": 1}, 503, "wechat_unavailable", "5"),
        ({"http_500": 1}, 503, "wechat_unavailable", "5"),
        ({"refuse": {"errcode": 41030, "times": 1}}, 502, "wechat_refused", None),
        ({"refuse": {"errcode": 85079, "times": 1}}, 502, "wechat_refused", None),
    ],
)
@ASK
def test_what_wechat_answers_is_told(
    mini: Shop, wechat: PlayedWeChat, ask: Any, faults: dict[str, Any], status: int, code: str, retry_after: str | None
) -> None:
    link = mini.link()
    wechat.put_faults(faults)
    answer = ask(mini, link)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == retry_after
    assert ask(mini, link).status_code == 200, "nothing of the failure is kept"


def test_a_page_that_is_not_published_is_refused_for_the_release_only(mini: Shop, wechat: PlayedWeChat) -> None:
    wechat.pages = frozenset({"pages/tea"})
    link = mini.link(mini_program_path="pages/new")
    answer = wxacode(mini, link)
    assert (answer.status_code, answer.json["reason"]) == (502, "wrong_page")
    mini.set_mini_program(env_version="develop")
    assert wxacode(mini, link).status_code == 200


def test_secrets_and_tokens_are_in_no_log(mini: Shop, wechat: PlayedWeChat, capsys: pytest.CaptureFixture[str]) -> None:
    wechat.put_faults({"refuse": {"errcode": 85079, "times": 1}})
    assert url_link(mini, mini.link()).status_code == 502
    token = next(iter(wechat.tokens.values()))[0]
    logged = capsys.readouterr().err
    assert "wechat refused" in logged
    assert "85079" in logged
    assert SECRET not in logged
    assert token not in logged
    assert "access_token" not in logged


def test_calls_are_counted_by_what_came_of_them(mini: Shop, wechat: PlayedWeChat) -> None:
    def counted(outcome: str) -> float:
        line = f'banyan_wechat_calls_total{{call="url_link",outcome="{outcome}"}}'
        text = mini.client.get("/metrics").text
        return sum(float(found.split()[-1]) for found in text.splitlines() if found.startswith(line))

    before = {outcome: counted(outcome) for outcome in ("done", "throttled")}
    wechat.put_faults({"busy": 1})
    link = mini.link()
    url_link(mini, link)
    url_link(mini, link)
    assert {outcome: counted(outcome) for outcome in before} == {name: value + 1 for name, value in before.items()}


def test_two_programs_with_one_mini_program_do_not_share_tokens(mini: Shop, app: Flask, wechat: PlayedWeChat) -> None:
    other = Shop(make_program(app))
    other.set_mini_program()
    assert url_link(mini, mini.link()).status_code == 200
    assert url_link(other, other.link()).status_code == 200
    assert calls(wechat).count("stable_token") == 2


def test_a_jpeg_becomes_a_png_and_garbage_is_no_picture() -> None:
    from coupons.sharing.errors import WeChatUnavailable
    from coupons.sharing.mini_links import as_png

    image = Image.new("RGB", (30, 30), (10, 20, 30))
    assert as_png(encoded(image)) == encoded(image)
    assert as_png(encoded(image, "JPEG"))[:8] == b"\x89PNG\r\n\x1a\n"
    for content in (b"", b"garbage", encoded(image)[:50], encoded(image, "GIF")):
        with pytest.raises(WeChatUnavailable):
            as_png(content)
