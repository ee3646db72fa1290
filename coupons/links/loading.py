"""Reads the bodies of new links. In a batch every item stands for itself: a bad one never harms the others."""

from typing import Any

from marshmallow import Schema, ValidationError

from core.errors import Invalid
from core.http.json import parsed
from core.http.problem import invalid_from
from coupons.links.new_link import NewLink, Unreadable
from coupons.links.schemas import MAX_BATCH, LinkBatchBody, NewLinkBody, new_link

_shape = NewLinkBody()


class LinkLoader:
    """Body of `POST /v1/links`."""

    schema: type[Schema] = NewLinkBody

    def load(self, body: bytes) -> NewLink:
        return _load(parsed(body))


class LinkBatchLoader:
    """Body of `POST /v1/links/batch`. Pointers of faults are relative to their item."""

    schema: type[Schema] = LinkBatchBody

    def load(self, body: bytes) -> list[NewLink | Unreadable]:
        document = parsed(body)
        items = document.get("links") if isinstance(document, dict) and len(document) == 1 else None
        if not isinstance(items, list):
            raise Invalid.at("/links", "The body must be an object with a list of links and nothing else.")
        if not 1 <= len(items) <= MAX_BATCH:
            raise Invalid.at("/links", f"Between 1 and {MAX_BATCH} links.")
        return [_load_item(item) for item in items]


def _load_item(item: Any) -> NewLink | Unreadable:
    try:
        return _load(item)
    except Invalid as error:
        given = item.get("code") if isinstance(item, dict) else None
        return Unreadable(given if isinstance(given, str) else None, error)


def _load(document: Any) -> NewLink:
    try:
        return new_link(_shape.load(document))
    except ValidationError as error:
        raise invalid_from(error) from error
