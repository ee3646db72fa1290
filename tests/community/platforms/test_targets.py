"""What a group may be registered with, what of it is shown, and what never is."""

import ast
import inspect
import logging
from pathlib import Path
from typing import Any

import apprise
import pytest
from flask import Flask

from community.platforms.adapters.apprise import PLAIN, SECURE
from community.platforms.reach import Reach
from community.platforms.service import (
    PLATFORMS,
    Message,
    Refused,
    chat_of,
    masked_target,
    send,
    target_from,
    target_json,
    target_of_json,
)
from config.settings import load
from core.app import create_app
from core.errors import Invalid
from tests.community.chat import Chat

WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7aaa-4bc4-97a0-0ec2sifa5aaa"
DINGTALK = "https://oapi.dingtalk.com/robot/send?access_token=693a91f67aaa"
EVENTS = {"event_token": "k3yW0rd9", "event_aes_key": "Ab0" * 14 + "z", "app_key": "dingq7x9", "chat_id": "cid5+/Q=="}
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("wecom", {}, "/target/url"),
    ("wecom", {"url": 7}, "/target/url"),
    ("wecom", {"url": ""}, "/target/url"),
    ("wecom", {"url": None}, "/target/url"),
    ("wecom", {"url": "not an address"}, "/target/url"),
    ("wecom", {"url": "https://qyapi.weixin.qq.com"}, "/target/url"),
    ("wecom", {"url": WECOM, "secret": "x"}, "/target/secret"),
    ("wecom", {"url": WECOM, "a/b~": "x"}, "/target/a~1b~0"),
    ("wecom", {"url": WECOM.replace("https", "http")}, "/target/url"),
    ("wecom", {"url": WECOM.replace("qyapi.weixin.qq.com", "qyapi.weixin.qq.com.evil.example")}, "/target/url"),
    ("wecom", {"url": WECOM.replace("qyapi", "evil@qyapi")}, "/target/url"),
    ("wecom", {"url": WECOM.replace(".com/", ".com:8443/")}, "/target/url"),
    ("wecom", {"url": WECOM.replace("/send", "/../send")}, "/target/url"),
    ("wecom", {"url": WECOM + "\r\nHost: evil.example"}, "/target/url"),
    ("wecom", {"url": "https://[::1/cgi-bin/webhook/send?key=693a91f6"}, "/target/url"),
    ("wecom", {"url": WECOM + "a" * 3000}, "/target/url"),
    ("dingtalk", {"url": "https://oapi.dingtalk.com/robot/send"}, "/target/url"),
    ("dingtalk", {"url": "https://oapi.dingtalk.com/robot/send?access_token=a", "secret": "plain"}, "/target/secret"),
    ("dingtalk", {"url": DINGTALK, "event_token": "x"}, "/target/event_aes_key"),
    ("dingtalk", {"url": DINGTALK, **EVENTS, "app_key": None}, "/target/app_key"),
    ("dingtalk", {"url": DINGTALK, **EVENTS, "chat_id": None}, "/target/chat_id"),
    ("dingtalk", {"url": DINGTALK, **EVENTS, "event_aes_key": "A" * 42}, "/target/event_aes_key"),
    ("dingtalk", {"url": DINGTALK, **EVENTS, "event_aes_key": "A" * 44}, "/target/event_aes_key"),
    ("dingtalk", {"url": DINGTALK, **EVENTS, "event_aes_key": "A" * 42 + "="}, "/target/event_aes_key"),
    ("dingtalk", {"url": DINGTALK, **EVENTS, "app_key": "ding/../x"}, "/target/app_key"),
    ("feishu", {"url": "https://open.feishu.cn/open-apis/im/v1/messages"}, "/target/url"),
    ("feishu", {"url": "https://open.larksuite.com/open-apis/bot/v2/hook/12345678", "app_id": "cli_1"},
     "/target/app_secret"),
    ("telegram", {"token": "123"}, "/target/chat_id"),
    ("telegram", {"token": "123", "chat_id": -7}, "/target/token"),
    ("telegram", {"token": "123:" + "A" * 30, "chat_id": "../x"}, "/target/chat_id"),
    ("telegram", {"token": "123:" + "A" * 30, "chat_id": True}, "/target/chat_id"),
    ("slack", {"url": "https://hooks.slack.com/services/T0/B0/x?y=1"}, "/target/url"),
    ("discord", {"url": "https://discord.com/api/webhooks/1"}, "/target/url"),
    ("discord", {"url": "https://discord.com/api/webhooks/1/x?wait=false"}, "/target/url"),
    ("webhook", {"url": "https://shop.example/hook"}, "/target/secret"),
    ("webhook", {"url": "https://shop.example/hook", "secret": "whsec_abc"}, "/target/secret"),
    ("webhook", {"url": "https://shop.example/hook", "secret": "whsec_" + "!" * 40}, "/target/secret"),
    ("webhook", {"url": "http://shop.example/hook", "secret": "whsec_" + "A" * 32}, "/target/url"),
    ("webhook", {"url": "https://a:b@shop.example/hook", "secret": "whsec_" + "A" * 32}, "/target/url"),
    ("webhook", {"url": "ftp://shop.example/hook", "secret": "whsec_" + "A" * 32}, "/target/url"),
    ("apprise", {"url": "mailto://user:pass@gmail.com"}, "/target/url"),
    ("apprise", {"url": "file:///etc/passwd"}, "/target/url"),
    ("apprise", {"url": "syslog://"}, "/target/url"),
    ("apprise", {"url": "dbus://"}, "/target/url"),
    ("apprise", {"url": "json://10.0.0.1/x"}, "/target/url"),
    ("apprise", {"url": "mmosts://"}, "/target/url"),
    ("apprise", {"url": "workflows://host/wf/sig?template=/etc/passwd"}, "/target/url"),
    ("apprise", {"url": "ntfys://topic?attach=file:///etc/passwd"}, "/target/url"),
]  # fmt: skip
GOOD: list[tuple[str, dict[str, Any]]] = [
    ("wecom", {"url": WECOM}),
    ("dingtalk", {"url": "https://oapi.dingtalk.com/robot/send?access_token=abc"}),
    ("dingtalk", {"url": DINGTALK, **EVENTS}),
    ("feishu", {"url": "https://open.larksuite.com/open-apis/bot/v2/hook/0123-4567", "secret": None}),
    ("telegram", {"token": "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11", "chat_id": -1001234567890}),
    ("telegram", {"token": "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11", "chat_id": "@shop_channel"}),
    ("slack", {"url": "https://hooks.slack.com/services/T000/B000/XXXXXXXX"}),
    ("discord", {"url": "https://discord.com/api/webhooks/12/ab-c_d?thread_id=7"}),
    ("webhook", {"url": "https://shop.example:8443/hook?x=1", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}),
    ("apprise", {"url": "ntfys://my-topic"}),
    ("apprise", {"url": "mmosts://chat.shop.example/3ccdd113474722377935511fc85d3dd4"}),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "given", "pointer"), BAD)
