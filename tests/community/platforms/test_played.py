"""The playing server refuses what platforms refuse, so that a test against it means something; it runs by itself."""

import os
import signal
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from flask import Flask

from community.platforms.played import targets
from tests.community.chat import Chat, played_chat, played_chat_process
from tests.threads import together

CLIENT = httpx.Client(trust_env=False, timeout=5)
TEXT = {"msgtype": "text", "text": {"content": "x"}}


def post(chat: Chat, platform: str, number: int, body: Any, url: str = "", **options: Any) -> httpx.Response:
    """A raw post to a target that is named by its address alone."""
    given = url or chat.target(platform, number)["url"]
    path = given.partition("//")[2].partition("/")[2]
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return CLIENT.post(f"{chat.url}/{platform}/{path}", content=content, **options)


@pytest.mark.parametrize(("body", "errcode"), [
    (TEXT, 0), (b"{", 47001), ([], 47001), ({"msgtype": "voice"}, 40008), ({"msgtype": "text"}, 44004),
    ({"msgtype": "text", "text": {"content": "茶" * 682}}, 0),
    ({"msgtype": "text", "text": {"content": "茶" * 683}}, 45002),
    ({"msgtype": "markdown", "markdown": {"content": "x" * 4097}}, 40058),
    ({"msgtype": "image", "image": {"base64": "eA==", "md5": "x"}}, 40009),
])  # fmt: skip
def test_wecom_refuses(chat: Chat, body: Any, errcode: int) -> None:
    assert post(chat, "wecom", 500, body).json()["errcode"] == errcode


def test_dingtalk_refuses_a_signature_that_is_old_or_wrong(chat: Chat) -> None:
    url = chat.target("dingtalk", 500)["url"]
    for query in ("", "&timestamp=1&sign=x", "&timestamp=1700000000000&sign=x"):
        assert post(chat, "dingtalk", 500, TEXT, url + query).json()["errcode"] == 310000


def test_feishu_refuses_a_body_without_a_good_signature(chat: Chat) -> None:
    for more in ({}, {"timestamp": "1", "sign": "x"}, {"timestamp": 7, "sign": 7}):
        body = {"msg_type": "text", "content": {"text": "x"}} | more
        assert post(chat, "feishu", 500, body).json()["code"] == 19021


@pytest.mark.parametrize(("body", "status", "words"), [
    ({"chat_id": "-1000500", "text": "x" * 4097}, 400, "too long"), ({"chat_id": "-7", "text": "x"}, 400, "not found"),
    ({"chat_id": "-1000500", "text": ""}, 400, "empty"),
    ({"chat_id": "-1000500", "text": "<b>x", "parse_mode": "HTML"}, 400, "can't parse"),
    ({"chat_id": "-1000500", "text": "<p>x</p>", "parse_mode": "HTML"}, 400, "can't parse"),
    ({"chat_id": "9", "text": "x"}, 403, "initiate"),
])  # fmt: skip
def test_telegram_refuses(chat: Chat, body: Any, status: int, words: str) -> None:
    url = f"https://api.telegram.org/bot{targets.bot_token(5)}/sendMessage"
    answer = post(chat, "telegram", 500, body, url)
    assert answer.status_code == status
    assert words in answer.json()["description"]


@pytest.mark.parametrize(("platform", "body", "status", "word"), [
    ("slack", b"{", 400, "invalid_payload"), ("slack", {}, 400, "no_text"),
    ("slack", {"text": "x" * 40_001}, 400, "msg_too_long"), ("discord", b"{", 400, "50109"),
    ("discord", {"content": "x" * 2001}, 400, "50035"), ("discord", {}, 400, "50006"),
])  # fmt: skip
def test_slack_and_discord_refuse(chat: Chat, platform: str, body: Any, status: int, word: str) -> None:
    answer = post(chat, platform, 500, body)
    assert answer.status_code == status
    assert word in answer.text


@pytest.mark.parametrize("change", ["webhook-id", "webhook-timestamp", "webhook-signature", ""])
def test_a_webhooks_receiver_refuses_a_changed_post(chat: Chat, change: str) -> None:
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1700000000", "webhook-signature": "v1,x"}
    headers.pop(change, "")
    answer = CLIENT.post(f"{chat.url}/webhook/500", content=b"{}", headers=headers)
    assert answer.status_code == 401


def test_a_window_takes_so_many_and_opens_again() -> None:
    with played_chat(window_scale=0.03) as chat:  # 1.8 s
        for _ in range(2):
            assert [post(chat, "wecom", 1, TEXT).json()["errcode"] for _ in range(5)] == [0] * 5
        errcodes: list[int] = []
        chat.wait_for(lambda: errcodes.append(post(chat, "wecom", 1, TEXT).json()["errcode"]) or 45009 in errcodes)
        chat.wait_for(lambda: post(chat, "wecom", 1, TEXT).json()["errcode"] == 0)


