"""What is printed: amounts as people write them, and commands that work as they stand."""

import shlex
from typing import Any

import pytest
from flask import Flask
from rich.cells import cell_len

from demo.accounts import Access
from demo.outcome import Example, Outcome
from demo.progress import Show
from demo.report import curl_lines, money, speed_lines, summary_lines, way_on_lines
from demo.retail import RetailFolder
from demo.run import run
from tests.clients import ApiClient
from tests.demo.conftest import working_options


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (123_456, "GBP", "GBP 1,234.56"), (5, "GBP", "GBP 0.05"), (-1_000, "GBP", "GBP −10.00"), (0, "CNY", "CNY 0.00"),
        (1_234_567, "JPY", "JPY 1,234,567"), (1_234_567, "KWD", "KWD 1,234.567"), (-7, "KWD", "KWD −0.007"),
    ],
)  # fmt: skip
def test_amounts_are_written_by_their_exponent(amount: int, currency: str, written: str) -> None:
    assert money(amount, currency) == written


def called(app: Flask, access: Access, command: str) -> Any:
    """The answer to the request that a printed curl command makes."""
    words = shlex.split(command)
    assert words[:2] == ["curl", "-sS"]
    options = list(zip(words[2:-1:2], words[3:-1:2], strict=True))
    headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
    bodies = [value for name, value in options if name == "-d"]
    assert {name for name, _ in options} <= {"-H", "-d", "-o"}
    path = words[-1].removeprefix(access.base_url)
    anonymous = ApiClient(app, None)
    if bodies:
        return anonymous.post(path, data=bodies[0].encode(), headers=headers)
    return anonymous.get(path, headers=headers)


def test_every_printed_command_answers(app: Flask, access: Access, retail_slice: RetailFolder, show: Show) -> None:
    passed = run(app, access, retail_slice, show, working_options(access))
    example = passed.outcome.example
    assert example is not None
    commands = curl_lines(access, example)
    answers = [called(app, access, command) for command in commands]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    balance, explanation, quote = (answer.get_json() for answer in answers)
    assert balance["paid"] > 0
    assert {one["level"] for one in explanation["commissions"]} == {1, 2}
    assert any(one["reversals"] for one in explanation["commissions"])
    assert quote["levels"][0]["amount"] > 0
    printed = "\n".join(way_on_lines(access, "demo.json", example))
    assert all(command in printed for command in commands)
    _all_aligned(passed.outcome)
    assert any("orders/s" in line and "lines/s" in line for line in speed_lines(passed.intake, passed.seconds))


def _all_aligned(outcome: Outcome) -> None:
    """Values stand below each other, although Chinese characters are two columns wide."""
    lines = [line for line in summary_lines(outcome) if line.startswith("  ")]
    values = [line for line in lines if "GBP" in line]
    assert len({cell_len(line[: line.index("GBP")]) for line in values}) == 1


def test_nothing_to_try_where_nobody_has_earned(access: Access) -> None:
    assert not any("curl" in line for line in way_on_lines(access, None, None))


def test_a_command_holds_what_a_shell_would_take_apart(access: Access) -> None:
    example = Example(access.program, "7", "it's", 'a "b" $c', 100)
    for command in curl_lines(access, example):
        assert access.base_url in shlex.split(command)[-1]
