"""Where a link may lead: nothing that a browser might read otherwise than we do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupons.links.rules import ascii_address, destination_fault, mini_program_path_fault

HOSTS = ["shop.example", "*.brand.example", ".old.example", "127.0.0.1", "xn--fsqu00a.xn--55qx5d", "myapp://"]


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example", "http://shop.example/", "https://shop.example/tea?a=1&utm_source=x%20y#top",
        "HTTPS://SHOP.Example/Tea", "https://shop.example:8443/x", "https://shop.example?x", "https://shop.example#x",
        "https://shop.example/@ada", "https://shop.example/?next=https://evil.example/", "https://a.brand.example/",
        "https://a.b.brand.example", "https://www.old.example", "http://127.0.0.1:8000/x", "https://shop.example/茶?q=绿",
        "https://例子.公司/茶", "https://XN--FSQU00A.xn--55qx5d", "myapp://open/tea?id=7", "MyApp:///x",
        "https://shop.example/" + "x" * 1979,
    ],
)  # fmt: skip
def test_it_may_lead_there(url: str) -> None:
    assert destination_fault(url, HOSTS) is None


TRICKS = [
    # no address at all, or one that takes its scheme or host from the page it stands on
    "", " ", "x", "/tea", "//shop.example", "///shop.example", "shop.example", "www.shop.example/tea", "https",
    "https:", "https:/shop.example", "https:shop.example", "https://", "https:///shop.example", "https:////shop.example",
    "://shop.example", "?https://shop.example", "http//shop.example",
    # other slashes
    "https:\\\\shop.example", "https:/\\shop.example", "https://shop.example\\@evil.example",
    "https://evil.example\\.shop.example", "\\\\shop.example", "https://shop.example/a\\b",
    # somebody else's host
    "https://evil.example", "https://shop.example.evil.example", "https://evilshop.example", "https://shop.example-x.com",
    "https://brand.example", "https://evilbrand.example", "https://old.example", "https://xbrand.example.com",
    "https://sub.shop.example", "https://shop.example.", "https://.shop.example", "https://shop..example",
    "https://*.brand.example", "https://evil.example/shop.example", "https://evil.example?shop.example",
    "https://evil.example#.brand.example", "https://evil.example?.brand.example", "https://evil.example#@shop.example",
    "https://evil.example/https://shop.example", "https://127.0.0.2", "https://127.1", "https://2130706433",
    "https://0x7f.0.0.1", "https://0177.0.0.1", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
    # credentials
    "https://shop.example@evil.example", "https://shop.example:x@evil.example", "https://a@shop.example",
    "https://a:b@shop.example/", "https://@shop.example", "https://shop.example%40evil.example", "myapp://a@b",
    "https://shop.example;@evil.example", "https://shop.example:443@evil.example",
    # ports
    "https://shop.example:", "https://shop.example:x", "https://shop.example:0", "https://shop.example:65536",
    "https://shop.example:443:80", "https://shop.example:-1", "https://shop.example:８０", "https://shop.example: 80",
    # percent signs and odd letters in the host
    "https://shop%2eexample", "https://shop.example%2f.evil.example", "https://shop.example%00.evil.example",
    "https://shop.example%5c.brand.example", "https://evil.example%23.brand.example", "https://shop.ex!ample",
    "https://shop.example,evil.example", "https://shop.example|x", "https://-shop.example", "https://shop.example_.x-",
    # letters that look or count as others
    "https://ｓhop.example", "https://shop．example", "https://shop。example", "https://shop｡example",
    "https://shop․example", "https://ѕhop.example", "https://evil.example⁄.brand.example",
    "https://evil.example／.brand.example", "https://evil.example？.brand.example", "https://evil.example＃.brand.example",
    "https://evil.example＠shop.example", "https://℀.brand.example", "https://shop.example︓80", "https://ſhop.example",
    "https://\u212a.brand.example", "ｈttps://shop.example", "https：//shop.example", "https:／／shop.example",
    # what nobody sees
    " https://shop.example", "https://shop.example ", "https://shop.example/a b", "\thttps://shop.example",
    "ht\ttps://shop.example", "https://shop.example\n.evil.example", "https://shop.example/\r\nSet-Cookie: a=b",
    "https://shop.example/\x00", "https://shop.example/\x7f", "https://shop.example/\x85", "https://shop.example/\u2028",
    "https://shop.example/\u200b", "https://shop\u00ad.example", "https://shop.example/\u202egpj.exe",
    "\ufeffhttps://shop.example", "https://shop.example/\u00a0", "https://shop.example/\u3000",
    "\x01javascript:alert(1)",
    "https://shop.exam\u200dple",
    # other schemes
    "javascript:alert(1)", "javascript://shop.example/%0aalert(1)", "JavaScript://shop.example/%0aalert(1)",
    "data:text/html,x", "data://shop.example/x", "file:///etc/passwd", "vbscript://x", "blob:https://shop.example/x",
    "ftp://shop.example/", "view-source:https://shop.example", "about:blank", "mailto:a@shop.example", "tel:123",
    "intent://shop.example#Intent;end", "myapp:open", "myapp:/open", "otherapp://open", "xmyapp://open", "myappx://open",
    "feed:https://shop.example", "https:javascript:alert(1)", "-myapp://x", "1myapp://x", "ws://shop.example",
    # too long
    "https://shop.example/" + "x" * 1980,
]  # fmt: skip


@pytest.mark.parametrize("url", TRICKS)
def test_it_may_not_lead_there(url: str) -> None:
    assert destination_fault(url, HOSTS)


@pytest.mark.parametrize(
    "url", ["https://anything.example:81/x", "http://10.0.0.1", "https://例子.公司", "http://localhost"]
)
def test_without_hosts_any_host_will_do(url: str) -> None:
    assert destination_fault(url, []) is None


@pytest.mark.parametrize(
    "url",
    [
        "//shop.example", "https:shop.example", "https:\\\\shop.example", "https://a@b.example", "javascript:alert(1)",
        "javascript://x/%0aalert(1)", "data:text/html,x", "file:///x", "myapp://open", "https:///x.example",
        "https://x.example\t", "https://x%2eexample", "https://x。example", "https://[::1]/", "https://x.example:99999",
    ],
)  # fmt: skip
def test_without_hosts_the_tricks_are_refused_all_the_same(url: str) -> None:
    assert destination_fault(url, [])


@pytest.mark.parametrize("entry", ["javascript://", "data://", "file://", "intent://", "ftp://"])
def test_a_dangerous_scheme_is_refused_even_where_it_stands_in_the_settings(entry: str) -> None:
    assert destination_fault(f"{entry}x/y", [entry])


def test_a_list_of_apps_only_allows_no_host() -> None:
    assert destination_fault("https://shop.example", ["myapp://"])


def test_a_refused_host_is_named() -> None:
    assert destination_fault("https://evil.example/x", HOSTS) == (
        "The host evil.example is not in the program's link_hosts."
    )


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://shop.example/a%20b?x=[1]{2}|\"<>'#y", "https://shop.example/a%20b?x=[1]{2}|\"<>'#y"),
        (
            "https://例子.公司:81/茶?q=绿&r=%E7#顶",
            "https://xn--fsqu00a.xn--55qx5d:81/%E8%8C%B6?q=%E7%BB%BF&r=%E7#%E9%A1%B6",
        ),
        ("https://shop.example?q=é&click={x}", "https://shop.example?q=%C3%A9&click={x}"),
        ("myapp://打开/茶", "myapp://%E6%89%93%E5%BC%80/%E8%8C%B6"),
    ],
)
def test_an_address_in_ascii_is_the_same_address(url: str, sent: str) -> None:
    assert ascii_address(url) == sent


@given(st.text(max_size=50), st.sampled_from(["https://shop.example/", "https://shop.example", "myapp://", ""]))
def test_whatever_is_accepted_can_be_sent_as_a_header(text: str, before: str) -> None:
    if destination_fault(before + text, HOSTS) is None:
        sent = ascii_address(before + text)
        assert sent.isascii()
        assert sent.isprintable()


@pytest.mark.parametrize("path", ["pages/tea", "/pages/tea?id=7&x=a:b", "tea", "pages/茶", "p?next=https://x.example"])
def test_a_page_of_the_mini_program(path: str) -> None:
    assert mini_program_path_fault(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "//evil.example/x", "https://evil.example", "javascript:alert(1)", "weixin:x", "pages:x/tea", "a b",
        "pages\\tea", "pages/\u200btea", "/\\evil.example", "x" * 1025, "\u3000",
    ],
)  # fmt: skip
def test_no_page_of_the_mini_program(path: str) -> None:
    assert mini_program_path_fault(path)
