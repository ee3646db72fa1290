"""Codes as pictures: the modules that were meant, in the size and the colours that were asked for."""

from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from coupons.sharing.colours import Colour
from coupons.sharing.qr import Look, modules_of, png, smallest_size, svg
from tests.coupons.sharing.shop import modules_in

URL = "https://go.example/r/11abcdefghi"
SVG = "{http://www.w3.org/2000/svg}"


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


@pytest.mark.parametrize("look", [Look(), Look(size=100), Look(size=777, margin=0), Look(size=2048, error="H")])
def test_the_png_has_the_modules_of_the_code_and_the_size_asked_for(look: Look) -> None:
    image = opened(png(URL, look))
    assert image.size == (look.size, look.size)
    shown, meant = modules_in(image, URL, look.error)
    assert shown == meant


def test_the_margin_is_at_least_as_wide_as_asked_for() -> None:
    for margin in (0, 4, 16):
        image = opened(png(URL, Look(size=400, margin=margin))).convert("L")
        left, top, right, bottom = image.point(lambda light: 255 - light).getbbox()  # type: ignore[misc]
        module = (right - left) // len(modules_of(URL))
        assert min(left, top, 400 - right, 400 - bottom) >= margin * module


def test_the_png_has_the_two_colours_asked_for() -> None:
    ink, paper = Colour(0x1A, 0x2B, 0x3C), Colour(0xF5, 0xF1, 0xEC)
    image = opened(png(URL, Look(color=ink, background=paper))).convert("RGB")
    assert {colour for _, colour in image.getcolors() or []} == {ink, paper}


def test_more_may_be_lost_where_that_is_asked_for() -> None:
    assert len(modules_of(URL * 3, "H")) > len(modules_of(URL * 3, "L"))


def test_the_svg_draws_exactly_the_dark_modules() -> None:
    look = Look(margin=3)
    root = ET.fromstring(svg(URL, look, URL))  # noqa: S314 -- it is our own
    rows = modules_of(URL)
    drawn = [[0] * len(rows) for _ in rows]
    path = root.find(f"{SVG}path")
    assert path is not None
    for run in path.attrib["d"].rstrip("z").split("z"):
        start, width = run.split("v1")[0].removeprefix("M").split("h")
        x, y = map(int, start.split())
        for place in range(int(width)):
            drawn[y - 3][x - 3 + place] += 1
    assert drawn == [list(row) for row in rows]
    assert root.attrib["viewBox"] == f"0 0 {len(rows) + 6} {len(rows) + 6}"
    assert (root.attrib["width"], root.attrib["height"]) == ("512", "512")


def test_the_svg_has_a_title_and_nothing_that_runs_or_loads() -> None:
    content = svg(URL, Look(), "Tea & <script>alert(1)</script>")
    root = ET.fromstring(content)  # noqa: S314
    assert root.findtext(f"{SVG}title") == "Tea & <script>alert(1)</script>"
    assert {element.tag for element in root.iter()} == {SVG + tag for tag in ("svg", "title", "rect", "path")}
    assert not any(name.startswith("on") or "href" in name for element in root.iter() for name in element.attrib)


def test_the_same_look_gives_the_same_bytes() -> None:
    assert png(URL, Look()) == png(URL, Look())
    assert svg(URL, Look(), "x") == svg(URL, Look(), "x")
    assert png(URL, Look()) != png(URL + "x", Look())


def test_the_smallest_size_still_shows_every_module() -> None:
    size = smallest_size(URL, Look(margin=2))
    shown, meant = modules_in(opened(png(URL, Look(size=size, margin=2))), URL)
    assert shown == meant
