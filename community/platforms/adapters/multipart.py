"""Bodies with a picture in them (multipart/form-data, RFC 7578). Pure but for the boundary."""

import secrets
from collections.abc import Mapping, Sequence

_PNG = b"\x89PNG\r\n\x1a\n"
Part = tuple[str, str | None, bytes]
"""Name, file name, content."""


def multipart(parts: Sequence[Part]) -> tuple[bytes, Mapping[str, str]]:
    """The body and its headers."""
    boundary = secrets.token_hex(16)
    body = bytearray()
    for name, file_name, content in parts:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if file_name is not None:
            body += f'; filename="{file_name}"\r\nContent-Type: {_kind(content)}'.encode()
        body += b"\r\n\r\n" + content + b"\r\n"
    return bytes(body + f"--{boundary}--\r\n".encode()), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def picture_name(image: bytes) -> str:
    """A file name that says what the bytes are."""
    return "picture.png" if image.startswith(_PNG) else "picture.jpg"


def _kind(content: bytes) -> str:
    return "image/png" if content.startswith(_PNG) else "image/jpeg"
