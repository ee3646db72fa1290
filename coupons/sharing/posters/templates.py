"""Where things stand on a poster, in pixels, and what is written on it. Data: the drawing is the same for all."""

from typing import NamedTuple

from coupons.sharing.colours import Colour


class Box(NamedTuple):
    """A rectangle by its upper left corner."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def bottom(self) -> int:
        return self.top + self.height


class Line(NamedTuple):
    """A line of text: upper edge, room, size; `x` is its left end, middle or right end by `align`: l, m or r."""

    x: int
    top: int
    width: int
    size: int
    align: str = "l"


class Template(NamedTuple):
    """One arrangement. Corners of `card` and `picture` are rounded by their radius."""

    width: int
    height: int
    card: Box
    card_radius: int
    picture: Box
    picture_radius: int
    slogan: Line
    slogan_on_card: bool
    price: Line
    coupon: Line
    title: Line
    title_lines: int
    title_leading: int
    avatar: Box
    name: Line
    invitation: Line
    code: Box
    caption: Line


class Words(NamedTuple):
    """What is written beside the shop's own words."""

    slogan: tuple[str, str]
    invitation: str
    nameless: str
    caption: str
    coupon: str

    @property
    def slogan_line(self) -> str:
        return " ".join(self.slogan)


ACCENT = Colour(0xD9, 0x2D, 0x3A)
ACCENT_LIGHT = Colour(0xFF, 0x7A, 0x45)
TINT = Colour(0xFD, 0xEC, 0xEA)
WHITE = Colour(0xFF, 0xFF, 0xFF)
INK = Colour(0x20, 0x22, 0x26)
FAINT = Colour(0x7A, 0x7F, 0x87)
PANEL = (Colour(0xF5, 0xF1, 0xEC), Colour(0xE7, 0xDF, 0xD6))

TEMPLATES = {
    "classic": Template(
        width=900, height=1400, card=Box(0, 0, 900, 1400), card_radius=0,
        avatar=Box(48, 44, 92, 92), name=Line(164, 46, 688, 38), invitation=Line(164, 98, 688, 28),
        picture=Box(48, 168, 804, 804), picture_radius=24,
        price=Line(48, 1004, 420, 64), coupon=Line(852, 1010, 372, 30, "r"),
        title=Line(48, 1106, 536, 38), title_lines=3, title_leading=54,
        slogan=Line(48, 1310, 536, 32), slogan_on_card=True,
        code=Box(616, 1096, 236, 236), caption=Line(734, 1344, 268, 24, "m"),
    ),
    "square": Template(
        width=1080, height=1080, card=Box(36, 36, 1008, 1008), card_radius=36,
        picture=Box(36, 36, 1008, 560), picture_radius=0,
        price=Line(84, 620, 460, 64), coupon=Line(996, 628, 430, 30, "r"),
        title=Line(84, 724, 590, 40), title_lines=2, title_leading=56,
        avatar=Box(84, 858, 88, 88), name=Line(196, 858, 470, 36), invitation=Line(196, 908, 470, 28),
        slogan=Line(84, 974, 590, 30), slogan_on_card=True,
        code=Box(744, 722, 252, 252), caption=Line(870, 986, 300, 24, "m"),
    ),
    "story": Template(
        width=1080, height=1920, card=Box(60, 196, 960, 1664), card_radius=40,
        slogan=Line(540, 72, 960, 60, "m"), slogan_on_card=False,
        picture=Box(60, 196, 960, 960), picture_radius=0,
        price=Line(108, 1184, 480, 76), coupon=Line(972, 1198, 430, 34, "r"),
        title=Line(108, 1304, 864, 46), title_lines=3, title_leading=64,
        avatar=Box(108, 1596, 112, 112), name=Line(248, 1600, 420, 42), invitation=Line(248, 1660, 420, 32),
        code=Box(704, 1526, 268, 268), caption=Line(838, 1804, 320, 28, "m"),
    ),
}  # fmt: skip

WORDS = {
    "zh": Words(("自购省钱", "分享赚钱"), "推荐给你", "好友", "扫码查看", "优惠码 {}"),
    "en": Words(
        ("Save when you buy,", "earn when you share"), "recommends this to you", "A friend", "Scan to open", "Code {}"
    ),
}  # fmt: skip
