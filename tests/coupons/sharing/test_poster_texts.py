"""The words of a poster: every letter has a form, every line fits."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from coupons.sharing.posters.fonts import LANGUAGE, drawable, font_file, font_of, has_glyph
from coupons.sharing.posters.texts import shortened, width_of, wrapped

FONT = font_of(40)
CHINESE = "自购省钱分享赚钱推荐给你好友扫码查看优惠码龙井茶龘"
LATIN = "Save when you buy, earn when you share ÄÖÜß éèç Ñ ¿? Ωλ Жя"


def drawn(letter: str, language: str | None = LANGUAGE) -> bytes:
    image = Image.new("L", (60, 60), 0)
    ImageDraw.Draw(image).text((5, 0), letter, 255, FONT, language=language)
    return image.tobytes()


def test_the_font_is_found_without_running_its_package() -> None:
    assert font_file().is_file()
    assert not [name for name in sys.modules if name.lower().startswith("cvttf")]


@pytest.mark.parametrize(
    "letter", sorted({*CHINESE, *LATIN, *"¥£€$₩₫", *"가나かなカナ", *"，。！？（）【】…·%"} - {" "})
)
def test_letters_are_letters_and_not_the_box_for_what_is_missing(letter: str) -> None:
    assert has_glyph(letter)
    assert drawn(letter) != drawn("\uffff")
    assert any(drawn(letter))


@pytest.mark.parametrize("letter", ["😀", "\U0001f1e8", "\ufe0f", "\u200d", "\uffff", "\ue000", " ", "\u200b"])
def test_what_the_font_lacks_is_known(letter: str) -> None:
    assert not has_glyph(letter)


def test_what_cannot_be_drawn_is_left_out() -> None:
    assert drawable("新茶 😀 上市 👨‍👩‍👧") == "新茶 上市"
    assert drawable("  tea\n\t and  more ") == "tea and more"
    assert drawable("😀❤️") in {"", "❤"}
    assert drawable("e\u0301") == "é"


def test_a_letter_that_is_missing_is_drawn_plainly() -> None:
    assert drawable("Łódź, Dvořák, İstanbul, Đà Nẵng") == "Lódz, Dvorák, Istanbul, Đà Nẵng"


def test_chinese_has_its_simplified_forms() -> None:
    """The font's own forms of these are others: with the wrong ones a mainland reader sees a foreign hand."""
    assert LANGUAGE == "zh-Hans"
    different = [letter for letter in "骨直角令今" if drawn(letter) != drawn(letter, None)]
    assert "骨" in different


@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize(
    "text",
    [
        "特级明前西湖龙井茶 250g 礼盒装（买二送一）2026 新茶上市，狮峰山核心产区，手工炒制，限量发售，先到先得",
        "Premium Dragon Well Green Tea, hand-picked in the first days of spring, gift box of 250 g, two for one",
        "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenhalterung",
        "混合 mixed 文字 text，标点。And 中英文 together！" * 4,
    ],
)
def test_long_titles_are_cut_with_an_ellipsis_and_every_line_fits(text: str, most: int) -> None:
    lines = wrapped(text, FONT, 500, most)
    assert len(lines) == most
    assert max(width_of(line, FONT) for line in lines) <= 500
    assert lines[-1].endswith(("…", "...")) or "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_short_titles_stay_as_they_are() -> None:
    assert wrapped("龙井茶", FONT, 500, 3) == ["龙井茶"]
    assert wrapped("Green tea", FONT, 500, 3) == ["Green tea"]
    assert wrapped("", FONT, 500, 3) == []


def test_words_are_kept_whole_and_chinese_breaks_anywhere() -> None:
    latin = wrapped("Premium Dragon Well Green Tea", FONT, 300, 9)
    assert " ".join(latin) == "Premium Dragon Well Green Tea"
    chinese = wrapped("特级明前西湖龙井茶礼盒装", FONT, 250, 9)
    assert "".join(chinese) == "特级明前西湖龙井茶礼盒装"
    assert [len(line) for line in chinese] == [6, 6]


def test_no_line_begins_with_a_sign_that_closes() -> None:
    for width in range(90, 420, 10):
        lines = wrapped("新茶上市，先到先得。（买二送一）好茶！真的？", FONT, width, 99)
        assert not [line for line in lines[1:] if line[0] in "，。）！？"], lines
        assert not [line for line in lines if line[-1] == "（"], lines


def test_a_short_text_is_cut_where_it_must() -> None:
    assert shortened("Ada Lovelace", FONT, 1000) == "Ada Lovelace"
    assert shortened("Ada Lovelace, Countess", FONT, 250).endswith("...")
    assert shortened("艾达·洛夫莱斯伯爵夫人", FONT, 250).endswith("…")
    assert shortened("Ada", FONT, 5) == ""


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120), st.integers(30, 700), st.integers(1, 3))
def test_no_text_leaves_its_box(text: str, width: int, most: int) -> None:
    lines = wrapped(drawable(text), FONT, width, most)
    assert len(lines) <= most
    # one letter may be wider than a very narrow box
    assert all(width_of(line, FONT) <= max(width, 60) for line in lines)
