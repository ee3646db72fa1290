"""Shapes every list and batch shares."""

from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from core.errors import DomainError
from core.http.fields import Text
from core.http.paging import DEFAULT_LIMIT, MAX_LIMIT


class Body(Schema):
    """Base of request bodies: unknown fields are refused."""

    class Meta:
        unknown = RAISE


class Page(Body):
    """`limit` and `cursor` of every list."""

    limit = fields.Integer(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAX_LIMIT))
    cursor = Text(1000, load_default=None)


class BatchResult(Schema):
    """One item's fate in a batch, in request order."""

    external_id = fields.String(allow_none=True)
    status = fields.String(validate=validate.OneOf(["created", "exists", "error"]))
    id = fields.String(allow_none=True)
    error = fields.Dict(allow_none=True)


class BatchResults(Schema):
    results = fields.List(fields.Nested(BatchResult))


def page_of(items: list[Any]) -> dict[str, Any]:
    """A list too short to need pages, in the shape of one."""
    return {"data": items, "next_cursor": None}


def batch_error(error: DomainError) -> dict[str, Any]:
    """Why one item of a batch was refused, in the words of a problem."""
    shown: dict[str, Any] = {"code": error.code, "detail": error.detail} | error.extra
    if error.faults:
        shown["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.faults]
    return shown
