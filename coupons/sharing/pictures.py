"""Product pictures from outside, and what of them is safe to draw. A picture that cannot be had is None, no error."""

import threading
from io import BytesIO

import structlog
from flask import current_app
from PIL import Image, ImageOps

from core.http.outgoing import NotFetched, fetch
from coupons.sharing.metrics import PICTURES
from coupons.sharing.recent import Recent

MOST_BYTES = 5 * 1024 * 1024
MOST_PIXELS = 25_000_000  # about 100 MB when unpacked; a file of a few KB can claim a thousand times that
SECONDS = 5
KEPT_SECONDS = 600
MISSED_SECONDS = 30  # a shop's server that is down is not asked for every poster
MOST_AT_ONCE = 4  # of one process: slow servers of others must not hold all of its threads
_PATIENCE_SECONDS = 1
_FORMATS = ("PNG", "JPEG", "WEBP")

_log = structlog.get_logger(__name__)
_slots = threading.BoundedSemaphore(MOST_AT_ONCE)
_recent: Recent[str, bytes] = Recent(most=64, weight=32 * 1024 * 1024)


def picture_bytes(url: str) -> bytes | None:
    """The file behind an address, at most 5 MiB within 5 s. Never call it inside a transaction."""
    kept = _recent.get(url)
    if kept is not None:
        return kept or None
    if not _slots.acquire(timeout=_PATIENCE_SECONDS):
        return _missed("busy") or None  # not remembered: nothing was asked
    try:
        found = _fetched(url)
    finally:
        _slots.release()
    _recent.put(url, found, weight=len(found) + len(url), seconds=KEPT_SECONDS if found else MISSED_SECONDS)
    return found or None


def _fetched(url: str) -> bytes:
    """The file; empty: there is none to be had."""
    allow_private = current_app.config["SETTINGS"].allow_private_urls
    try:
        found = fetch(url, most_bytes=MOST_BYTES, seconds=SECONDS, allow_private=allow_private, accept="image/*")
    except NotFetched as error:
        return _missed(error.reason)
    if found.status != 200:
        return _missed("status")
    PICTURES.labels("fetched").inc()
    return found.body


def _missed(reason: str) -> bytes:
    PICTURES.labels(reason).inc()
    _log.warning("product picture not fetched", reason=reason)  # the address may be anything, and is not ours
    return b""


def decoded(content: bytes, width: int, height: int) -> Image.Image | None:
    """A PNG, JPEG or WebP as opaque RGB, upright, for a place of so many pixels. None: it is no such picture."""
    try:
        return _decoded(content, width, height)
    except Exception as error:  # noqa: BLE001 -- decoders of foreign bytes raise whatever they stumble over
        _log.warning("product picture not readable", error=type(error).__name__)
        return None


def _decoded(content: bytes, width: int, height: int) -> Image.Image | None:
    with Image.open(BytesIO(content), formats=_FORMATS) as picture:
        if picture.width * picture.height > MOST_PIXELS:  # known from the header, before anything is unpacked
            return None
        edge = 2 * max(width, height)
        picture.thumbnail((edge, edge), Image.Resampling.BOX)  # a large JPEG is decoded smaller at once
        upright = ImageOps.exif_transpose(picture)
        return _opaque(upright)


def _opaque(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    ground = Image.new("RGB", layer.size, (255, 255, 255))
    ground.paste(layer, mask=layer.getchannel("A"))
    return ground


def forget() -> None:
    """Ask for every picture anew."""
    _recent.clear()