def test_a_wrong_target_is_refused_where_it_is_wrong(
    app: Flask, platform: str, given: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as caught:
        target_from(platform, given)
    assert pointer in [fault.pointer for fault in caught.value.faults]
    told = str(caught.value) + "".join(fault.detail for fault in caught.value.faults)
    for value in given.values():
        assert not isinstance(value, str) or len(value) < 40 or value not in told


def test_an_unknown_platform_is_refused(app: Flask) -> None:
    with pytest.raises(Invalid):
        target_from("icq", {})


@pytest.mark.parametrize(("platform", "given"), GOOD)
def test_a_target_keeps_its_secrets_and_survives_sealing(
    app: Flask, caplog: pytest.LogCaptureFixture, platform: str, given: dict[str, Any]
) -> None:
    target = target_from(platform, given, pointer="/x")
    assert target_of_json(target_json(target)) == target
    shown = repr(target) + str(target) + masked_target(target) + repr(Message("x", image=b"secret"))
    with caplog.at_level(logging.DEBUG):
        logging.getLogger().info("%s %r", target, target)
    shown += caplog.text
    for value in (str(one) for one in given.values() if one is not None):
        assert value not in shown or value.startswith(("-", "@"))  # a chat's number is not secret
    for secret in (target.token.partition(":")[2], target.secret, target.url.rpartition("/")[2]):
        assert not secret or secret not in shown


def test_a_chat_is_known_where_a_platform_names_it(app: Flask) -> None:
    known = {platform: chat_of(target_from(platform, dict(given))) for platform, given in GOOD}
    assert (known["telegram"], known["dingtalk"], known["wecom"]) == ("@shop_channel", EVENTS["chat_id"], None)
    bot = {"token": "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11", "chat_id": -1001234567890}
    assert chat_of(target_from("telegram", bot)) == "-1001234567890"


def test_every_platform_names_its_fields(app: Flask, chat: Chat) -> None:
    for word, capability in PLATFORMS.items():
        given = chat.target(word, 1)
        assert set(capability.target) <= set(given) <= {*capability.target, *capability.target_options}
        with pytest.raises(Invalid) as caught:
            target_from(word, {})
        assert [fault.pointer for fault in caught.value.faults] == [f"/target/{name}" for name in capability.target]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "127.1", "0x7f000001"])
