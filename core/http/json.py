"""JSON in and out: orjson, instants with Z, and a body that is refused before it can do harm."""

import json
from typing import Any

import orjson
from flask import request

from core.errors import DomainError, Fault, Invalid, Malformed

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


class UnsupportedMediaType(DomainError):
    status = 415
    code = "unsupported_media_type"
    title = "The body must be application/json"


def dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except orjson.JSONEncodeError:  # a whole number beyond 64 bits, which exact terms of a huge order can be
        return json.dumps(value, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value, option=_OPTIONS))


def raw_body() -> bytes:
    """The bytes of a JSON body.

    Raises:
        UnsupportedMediaType: the content type is not JSON.
        Malformed: there is no body.
    """
    if request.mimetype not in {"application/json", ""} or (request.mimetype == "" and request.content_length):
        raise UnsupportedMediaType()
    body = request.get_data(cache=True)
    if not body:
        raise Malformed("A JSON body is expected.")
    return body


def no_body() -> bytes:
    """For endpoints without a body: nothing or `{}` may be sent.

    Raises:
        Invalid: something was sent; it would have been ignored.
        Malformed: it is not even JSON.
    """
    body = request.get_data(cache=True)
    if not body:
        return b""
    given = parsed(body)
    if given != {}:
        names = given if isinstance(given, dict) else {"": None}
        raise Invalid(faults=[Fault(f"/{name}" if name else "", "No body is expected here.") for name in names])
    return b""


def parsed(body: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        Malformed: it is not JSON in UTF-8.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: {error}.") from error
