"""Product pictures: PNG, JPEG and WebP of a bearable size, upright and opaque; everything else is no picture."""

import struct
import zlib

import pytest
from PIL import Image

from coupons.sharing.pictures import MOST_PIXELS, decoded
from tests.coupons.sharing.shop import encoded

RED, BLUE = (220, 20, 30), (20, 30, 220)


def halves(width: int = 80, height: int = 40) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 12 for a, b in zip(pixel, colour, strict=True))


def claiming(width: int, height: int) -> bytes:
    """A small PNG whose header says it is enormous."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_three_formats_are_read(kind: str) -> None:
    image = decoded(encoded(halves(), kind, quality=95), 100, 100)
    assert image is not None
    assert (image.mode, image.size) == ("RGB", (80, 40))
    assert near(image.getpixel((10, 20)), RED)
    assert near(image.getpixel((70, 20)), BLUE)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "CMYK", "I;16"])
def test_every_kind_of_pixel_becomes_opaque_colour(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = decoded(encoded(Image.new(mode, (20, 20)), kind), 100, 100)
    assert image is not None
    assert image.mode == "RGB"


def test_what_is_transparent_is_white() -> None:
    layer = halves().convert("RGBA")
    layer.putalpha(Image.new("L", layer.size, 0))
    image = decoded(encoded(layer), 100, 100)
    assert image is not None
    assert image.getpixel((10, 10)) == (255, 255, 255)


def test_a_photograph_is_turned_as_the_camera_says() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # the top is on the right: shown a quarter turn clockwise
    image = decoded(encoded(halves(), "JPEG", exif=turned, quality=95), 100, 100)
    assert image is not None
    assert image.size == (40, 80)
    assert near(image.getpixel((20, 10)), RED)
    assert near(image.getpixel((20, 70)), BLUE)


def test_a_large_picture_is_kept_no_larger_than_its_place_needs() -> None:
    image = decoded(encoded(Image.new("RGB", (4000, 3000), RED), "JPEG"), 300, 200)
    assert image is not None
    assert max(image.size) <= 600


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"\0" * 40, b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0" + b"\0" * 200, b"RIFF\0\0\0\0WEBPVP8 ", b"%PDF-1.7", b"%!PS-Adobe-3.0 EPSF-3.0\n",
        encoded(halves(), "GIF"), encoded(halves(), "BMP"), encoded(halves(), "TIFF"), encoded(halves())[:60],
        encoded(halves(600, 600), "JPEG")[:300],
    ],
)  # fmt: skip
def test_anything_else_is_no_picture(content: bytes) -> None:
    assert decoded(content, 100, 100) is None


@pytest.mark.parametrize("size", [(50_000, 50_000), (5001, 5000), (2**31 - 1, 1), (60_000, 3_000), (1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_is_unpacked(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert size[0] * size[1] > MOST_PIXELS
    unpacked: list[object] = []
    load = Image.Image.load
    monkeypatch.setattr(Image.Image, "load", lambda image: (unpacked.append(image), load(image))[1])
    assert decoded(claiming(*size), 100, 100) is None
    assert unpacked == []


def test_a_zip_bomb_in_a_comment_is_refused() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Comment", "a" * 80_000_000, zip=True)
    assert decoded(encoded(halves(), pnginfo=info), 100, 100) is None
