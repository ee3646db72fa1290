"""A click's id says which link was followed, when and by whom, and only this installation can make one."""

import string
from uuid import UUID

import pytest

from core.ids import new_id
from coupons.clicks.tokens import Click, open_token, seal, visitor_key_of
from tests.clients import TestProgram

PROGRAM = UUID("0190a5a5-0000-7000-8000-000000000001")
OTHER = UUID("0190a5a5-0000-7000-8000-000000000002")
CLICK = Click(UUID("0190a5a5-1234-7abc-8def-0123456789ab"), UUID("0190a5a5-0000-7000-8000-0000000000aa"), b"visitor8")

pytestmark = pytest.mark.usefixtures("app")


def test_a_token_opens_to_the_click_it_was_made_of() -> None:
    token = seal(PROGRAM, CLICK)
    assert token.startswith("clk_")
    assert set(token) <= set(string.ascii_letters + string.digits + "_-")
    assert open_token(PROGRAM, token) == CLICK


def test_a_click_knows_its_time() -> None:
    assert CLICK.clicked_at.isoformat() == "2024-07-12T06:32:57.140000+00:00"


def test_another_program_cannot_use_it() -> None:
    assert open_token(OTHER, seal(PROGRAM, CLICK)) is None


def test_no_character_of_a_token_can_be_changed() -> None:
    token = seal(PROGRAM, CLICK)
    for place in range(len(token)):
        for letter in "A", "b", "_", "-", "+", "/", "=", "é", "\n":
            forged = token[:place] + letter + token[place + 1 :]
            assert forged == token or open_token(PROGRAM, forged) is None, forged


@pytest.mark.parametrize(
    "text", ["", "clk_", "clk_" + "A" * 64, "clk_" + "!" * 64, "clk_" + "=" * 64, "x" * 68, "clk_" + "A" * 4000]
)
def test_what_was_never_sealed_is_nobodys(text: str) -> None:
    assert open_token(PROGRAM, text) is None


def test_a_token_with_something_around_it_is_refused() -> None:
    token = seal(PROGRAM, CLICK)
    assert [open_token(PROGRAM, text) for text in (token + "A", token + "\n", " " + token, token[:-1])] == [None] * 4


def test_a_visitor_is_another_in_every_program() -> None:
    assert visitor_key_of(PROGRAM, "v1") == visitor_key_of(PROGRAM, "v1")
    assert len({visitor_key_of(PROGRAM, "v1"), visitor_key_of(PROGRAM, "v2"), visitor_key_of(OTHER, "v1")}) == 3
    assert len(visitor_key_of(PROGRAM, "访客")) == 8


def test_a_token_made_now_is_of_now(program: TestProgram) -> None:
    click = Click(new_id(), new_id(), b"12345678")
    assert open_token(program.id, seal(program.id, click)) == click
