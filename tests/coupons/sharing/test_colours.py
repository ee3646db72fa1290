"""Which colours a camera can tell apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coupons.sharing.colours import Colour, can_be_scanned, colour_from, luminance

BLACK, WHITE = Colour(0, 0, 0), Colour(255, 255, 255)
colours = st.builds(Colour, *[st.integers(0, 255)] * 3)


@pytest.mark.parametrize(
    ("text", "colour"),
    [("#1a2b3c", (26, 43, 60)), ("1A2B3C", (26, 43, 60)), ("fff", (255, 255, 255)), ("#abc", (170, 187, 204))],
)
def test_colours_are_read_with_and_without_their_sign(text: str, colour: tuple[int, int, int]) -> None:
    assert colour_from(text) == colour


@pytest.mark.parametrize("text", ["", "#", "12345", "1234567", "red", "#ggg", "fff\n", "０００", " fff", "##fff"])
def test_anything_else_is_no_colour(text: str) -> None:
    with pytest.raises(ValueError, match="no colour"):
        colour_from(text)


@given(colours)
def test_a_colour_is_written_as_it_is_read(colour: Colour) -> None:
    assert colour_from(colour.hex) == colour


@pytest.mark.parametrize(
    ("dark", "light", "fine"),
    [
        ("000", "fff", True), ("1a2b3c", "f5f1ec", True), ("d92d3a", "fff", True), ("0000ff", "fff", True),
        ("fff", "000", False), ("fff", "fff", False), ("777", "888", False), ("ff0", "fff", False),
        ("0f0", "fff", False), ("000", "333", False), ("aaa", "fff", False),
    ],
)  # fmt: skip
def test_modules_must_be_dark_on_light(dark: str, light: str, fine: bool) -> None:
    assert can_be_scanned(colour_from(dark), colour_from(light)) is fine


@given(colours, colours)
def test_it_never_works_both_ways_round(one: Colour, other: Colour) -> None:
    assert not (can_be_scanned(one, other) and can_be_scanned(other, one))
    assert luminance(BLACK) <= luminance(one) <= luminance(WHITE)
