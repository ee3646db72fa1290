"""Following a link: where it leads, what is written down before, and who is told nothing."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask

from core.clock import frozen_at, now
from core.observability.metrics import REQUESTS
from coupons.clicks import segments
from coupons.clicks.recorder import recorder_of
from coupons.clicks.tokens import visitor_key_of
from tests.clients import TestProgram
from tests.coupons.clicks.following import follow, make_link, token_in, written

COOKIE = re.compile(r"bv=([A-Za-z0-9_-]{22}); Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax")


def test_a_click_is_written_down_and_named_to_the_destination(app: Flask, program: TestProgram) -> None:
    link = make_link(program, campaign_id="spring", channel="wechat", sub_ids=["a", "b"])
    answer = follow(app, link.code, User_Agent="Mozilla/5.0 tea")
    assert answer.status_code == 302
    click = token_in(program, answer.location)
    assert answer.location.startswith("https://shop.example/tea?click_id=clk_")
    (record,) = written(app, program)
    assert (record.id, record.link_id, record.member_id) == (click.id, link.id, link.member_id)
    assert (record.visitor_key, click.link_id) == (click.visitor_key, link.id)
    assert (record.user_agent, record.via, record.prefetch) == ("Mozilla/5.0 tea", "redirect", False)
    assert (record.campaign_id, record.channel, record.group_id, record.sub_ids) == (
        "spring",
        "wechat",
        None,
        ("a", "b"),
    )
    assert abs(click.clicked_at - datetime.now(UTC)) < timedelta(seconds=5)


def test_nothing_of_it_may_be_kept_by_caches(app: Flask, program: TestProgram) -> None:
    answer = follow(app, make_link(program).code)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data == b""
    assert answer.data == b""


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("https://shop.example", "https://shop.example?click_id=*"),
        ("https://shop.example/?a=1&b=2", "https://shop.example/?a=1&b=2&click_id=*"),
        ("https://shop.example/?a=1&", "https://shop.example/?a=1&click_id=*"),
        ("https://shop.example/?", "https://shop.example/?click_id=*"),
        ("https://shop.example/#top", "https://shop.example/?click_id=*#top"),
        ("https://shop.example/?a=%20#/route?x=1", "https://shop.example/?a=%20&click_id=*#/route?x=1"),
        ("https://shop.example/?click_id=old&a=1", "https://shop.example/?a=1&click_id=*"),
        ("https://shop.example/?a=1&click%5Fid=old&click_id", "https://shop.example/?a=1&click_id=*"),
        ("myapp://item/7?x=1", "myapp://item/7?x=1&click_id=*"),
        ("https://茶.example/茶?q=茶", "https://xn--cl1a.example/%E8%8C%B6?q=%E8%8C%B6&click_id=*"),
        ("https://shop.example/a b\r\nSet-Cookie: x", "https://shop.example/a%20b%0D%0ASet-Cookie:%20x?click_id=*"),
    ],
)
def test_the_click_goes_into_the_query(app: Flask, program: TestProgram, destination: str, expected: str) -> None:
    answer = follow(app, make_link(program, destination).code)
    assert re.sub(r"clk_[\w-]{64}", "*", answer.location) == expected


@pytest.mark.parametrize(
    ("query", "carried"),
    [
        ("utm_source=x&utm_medium=y+z", {"utm_source": "x", "utm_medium": "y z"}),
        ("s1=a&s5=b&s6=c&s=d", {"s1": "a", "s5": "b"}),
        ("utm_campaign=other&click_id=forged&a=9", {}),
        ("utm_source=%0D%0ASet-Cookie:x", {"utm_source": "\r\nSet-Cookie:x"}),
        ("utm_source=1&utm_source=2", {"utm_source": "2"}),
        ("&&=&%&utm_", {}),
        ("utm_source=x&" + "&".join(f"a{number}=1" for number in range(150)), {"utm_source": "x"}),
    ],
)
def test_marks_of_the_short_link_go_on_unless_the_destination_has_them(
    app: Flask, program: TestProgram, query: str, carried: dict[str, str]
) -> None:
    link = make_link(program, "https://shop.example/?utm_campaign=own#top")
    parts = urlsplit(follow(app, link.code, query=query).location)
    assert parts.fragment == "top"
    token_in(program, parts.query)
    given = [(name, value) for name, value in parse_qsl(parts.query) if name != "click_id"]
    assert given == [("utm_campaign", "own"), *carried.items()]


def test_a_visitor_gets_a_cookie_once(app: Flask, program: TestProgram) -> None:
    link = make_link(program)
    first = follow(app, link.code)
    found = COOKIE.fullmatch(first.headers["Set-Cookie"])
    assert found
    second = follow(app, link.code, Cookie=f"other=1; bv={found[1]}; last=2")
    assert "Set-Cookie" not in second.headers
    assert {one.visitor_key for one in written(app, program)} == {visitor_key_of(program.id, found[1])}


@pytest.mark.parametrize("cookie", ["bv=", "bv=short", "bv=" + "x" * 23, "bv=" + "ü" * 22, "xbv=" + "x" * 22, ";;=;bv"])
def test_a_cookie_that_we_did_not_make_is_replaced(app: Flask, program: TestProgram, cookie: str) -> None:
    assert COOKIE.fullmatch(follow(app, make_link(program).code, Cookie=cookie).headers["Set-Cookie"])


def test_visitors_are_told_apart(app: Flask, program: TestProgram) -> None:
    link = make_link(program)
    for _ in range(20):
        follow(app, link.code)
    assert len({one.visitor_key for one in written(app, program)}) == 20


def test_the_cookie_is_secure_where_the_visitor_came_by_https(app: Flask, program: TestProgram) -> None:
    link = make_link(program)
    answer = app.test_client(use_cookies=False).get(f"/r/{link.code}", base_url="https://go.example")
    assert answer.headers["Set-Cookie"].endswith("; Secure")


def test_head_is_told_the_same_and_counts_nothing(app: Flask, program: TestProgram) -> None:
    link = make_link(program, "https://shop.example/?a=1#top")
    answer = follow(app, link.code, "HEAD")
    assert (answer.status_code, answer.location) == (302, "https://shop.example/?a=1#top")
    assert answer.headers["Cache-Control"] == "no-store"
    assert follow(app, link.code, "HEAD", "utm_source=x").location == "https://shop.example/?a=1&utm_source=x#top"
    assert written(app, program) == []


@pytest.mark.parametrize(
    ("name", "value", "is_prefetch"),
    [
        ("Sec_Purpose", "prefetch;prerender", True),
        ("Purpose", "prefetch", True),
        ("X_Purpose", "preview", True),
        ("X_Moz", "Prefetch", True),
        ("Purpose", "visit", False),
    ],
)
def test_a_prefetch_is_marked(app: Flask, program: TestProgram, name: str, value: str, is_prefetch: bool) -> None:
    follow(app, make_link(program).code, **{name: value})
    assert [one.prefetch for one in written(app, program)] == [is_prefetch]


def test_a_user_agent_is_cut_and_cleaned(app: Flask, program: TestProgram) -> None:
    link = make_link(program)
    environ = {"HTTP_USER_AGENT": "a\x00b\x7fc\r\n" + "x" * 1000}
    app.test_client().get(f"/r/{link.code}", environ_overrides=environ)
    (record,) = written(app, program)
    assert record.user_agent == "abc" + "x" * (300 - 7)


def test_an_unknown_code_is_not_found(app: Flask, program: TestProgram) -> None:
    for code in ("c-never-made", "11zzzzzzzzz", "x", "%00", "a" * 500, "é", "..", "a%2Fb", "%ff"):
        answer = follow(app, code)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found"), code
        assert answer.mimetype == "application/problem+json"
    assert follow(app, "c-never-made", query="utm_source=x&a=1&a=2").status_code == 404
    assert follow(app, "").status_code == 404


def test_a_new_link_is_found_soon_after_somebody_asked_for_it(
    app: Flask, program: TestProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coupons.clicks import cache

    monkeypatch.setattr(cache, "UNKNOWN_SECONDS", 0.0)
    link = make_link(program)
    assert follow(app, link.code[:-1]).status_code == 404
    assert follow(app, link.code).status_code == 302


def test_an_ended_link_is_gone(app: Flask, program: TestProgram) -> None:
    expired, deleted = (
        make_link(program, expires_at=now() - timedelta(seconds=1)), make_link(program, deleted_at=now())
    )  # fmt: skip
    for link in (expired, deleted):
        for method in ("GET", "HEAD"):
            answer = follow(app, link.code, method)
            assert answer.status_code == 410
        assert follow(app, link.code).json["code"] == "link_ended"
    assert written(app, program) == []


def test_a_link_ends_at_its_time_though_it_is_remembered(app: Flask, program: TestProgram) -> None:
    link = make_link(program, expires_at=now() + timedelta(hours=1))
    assert follow(app, link.code).status_code == 302
    with frozen_at(now() + timedelta(hours=1)):
        assert follow(app, link.code).status_code == 410


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_methods_are_refused(app: Flask, program: TestProgram, method: str) -> None:
    answer = follow(app, make_link(program).code, method)
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")


def test_redirects_are_counted_with_the_other_requests(app: Flask, program: TestProgram) -> None:
    link = make_link(program)

    def counted(method: str) -> Any:
        front = _redirects(app)
        front._counts.flush()
        return REQUESTS.labels(method, "/r/<code>", "302")._value.get()

    before = counted("GET"), counted("HEAD")
    for method in ("GET", "GET", "GET", "HEAD"):
        follow(app, link.code, method)
    assert (counted("GET"), counted("HEAD")) == (before[0] + 3, before[1] + 1)


def _redirects(app: Flask) -> Any:
    return next(cell.cell_contents for cell in app.wsgi_app.__closure__ if hasattr(cell.cell_contents, "headers"))  # type: ignore[attr-defined]


def test_no_address_is_kept_and_its_hash_changes_with_the_day(
    app: Flask, program: TestProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coupons.clicks import visits

    link = make_link(program)

    def click_from(address: str) -> bytes:
        environ = {"REMOTE_ADDR": address}
        answer = app.test_client(use_cookies=False).get(f"/r/{link.code}", environ_overrides=environ)
        click = token_in(program, answer.location)
        return next(one.address_hash for one in written(app, program) if one.id == click.id)

    today = [click_from("203.0.113.7"), click_from("203.0.113.7"), click_from("203.0.113.8"), click_from("2001:db8::1")]
    assert [len(one) for one in today] == [8] * 4
    assert today[0] == today[1]
    assert len(set(today)) == 3
    tomorrow = visits.time.time() + 86_400
    monkeypatch.setattr(visits.time, "time", lambda: tomorrow)
    assert click_from("203.0.113.7") not in today
    folder = app.config["SETTINGS"].clicks_dir
    assert not any(b"203.0.113" in path.read_bytes() for path in folder.iterdir())


def test_a_full_disk_sends_the_visitor_on_and_is_told(app: Flask, program: TestProgram) -> None:
    import resource

    from coupons.clicks.recorder import _LOST

    link = make_link(program, "https://shop.example/?a=1")
    follow(app, link.code)
    recorder_of(app).close()
    before = _LOST._value.get()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        answer = follow(app, link.code)
        told = program.client.post("/v1/clicks", {"code": link.code})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (answer.status_code, answer.location) == (302, "https://shop.example/?a=1")
    assert (told.status_code, told.headers["Retry-After"]) == (503, "1")
    assert _LOST._value.get() == before + 2
    time.sleep(segments._REFUSED_SECONDS)
    token_in(program, follow(app, link.code).location)
    assert len(written(app, program)) == 2
