"""The playing server refuses what WeChat refuses, so that a test against it means something; and it runs by itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from PIL import Image

from core.servers.processes import set_death_signal
from coupons.sharing.wechat.played import PlayedWeChat
from tests.coupons.sharing.conftest import APP_ID, SECRET
from tests.house.source import ROOT

Call = Callable[..., Any]
LINK = {"path": "pages/tea", "query": "scene=x", "expire_type": 1, "expire_interval": 30}
CODE = {"scene": "x", "page": "pages/tea", "width": 430}


@pytest.fixture
def call(wechat: PlayedWeChat, played: tuple[PlayedWeChat, str]) -> Iterator[Call]:
    """POST with a living token, unless told otherwise."""
    with httpx.Client(base_url=played[1], trust_env=False, timeout=5) as client:

        def post(path: str, body: Any, token: str | None = None) -> httpx.Response:
            token = wechat.token_of(APP_ID)[0] if token is None else token
            return client.post(path, params={"access_token": token}, content=orjson.dumps(body))

        yield post


def errcode(answer: httpx.Response) -> int:
    assert answer.status_code == 200
    return int(answer.json()["errcode"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"appid": "wxffffffffffffffff"}, 40013), ({"secret": "wrong"}, 40125), ({"secret": None}, 40125),
        ({"grant_type": "password"}, 40002),
    ],
)  # fmt: skip
def test_wrong_credentials_get_no_token(call: Call, change: dict[str, Any], code: int) -> None:
    asked = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}
    assert "access_token" in call("/cgi-bin/stable_token", asked).json()
    assert errcode(call("/cgi-bin/stable_token", asked | change)) == code


def test_a_token_lives_for_its_time(call: Call, wechat: PlayedWeChat) -> None:
    wechat.token_seconds = 1
    token, _ = wechat.token_of(APP_ID)
    assert errcode(call("/wxa/generate_urllink", LINK, token)) == 0
    time.sleep(1.1)
    assert errcode(call("/wxa/generate_urllink", LINK, token)) == 40001
    assert wechat.token_of(APP_ID)[0] != token


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, 0), ({"path": ""}, 0), ({"path": "/pages/tea"}, 40165), ({"path": "pages/tea?id=7"}, 40165),
        ({"query": "x" * 1024}, 0), ({"query": "x" * 1025}, 40212), ({"query": "茶"}, 40212),
        ({"expire_interval": 31}, 85401), ({"expire_interval": 0}, 85401), ({"expire_type": 0}, 85401),
        ({"env_version": "beta"}, 40097),
    ],
)  # fmt: skip
def test_url_links_are_refused_as_wechat_does(call: Call, change: dict[str, Any], code: int) -> None:
    assert errcode(call("/wxa/generate_urllink", LINK | change)) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"scene": ""}, 40169), ({"scene": "x" * 33}, 40169), ({"scene": "a%b"}, 40169), ({"scene": "茶"}, 40169),
        ({"page": "/pages/tea"}, 41030), ({"page": "pages/tea?id=7"}, 41030), ({"width": 279}, 40097),
        ({"width": 1281}, 40097), ({"env_version": "beta"}, 40097), ({"page": "pages/new"}, 41030),
    ],
)  # fmt: skip
def test_codes_are_refused_as_wechat_does(call: Call, wechat: PlayedWeChat, change: dict[str, Any], code: int) -> None:
    wechat.pages = frozenset({"pages/tea"})
    assert errcode(call("/wxa/getwxacodeunlimit", CODE | change)) == code
    unchecked = call("/wxa/getwxacodeunlimit", CODE | {"page": "pages/new", "check_path": False})
    assert unchecked.headers["content-type"] == "image/png"


def test_a_code_is_a_real_picture(call: Call) -> None:
    answer = call("/wxa/getwxacodeunlimit", CODE | {"scene": "a" * 32})
    image = Image.open(BytesIO(answer.content))
    image.load()
    assert image.format == "PNG"
    assert 280 <= image.width <= 430


def test_faults_hit_as_many_calls_as_said(call: Call, played: tuple[PlayedWeChat, str]) -> None:
    wanted = {"busy": 1, "day_limit": 1, "refuse": {"errcode": 85079, "times": 1}, "http_500": 1}
    assert httpx.put(f"{played[1]}/faults", content=orjson.dumps(wanted)).status_code == 200
    assert httpx.put(f"{played[1]}/faults", content=b'{"flood": 1}').status_code == 422
    answers = [call("/wxa/generate_urllink", LINK) for _ in range(5)]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 500]
    codes = {answer.json()["errcode"] for answer in answers if answer.status_code == 200}
    assert codes == {-1, 45009, 85079, 0}


def test_calls_are_listed_without_secrets(call: Call, played: tuple[PlayedWeChat, str]) -> None:
    call("/cgi-bin/stable_token", {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET})
    listed = httpx.get(f"{played[1]}/calls")
    assert [one["call"] for one in listed.json()["calls"]] == ["stable_token"]
    assert SECRET not in listed.text


def test_it_runs_as_the_package_says(tmp_path: Path) -> None:
    address_file = tmp_path / "wechat.json"
    command = [sys.executable, "-m", "coupons.sharing.wechat.server", "--app", f"{APP_ID}:{SECRET}"]
    process = subprocess.Popen(
        [*command, "--address-file", str(address_file)], cwd=ROOT, env=os.environ,
        preexec_fn=partial(set_death_signal, signal.SIGKILL),  # noqa: PLW1509 - one call, nothing is imported
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        while not address_file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        url = orjson.loads(address_file.read_bytes())["url"]
        body = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}
        told = httpx.post(f"{url}/cgi-bin/stable_token", content=orjson.dumps(body), timeout=10).json()
        assert told["expires_in"] == 7200
    finally:
        process.terminate()
        assert process.wait(10) == 0


MESSAGE = {"touser": "ada", "template_id": "tmpl", "page": "pages/tea", "data": {"thing1": {"value": "tea"}}}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"template_id": "other"}, 40037), ({"page": "../x"}, 41030), ({"touser": "bob"}, 43101),
        ({"data": {"thing1": {"value": ""}}}, 47003), ({"data": {"thing1": {"value": "x" * 21}}}, 47003),
        ({"data": {"word1": {"value": "x"}}}, 47003), ({"data": {"amount1": {"value": "a lot"}}}, 47003),
        ({"data": {"phrase1": {"value": "paid"}}}, 47003), ({"data": {"name1": {"value": "A**"}}}, 47003),
    ],
)  # fmt: skip
def test_a_message_is_checked_before_the_consent_is_used(call: Call, change: dict[str, Any], code: int) -> None:
    path = "/cgi-bin/message/subscribe/send"
    assert errcode(_consents(call, 1)) == 0
    assert errcode(call(path, MESSAGE | change)) == code
    assert errcode(call(path, MESSAGE)) == 0
    assert errcode(call(path, MESSAGE)) == 43101


def _consents(call: Call, times: int) -> httpx.Response:
    return call("/consents", {"consents": [{"touser": "ada", "template_id": "tmpl", "times": times}]})
