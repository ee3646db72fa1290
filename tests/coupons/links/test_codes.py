"""The two kinds of codes: made ones name their program, chosen ones can never be taken for them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupons.links.codes import may_be_chosen, new_code, program_number


@pytest.mark.parametrize(
    ("number", "length", "head"), [(1, 11, "11"), (31, 11, "1z"), (32, 12, "210"), (1024, 13, "3100")]
)
def test_a_made_code_begins_with_its_programs_number(number: int, length: int, head: str) -> None:
    code = new_code(number)
    assert (len(code), code[: len(head)]) == (length, head)


@given(st.integers(1, 2**31 - 1))
def test_the_program_of_a_made_code_is_found_again(number: int) -> None:
    code = new_code(number)
    assert program_number(code) == number
    assert len(code) <= 32
    assert re.fullmatch("[0-9a-z]+", code)
    assert not may_be_chosen(code)


def test_made_codes_do_not_repeat_and_follow_no_order() -> None:
    codes = [new_code(1) for _ in range(10_000)]
    assert len(set(codes)) == len(codes)
    assert codes != sorted(codes)
    # each of the nine digits takes all of its 32 values
    assert [len({code[2 + place] for code in codes}) for place in range(9)] == [32] * 9


@pytest.mark.parametrize(
    "code",
    [
        "", "1", "x", "0123456789a", "11234567890x", "1123456789", "112345678i9", "1123456789O", "1A23456789b",
        "10123456789", "8111111110123456789", "1" * 200, "１1234567890", "21023456789", "ada-tea", "11\x00345678901",
    ],
)  # fmt: skip
def test_what_is_no_made_code_names_no_program(code: str) -> None:
    assert program_number(code) is None


@pytest.mark.parametrize("code", ["ada", "A-d_a", "x" * 32, "123", "1A23456789b", "black-friday", "11234567890123456"])
def test_what_may_be_chosen(code: str) -> None:
    assert may_be_chosen(code)


@pytest.mark.parametrize(
    "code", ["", "ab", "x" * 33, "a b", "ädä", "a/b", "a.b", "ada\n", "11234567890", "2101234567890"[:12], "茶茶茶"]
)
def test_what_may_not_be_chosen(code: str) -> None:
    assert not may_be_chosen(code)
