"""What an answer of WeChat means, over real HTTP: every number has its class, and what cannot be read is unknown."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import orjson
import pytest

from coupons.sharing.wechat.client import WeChatApi
from coupons.sharing.wechat.errcodes import failure_of
from coupons.sharing.wechat.played import PlayedWeChat
from coupons.sharing.wechat.protocol import (
    AccessToken,
    MessageSent,
    MiniProgram,
    Picture,
    Refused,
    SubscribeMessage,
    Throttled,
    TokenEnded,
    Unknown,
    UrlLink,
)
from tests.coupons.sharing.conftest import APP_ID, SECRET

PROGRAM = MiniProgram(APP_ID, SECRET, "release")
MESSAGE = SubscribeMessage("openid-ada", "tmpl", "pages/tea", "zh", {"thing1": "茶"})


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[WeChatApi, list[bytes]]]:
    """A client of a server that answers one call with these bytes, and what it was sent."""
    sent: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with closing(connection), suppress(OSError):  # a client may leave in the middle
                connection.settimeout(2)
                sent.append(whole_request(connection))
                if answer:
                    connection.sendall(answer)
                else:
                    threading.Event().wait(1.5)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        api = WeChatApi(f"http://127.0.0.1:{server.getsockname()[1]}", seconds=1)
        yield api, sent
        api.close()
        thread.join(5)


def whole_request(connection: socket.socket) -> bytes:
    received = b""
    while True:
        received += connection.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if length and len(body) == int(length[1]):
            return received


def http(body: bytes, status: int = 200, kind: str = "application/json; encoding=utf-8") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def told(**document: Any) -> bytes:
    return http(orjson.dumps(document))


CALLS: list[Callable[[WeChatApi], Any]] = [
    lambda api: api.url_link("t", PROGRAM, "pages/tea", "scene=x", 30),
    lambda api: api.code("t", PROGRAM, "pages/tea", "x", 430),
    lambda api: api.subscribe_send("t", PROGRAM, MESSAGE),
]


@pytest.mark.parametrize(
    ("errcode", "outcome"),
    [
        (40001, TokenEnded(40001)), (40014, TokenEnded(40014)), (42001, TokenEnded(42001)), (-1, Throttled(-1, 2)),
        (45009, Throttled(45009, 3600)), (45011, Throttled(45011, 60)), (44990, Throttled(44990, 60)),
        (40013, Refused(40013, "wrong_app")), (40125, Refused(40125, "wrong_app")),
        (40164, Refused(40164, "not_allowed")), (41030, Refused(41030, "wrong_page")),
        (40165, Refused(40165, "wrong_page")), (85079, Refused(85079, "not_published")),
        (40169, Refused(40169, "wrong_content")), (85401, Refused(85401, "wrong_content")),
        (40037, Refused(40037, "wrong_template")), (43101, Refused(43101, "no_consent")),
        (47003, Refused(47003, "wrong_content")), (40003, Refused(40003, "wrong_person")),
        (99999, Refused(99999, "other")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", CALLS)
def test_every_number_has_its_class(call: Callable[[WeChatApi], Any], errcode: int, outcome: object) -> None:
    with answering(told(errcode=errcode, errmsg="x")) as (api, _):
        assert call(api) == outcome
    assert failure_of(errcode) == outcome


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "timed_out"), (b"nonsense", "connection_lost"), (http(b"<html>"), "unreadable_answer"),
        (http(b"[]"), "unreadable_answer"), (http(b"{}"), "unreadable_answer"), (http(b"", 500), "http_500"),
        (http(b"", 302), "http_302"), (told(errcode="0"), "unreadable_answer"),
        (told(errcode=True), "unreadable_answer"), (http(b"x" * 3_000_000), "unreadable_answer"),
        (b"HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\n{", "connection_lost"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("call", CALLS)
def test_what_cannot_be_read_is_unknown(call: Callable[[WeChatApi], Any], answer: bytes, reason: str) -> None:
    with answering(answer) as (api, _):
        assert call(api) == Unknown(reason)


@pytest.mark.parametrize("document", [{"url_link": 5}, {"url_link": ""}, {"url_link": "javascript:alert(1)"}])
def test_a_link_that_is_none_is_unknown(document: dict[str, Any]) -> None:
    with answering(told(errcode=0, **document)) as (api, _):
        assert api.url_link("t", PROGRAM, "", "", 1) == Unknown("unreadable_answer")


def test_a_message_goes_out_as_wechat_wants_it() -> None:
    with answering(told(errcode=0, errmsg="ok")) as (api, sent):
        assert api.subscribe_send("t", PROGRAM, MESSAGE) == MessageSent()
    head, _, body = sent[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /cgi-bin/message/subscribe/send?access_token=t ")
    assert orjson.loads(body) == {
        "touser": "openid-ada", "template_id": "tmpl", "page": "pages/tea", "miniprogram_state": "formal",
        "lang": "zh_CN", "data": {"thing1": {"value": "茶"}},
    }  # fmt: skip


def test_nobody_there_is_unknown_and_too_many_calls_are_throttled() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    assert WeChatApi(f"http://127.0.0.1:{port}").stable_token(PROGRAM) == Unknown("not_connected")
    with answering(http(b"", 429)) as (api, _):
        assert isinstance(api.stable_token(PROGRAM), Throttled)


@pytest.mark.parametrize("errcode", [40001, 40125, 40013])
def test_a_wrong_secret_is_refused_and_no_ended_token(errcode: int) -> None:
    with answering(told(errcode=errcode, errmsg="x")) as (api, _):
        assert api.stable_token(PROGRAM) == Refused(errcode, "wrong_app")


@pytest.mark.parametrize("document", [{}, {"access_token": "t"}, {"access_token": "", "expires_in": 1},
                                      {"access_token": "t", "expires_in": "7200"}])  # fmt: skip
def test_half_a_token_is_unknown(document: dict[str, Any]) -> None:
    with answering(told(**document)) as (api, _):
        assert api.stable_token(PROGRAM) == Unknown("unreadable_answer")


def test_the_calls_are_as_wechat_documents_them() -> None:
    trial = MiniProgram(APP_ID, SECRET, "trial")
    sent: dict[str, Any] = {}
    for name, call in {
        "token": lambda api: api.stable_token(trial),
        "link": lambda api: api.url_link("a b", trial, "pages/tea", "id=7&scene=x", 12),
        "code": lambda api: api.code("a b", trial, "pages/tea", "x", 300),
        "main": lambda api: api.code("a b", PROGRAM, "", "x", 300),
    }.items():
        with answering(told(errcode=-1)) as (api, received):
            call(api)  # type: ignore[no-untyped-call]
        head, _, body = received[0].partition(b"\r\n\r\n")
        sent[name] = (head.split(b"\r\n")[0].decode(), orjson.loads(body))
    assert sent["token"] == (
        "POST /cgi-bin/stable_token HTTP/1.1",
        {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET},
    )
    assert sent["link"] == (
        "POST /wxa/generate_urllink?access_token=a+b HTTP/1.1",
        {"path": "pages/tea", "query": "id=7&scene=x", "env_version": "trial", "is_expire": True, "expire_type": 1,
         "expire_interval": 12},
    )  # fmt: skip
    assert sent["code"] == (
        "POST /wxa/getwxacodeunlimit?access_token=a+b HTTP/1.1",
        {"scene": "x", "page": "pages/tea", "env_version": "trial", "width": 300, "check_path": False},
    )
    assert sent["main"][1] == {"scene": "x", "env_version": "release", "width": 300, "check_path": True}


def test_it_works_with_the_playing_server(wechat: PlayedWeChat, played: tuple[PlayedWeChat, str]) -> None:
    api = WeChatApi(played[1])
    token = api.stable_token(PROGRAM)
    assert isinstance(token, AccessToken)
    again = api.stable_token(PROGRAM)
    assert isinstance(again, AccessToken)
    assert again.token == token.token, "the stable token is the same for everybody who asks"
    assert isinstance(api.url_link(token.token, PROGRAM, "pages/tea", "scene=x", 30), UrlLink)
    assert isinstance(api.code(token.token, PROGRAM, "pages/tea", "x", 430), Picture)
    assert api.code("wrong", PROGRAM, "pages/tea", "x", 430) == TokenEnded(40001)
    api.close()


def test_secrets_are_in_no_text_of_these_things() -> None:
    shown = repr([PROGRAM, AccessToken("t0ken", 5)])
    assert SECRET not in shown
    assert "t0ken" not in shown
