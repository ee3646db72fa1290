"""Reads batches of refunds and of completions. Every item stands for itself: a bad one never harms the others."""

from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError

from core.errors import DomainError, Invalid
from core.http.json import parsed
from core.http.problem import invalid_from


class Item(NamedTuple):
    """One item of a batch: its content, or why it cannot be read; pointers are relative to the item."""

    external_id: str | None
    content: dict[str, Any] | None
    refused: DomainError | None


class ItemsLoader:
    """Body `{name: [item, …]}` of up to `most` items. `schema` documents the whole of it."""

    def __init__(self, schema: type[Schema], name: str, item: type[Schema], most: int) -> None:
        self.schema = schema
        self._name, self._item, self._most = name, item(), most

    def load(self, body: bytes) -> list[Item]:
        document = parsed(body)
        items = document.get(self._name) if isinstance(document, dict) and len(document) == 1 else None
        if not isinstance(items, list):
            detail = f"The body must be an object with a list of {self._name} and nothing else."
            raise Invalid.at(f"/{self._name}", detail)
        if not 1 <= len(items) <= self._most:
            raise Invalid.at(f"/{self._name}", f"Between 1 and {self._most} {self._name}.")
        return [self._read(item) for item in items]

    def _read(self, item: Any) -> Item:
        try:
            content = self._item.load(item)
        except ValidationError as error:
            given = item.get("external_id") if isinstance(item, dict) else None
            return Item(given if isinstance(given, str) else None, None, invalid_from(error))
        return Item(content["external_id"], content, None)
