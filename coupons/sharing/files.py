"""Answers that are pictures: a strong ETag, 304 for who has it already, and a private cache."""

import hashlib
from collections.abc import Callable

from flask import Response, request


def fingerprint(*parts: str | bytes) -> str:
    """One word for everything that a picture is made of: equal words, equal bytes."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8) + content)
    return digest.hexdigest()[:40]


def picture_answer(mark: str, media_type: str, seconds: int, draw: Callable[[], bytes]) -> Response:
    """The picture, or 304 without drawing it when the client's copy has the same mark."""
    if request.if_none_match.contains(mark):
        response = Response(status=304)
    else:
        response = Response(draw(), content_type=media_type)
        # a picture of ours opened by itself runs nothing and is taken for nothing else
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = "default-src 'none'"
    response.set_etag(mark)
    response.headers["Cache-Control"] = f"private, max-age={seconds}"
    return response