def test_private_addresses_are_never_posted_to(app: Flask, host: str) -> None:
    """Whatever the name: it is the address it leads to that counts, when the connection is made."""
    given = {"url": f"https://{host}/hook", "secret": "whsec_" + "A" * 32}
    outcome = send(target_from("webhook", given), Message("x"))
    assert type(outcome).__name__ in {"Refused", "Unknown"}
    assert getattr(outcome, "reason", "") in {"address_refused", "not_resolved"}


@pytest.mark.parametrize("url", [
    "jsons://127.0.0.1/x", "jsons://localhost/x", "jsons://10.1.2.3/x", "ntfys://169.254.169.254/topic",
    "mmosts://localhost/3ccdd113474722377935511fc85d3dd4", "gotifys://10.1.2.3/abcdefghijklmno", "barks://10.1.2.3/key",
    "rockets://u:p@127.0.0.1/%23room", "synologys://localhost/token", "nctalks://u:p@10.1.2.3/room",
    "pushdeers://localhost/" + "a" * 97,
])  # fmt: skip
def test_no_plugin_of_apprise_reaches_a_private_address(app: Flask, url: str) -> None:
    outcome = send(target_from("apprise", {"url": url}), Message("x"))
    assert outcome == Refused("address_refused", "address_refused")


def test_the_plugins_that_are_allowed_know_no_other_way_out() -> None:
    """Everything they could connect with is the name `requests`, which is ours; they are single modules."""
    ways = {"socket", "ssl", "http", "urllib3", "smtplib", "ftplib", "telnetlib", "asyncio", "subprocess", "httpx"}
    for schema in SECURE | PLAIN:
        plugin = apprise.plugins.N_MGR[schema]
        source = Path(inspect.getfile(plugin)).read_text(encoding="utf-8")
        names = [
            name.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for name in node.names
        ]
        froms = [node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
        roots = {name.partition(".")[0] for name in [*names, *froms]}
        assert not roots & ways, schema
        assert "requests" in names, schema
        assert "requests" not in froms, schema
        assert not {name for name in names if name.startswith("urllib")} - {"urllib.parse"}, schema
        assert {name for name in froms if name.startswith("urllib")} <= {"urllib.parse"}, schema


def test_without_what_plays_them_loopback_and_plain_http_are_refused(
    database_environment: dict[str, str], chat: Chat
) -> None:
    with create_app(load(database_environment)).app_context():
        for platform in ("webhook", "apprise"):
            with pytest.raises(Invalid):
                target_from(platform, chat.target(platform, 1))
    with create_app(load(database_environment | {"ALLOW_PRIVATE_URLS": "1"})).app_context():
        for platform in ("webhook", "apprise"):
            target_from(platform, chat.target(platform, 1))


def test_only_the_playing_server_itself_may_be_on_loopback(app: Flask, chat: Chat) -> None:
    for url in (chat.url + "0/webhook/1", chat.url.rpartition(":")[0] + ":1/webhook/1"):
        with pytest.raises(Invalid):
            target_from("webhook", {"url": url, "secret": chat.target("webhook", 1)["secret"]})


def test_an_address_that_only_begins_like_the_playing_servers_is_another() -> None:
    reach = Reach("http://play.example:80", allow_private=False)
    assert reach.may_be_private("http://play.example:80/webhook/1")
    for url in ("http://play.example:8080/x", "http://play.example:80.evil.example/x", "http://play.example:80@a/x"):
        assert not reach.may_be_private(url)
    assert not Reach(None, allow_private=False).may_be_private("http://127.0.0.1/")