def test_the_window_is_exact_under_threads(app: Flask) -> None:
    with played_chat(window_scale=1) as chat:
        together(app, *[lambda: [post(chat, "wecom", 2, TEXT) for _ in range(10)]] * 6)
        assert len(chat.texts("wecom", 2)) == 20
        assert len(chat.book("wecom", 2, "throttled")) == 40


def test_dingtalk_shuts_the_robot_for_ten_windows() -> None:
    with played_chat(window_scale=0.003) as chat:  # 0.18 s, and 1.8 s
        from community.platforms.adapters.dingtalk import signature
        from core.clock import now

        at = int(now().timestamp() * 1000)
        sign = httpx.QueryParams({"timestamp": str(at), "sign": signature(targets.sign_secret("dingtalk", 1), at)})
        url = f"{chat.target('dingtalk', 1)['url']}&{sign}"
        errcodes = [post(chat, "dingtalk", 1, TEXT, url).json()["errcode"]]
        while errcodes[-1] == 0:
            errcodes.append(post(chat, "dingtalk", 1, TEXT, url).json()["errcode"])
            assert len(errcodes) < 2000
        shut_at = chat.book("dingtalk", 1)[-1]["at"]
        chat.wait_for(lambda: post(chat, "dingtalk", 1, TEXT, url).json()["errcode"] == 0)
        assert chat.book("dingtalk", 1, "accepted")[-1]["at"] - shut_at > 1.5


def test_faults_are_repeatable_and_concern_whom_they_name(chat: Chat) -> None:
    def outcomes() -> list[str]:
        chat.empty()
        chat.faults({"refuse": 0.5, "seed": 3, "platform": "wecom"}, {"error_before": 1, "platform": "slack"})
        for number in range(600, 640):
            post(chat, "wecom", number, TEXT)
        return [one["outcome"] for one in chat.book("wecom")]

    first = outcomes()
    assert set(first) == {"accepted", "refused"}
    assert outcomes() == first
    assert post(chat, "slack", 600, {"text": "x"}).status_code == 500
    answer = CLIENT.put(f"{chat.url}/faults", content=b'{"refuse": "often"}')
    assert answer.status_code == 422


def test_the_book_can_be_read_from_a_place_on(chat: Chat) -> None:
    for number in range(650, 653):
        post(chat, "wecom", number, TEXT)
    numbers = [one["number"] for one in chat.book()]
    answer = CLIENT.get(f"{chat.url}/book", params={"after": numbers[1]})
    assert [one["number"] for one in answer.json()["data"]] == numbers[2:]


@pytest.mark.parametrize("platform", targets.PLATFORMS)
def test_every_target_is_told_over_http_too(chat: Chat, platform: str) -> None:
    answer = CLIENT.get(f"{chat.url}/targets/{platform}/7").json()
    assert answer == {"platform": platform, "target": chat.target(platform, 7)}


def test_it_calls_back_as_the_platform_does(chat: Chat) -> None:
    """The callback goes to a played webhook here, which refuses it: what matters is that it comes."""
    asked = {"callback_url": f"{chat.url}/webhook/700", "user": "12", "text": "rank"}
    answer = CLIENT.post(f"{chat.url}/play/telegram/1/question", json=asked)
    assert answer.json()["status"] == 401
    assert chat.book("webhook", 700)[0]["outcome"] == "refused"
    assert CLIENT.post(f"{chat.url}/play/slack/1/question", json=asked).status_code == 404
    assert CLIENT.post(f"{chat.url}/play/telegram/1/check_url", json=asked).status_code == 422
    answer = CLIENT.post(f"{chat.url}/play/dingtalk/1/joined", json=asked)
    assert (answer.json()["status"], answer.json()["is_success"]) == (401, False)


def test_a_bad_request_ends_the_connection(chat: Chat) -> None:
    import socket

    host, _, port = chat.url.removeprefix("http://").partition(":")
    for sent in (b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"):  # fmt: skip
        with socket.create_connection((host, int(port)), timeout=5) as client:
            client.sendall(sent)
            assert client.recv(100).startswith(b"HTTP/1.1 400")
            while client.recv(100):
                pass


def test_it_runs_as_a_process_and_keeps_its_book(tmp_path: Path) -> None:
    data = tmp_path / "chat.jsonl"
    for expected in (1, 2):
        with played_chat_process(tmp_path, 0.01, "--data", str(data)) as chat:
            assert post(chat, "wecom", 1, TEXT).json()["errcode"] == 0
            assert [one["number"] for one in chat.book("wecom")] == [*range(1, expected + 1)]
        (tmp_path / "chat.json").unlink()


def test_killed_it_has_what_it_answered(tmp_path: Path) -> None:
    data = tmp_path / "chat.jsonl"
    with played_chat_process(tmp_path, 0.01, "--data", str(data)) as chat:
        for number in range(5):
            post(chat, "wecom", number, TEXT)
        assert chat.process is not None
        os.kill(chat.process, signal.SIGKILL)
    assert len(data.read_bytes().splitlines()) == 5
