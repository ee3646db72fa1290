"""QR codes as SVG and PNG. Pure: the same content and look give the same bytes, whoever draws them."""

from io import BytesIO
from typing import NamedTuple
from xml.sax.saxutils import escape

import segno
from PIL import Image

from coupons.sharing.colours import Colour

SMALLEST, LARGEST = 64, 2048  # pixels of an edge
MOST_MARGIN = 16  # modules of quiet zone on each side; ISO/IEC 18004 asks for 4
LEAST_MODULE = 2  # pixels: cameras lose what is smaller


class Look(NamedTuple):
    """How a code is drawn; `error` is how much of it may at least be lost: L 7 %, M 15 %, Q 25 %, H 30 %."""

    size: int = 512
    margin: int = 4
    color: Colour = Colour(0, 0, 0)
    background: Colour = Colour(255, 255, 255)
    error: str = "M"


def modules_of(text: str, error: str = "M") -> list[bytes]:
    """The rows of a code, a byte a module, 1 for dark."""
    return [bytes(row) for row in segno.make(text, error=error, micro=False).matrix]


def smallest_size(text: str, look: Look) -> int:
    """The edge in pixels under which this code has modules too small to be read as a picture of pixels."""
    return LEAST_MODULE * (len(modules_of(text, look.error)) + 2 * look.margin)


def svg(text: str, look: Look, title: str) -> bytes:
    """One path on one rectangle, with a title for those who cannot see it; no script, no style, no link."""
    rows = modules_of(text, look.error)
    edge = len(rows) + 2 * look.margin
    path = "".join(_runs(row, look.margin, place) for place, row in enumerate(rows, start=look.margin))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{look.size}" height="{look.size}" '
        f'viewBox="0 0 {edge} {edge}" role="img" shape-rendering="crispEdges">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{edge}" height="{edge}" fill="{look.background.hex}"/>'
        f'<path fill="{look.color.hex}" d="{path}"/></svg>\n'
    ).encode()


def _runs(row: bytes, left: int, top: int) -> str:
    """The dark stretches of one row as rectangles of a path."""
    path, start = "", 0
    while (start := row.find(1, start)) >= 0:
        end = row.find(0, start)
        end = len(row) if end < 0 else end
        path += f"M{left + start} {top}h{end - start}v1h-{end - start}z"
        start = end
    return path


def png(text: str, look: Look) -> bytes:
    """A picture of exactly `size` pixels; modules are whole pixels, what is left over widens the margin."""
    picture = Image.new("P", (look.size, look.size), 0)
    picture.putpalette([*look.background, *look.color])
    code = picture_of(modules_of(text, look.error), look.size, look.margin)
    picture.paste(code, ((look.size - code.width) // 2, (look.size - code.height) // 2))
    out = BytesIO()
    picture.save(out, "PNG", bits=1, optimize=False)
    return out.getvalue()


def picture_of(rows: list[bytes], size: int, margin: int) -> Image.Image:
    """The modules alone, 1 for dark, as large as whole pixels allow within `size` with `margin` modules around."""
    modules = Image.frombytes("L", (len(rows), len(rows)), b"".join(rows))
    edge = len(rows) * (size // (len(rows) + 2 * margin))
    return modules.resize((edge, edge), Image.Resampling.NEAREST)
