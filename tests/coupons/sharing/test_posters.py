"""What a poster looks like, by what changes it: every word leaves a trace, and nothing leaves its place."""

import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image, ImageChops

from coupons.sharing.posters.drawing import Poster, draw
from coupons.sharing.posters.templates import ACCENT, TEMPLATES, WORDS, Box, Line
from tests.coupons.sharing.shop import modules_in

FULL = Poster(
    template="classic", language="zh", url="https://go.example/r/11abcdefghi", sharer="李小明", has_product=True,
    title="特级明前西湖龙井茶 250g 礼盒装", price="¥129.90", coupon_code="SPRING10",
)  # fmt: skip
PICTURE = Image.new("RGB", (400, 300), (20, 90, 200))
EVERY = pytest.mark.parametrize("template", list(TEMPLATES))


def drawn(poster: Poster, picture: Image.Image | None = PICTURE) -> Image.Image:
    image = Image.open(BytesIO(draw(poster, picture)))
    image.load()
    return image


def changed(one: Image.Image, other: Image.Image) -> tuple[int, int, int, int] | None:
    """Where two posters differ."""
    return ImageChops.difference(one, other).getbbox()


def within(inner: tuple[int, int, int, int] | None, outer: tuple[int, int, int, int]) -> bool:
    assert inner is not None, "nothing changed"
    return all(a >= b for a, b in zip(inner[:2], outer[:2], strict=True)) and all(
        a <= b for a, b in zip(inner[2:], outer[2:], strict=True)
    )


def area(line: Line, lines: int = 1, leading: int = 0) -> tuple[int, int, int, int]:
    left = {"l": line.x, "m": line.x - line.width // 2, "r": line.x - line.width}[line.align]
    spare = line.size // 2
    return (left - spare, line.top - spare, left + line.width + spare, line.top + 2 * line.size + lines * leading)


@EVERY
@pytest.mark.parametrize("language", list(WORDS))
def test_a_poster_has_its_size_and_is_bounded(template: str, language: str) -> None:
    image = drawn(FULL._replace(template=template, language=language))
    assert image.size == (TEMPLATES[template].width, TEMPLATES[template].height)
    assert image.width <= 1242
    assert image.height <= 2208
    assert image.mode == "RGB"


@EVERY
def test_the_code_on_it_leads_to_the_link(template: str) -> None:
    box = TEMPLATES[template].code
    image = drawn(FULL._replace(template=template)).crop((box.left, box.top, box.right, box.bottom))
    shown, meant = modules_in(image, FULL.url)
    assert shown == meant


@EVERY
def test_every_word_is_drawn_and_only_in_its_place(template: str) -> None:
    where, full = TEMPLATES[template], FULL._replace(template=template)
    image = drawn(full)
    for change, place in (
        ({"price": "¥999.00"}, area(where.price)),
        ({"coupon_code": "WINTER"}, area(where.coupon)),
        ({"title": "普洱茶"}, area(where.title, where.title_lines, where.title_leading)),
    ):
        assert within(changed(image, drawn(full._replace(**change))), place), change
    name = changed(image, drawn(full._replace(sharer="Ada Lovelace")))
    assert name is not None
    assert name[0] >= where.avatar.left
    assert name[3] <= where.avatar.bottom + 10


@EVERY
def test_the_picture_fills_its_place_and_nothing_else(template: str) -> None:
    box = TEMPLATES[template].picture
    image, other = drawn(FULL._replace(template=template)), Image.new("RGB", (30, 900), (200, 10, 10))
    assert image.getpixel((box.left + box.width // 2, box.top + box.height // 2)) == (20, 90, 200)
    assert within(
        changed(image, drawn(FULL._replace(template=template), other)), (box.left, box.top, box.right, box.bottom)
    )


@EVERY
def test_without_a_picture_a_placeholder_stands_there(template: str) -> None:
    box = TEMPLATES[template].picture
    image = drawn(FULL._replace(template=template), None)
    colours = image.crop((box.left, box.top, box.right, box.bottom)).getcolors(10_000_000)
    assert colours is not None
    assert len(colours) > 10, "a shade with a bag, no blank"
    assert (255, 255, 255) in {colour for _, colour in colours}


@EVERY
def test_a_plain_poster_says_what_sharing_is_for(template: str) -> None:
    plain = FULL._replace(template=template, has_product=False, title="shop.example", price=None, coupon_code=None)
    chinese, english = drawn(plain, None), drawn(plain._replace(language="en"), None)
    box = TEMPLATES[template].picture
    part = (box.left, box.top, box.right, box.bottom)
    assert ACCENT in {colour for _, colour in chinese.crop(part).getcolors(10_000_000) or []}
    assert changed(chinese.crop(part), english.crop(part))


def test_long_words_stay_in_their_places() -> None:
    """A name, a title, a code and a price as long as the API lets them be."""
    long = FULL._replace(
        sharer="Prinzessin Anna Amalia von Braunschweig-Wolfenbüttel zu Sachsen-Weimar und Eisenach",
        title="茶" * 200, coupon_code="X" * 100, price="CHF 10000000000000.00",
    )  # fmt: skip
    for name, where in TEMPLATES.items():
        image, usual = drawn(long._replace(template=name)), drawn(FULL._replace(template=name))
        code = (where.code.left, where.code.top, where.code.right, where.code.bottom)
        assert changed(image.crop(code), usual.crop(code)) is None, "nothing runs over the code"
        edge = (where.card.right - 8, where.picture.bottom, where.card.right, where.card.bottom - where.card_radius)
        assert changed(image.crop(edge), usual.crop(edge)) is None, "nothing runs over the edge"


@pytest.mark.parametrize("name", [None, "", "😀😀", "   "])
def test_a_nameless_sharer_is_a_friend(name: str | None) -> None:
    assert draw(FULL._replace(sharer=name), None) == draw(FULL._replace(sharer="好友"), None)


def test_letters_that_grow_when_they_are_large_do_no_harm() -> None:
    assert drawn(FULL._replace(sharer="ßeta"), None)
    assert drawn(FULL._replace(sharer="ﬁnn"), None)


def test_the_same_poster_gives_the_same_bytes() -> None:
    assert draw(FULL, PICTURE) == draw(FULL, PICTURE)


def test_posters_drawn_at_once_do_not_disturb_each_other() -> None:
    """Fonts and grounds are shared between threads."""
    posters = [FULL._replace(template=name, title=title) for name in TEMPLATES for title in ("龙井茶", "Green tea")] * 3
    alone = [draw(poster, PICTURE) for poster in posters[:6]] * 3
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(draw, posters, [PICTURE] * len(posters))) == alone


@EVERY
def test_drawing_takes_a_moment_and_not_more(template: str) -> None:
    """Generous: a slow machine under load must pass, a poster drawn pixel by pixel must not."""
    draw(FULL._replace(template=template), PICTURE)
    began = time.process_time()
    draw(FULL._replace(template=template), PICTURE)
    assert time.process_time() - began < 2


@EVERY
def test_everything_stands_on_the_card(template: str) -> None:
    where = TEMPLATES[template]

    def inside(box: Box) -> bool:
        card = where.card
        return card.left <= box.left and card.top <= box.top and box.right <= card.right and box.bottom <= card.bottom

    assert inside(where.picture)
    assert inside(where.code)
    assert inside(where.avatar)
    assert where.title.top + where.title_lines * where.title_leading <= where.card.bottom
