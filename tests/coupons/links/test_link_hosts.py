"""The program's link_hosts: kept as they are compared, refused where they could allow anything."""

from typing import Any

import pytest

from core.errors import Invalid
from core.programs.link_hosts import ascii_host, normalised_link_hosts
from tests.clients import TestProgram


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("shop.example", "shop.example"), (" Shop.EXAMPLE ", "shop.example"), ("*.Shop.example", "*.shop.example"),
        (".shop.example", ".shop.example"), ("例子.公司", "xn--fsqu00a.xn--55qx5d"),
        ("*.例子.公司", "*.xn--fsqu00a.xn--55qx5d"),
        ("straße.example", "xn--strae-oqa.example"), ("localhost", "localhost"), ("127.0.0.1", "127.0.0.1"),
        ("MyApp://", "myapp://"), ("com.example.app://", "com.example.app://"), ("a_b.example", "a_b.example"),
        ("shop。example", "shop.example"),
    ],
)  # fmt: skip
def test_an_entry_is_kept_as_it_is_compared(entry: str, kept: str) -> None:
    assert normalised_link_hosts([entry]) == [kept]


@pytest.mark.parametrize(
    "entry",
    [
        "", " ", "*", "*.", ".", "*.com", ".com", "**.shop.example", "a.*.example", "shop.example/", "shop.example/tea",
        "shop.example:443", "https://shop.example", "https://", "http://", "javascript://", "data://", "file://",
        "intent://", "://", "1app://", "my app://", "myapp:", "user@shop.example", "shop..example",
        "shop.example.", "-shop.example", "sh op.example", "shop\\.example", "[::1]", "x" * 64 + ".example",
        ".".join(["x" * 60] * 5), "☃.example", "a%2eb", "shop.example?x", "shop.example#x", "*.shop.example://",
    ],
)  # fmt: skip
def test_what_could_allow_anything_or_nothing_is_refused(entry: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalised_link_hosts(["shop.example", entry])
    assert [fault.pointer for fault in refused.value.faults] == ["/link_hosts/1"]


def test_equal_entries_are_kept_once_in_their_order() -> None:
    assert normalised_link_hosts(["b.example", "a.example", "B.example", "a.example"]) == ["b.example", "a.example"]


@pytest.mark.parametrize(
    "host", ["", ".", "a.", ".a", "a..b", "-a", "a-", "a b", "a/b", "a:1", "a@b", "☃.a", "x" * 254]
)
def test_what_is_no_host(host: str) -> None:
    assert ascii_host(host) is None


def change(program: TestProgram, hosts: Any) -> Any:
    return program.staff("owner").patch("/v1/program", {"link_hosts": hosts})


def test_the_program_shows_them_as_they_are_kept(program: TestProgram) -> None:
    assert change(program, ["Shop.example", "*.例子.公司"]).json["link_hosts"] == [
        "shop.example",
        "*.xn--fsqu00a.xn--55qx5d",
    ]
    assert program.client.get("/v1/program").json["link_hosts"] == ["shop.example", "*.xn--fsqu00a.xn--55qx5d"]
    assert change(program, []).json["link_hosts"] == []


def test_a_refused_entry_changes_nothing(program: TestProgram) -> None:
    change(program, ["shop.example"])
    answer = change(program, ["a.example", "https://b.example", "*.com"])
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/link_hosts/1", "/link_hosts/2"]
    assert program.client.get("/v1/program").json["link_hosts"] == ["shop.example"]


def test_other_settings_change_without_them(program: TestProgram) -> None:
    change(program, ["shop.example"])
    answer = program.staff("owner").patch("/v1/program", {"hold_days": 3})
    assert (answer.json["hold_days"], answer.json["link_hosts"]) == (3, ["shop.example"])
