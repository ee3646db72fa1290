"""The picture of a post: fetched once, when the post is made. No transaction is open."""

from http import HTTPStatus

from flask import current_app

from core.errors import Invalid
from core.http.outgoing import NotFetched, fetch

MOST_BYTES = 2 * 1024 * 1024
_SECONDS = 10.0
_BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def picture_of(url: str | None) -> bytes | None:
    """The PNG or JPEG behind an address; None where none is given.

    Raises:
        Invalid: it cannot be fetched, or is no such picture.
    """
    if url is None:
        return None
    settings = current_app.config["SETTINGS"]
    try:
        found = fetch(
            url, most_bytes=MOST_BYTES, seconds=_SECONDS, allow_private=settings.allow_private_urls,
            accept="image/png, image/jpeg",
        )  # fmt: skip
    except NotFetched as error:
        raise Invalid.at("/image_url", f"The picture cannot be fetched: {error.reason}.") from error
    if found.status != HTTPStatus.OK or not found.body.startswith(_BEGINNINGS):
        raise Invalid.at("/image_url", "Not a PNG or JPEG.")
    return found.body
