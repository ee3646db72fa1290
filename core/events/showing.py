"""How events leave the house: with public ids where the log has plain ones. Pure."""

import re
from typing import Any
from uuid import UUID

from core.events.reading import NumberedEvent
from core.http.examples import PREFIXES
from core.ids import public_id

_FIELD = re.compile(r"([a-z_]+?)(?:_before)?_ids?")
_PLAIN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

SHOPS_OWN = {"order": {"group_id"}, "commission": {"group_id"}}
"""What is a text of the shop's, however it looks; by the noun of the kind."""


def event_shape(event: NumberedEvent) -> dict[str, Any]:
    """An event as the API answers it."""
    return {
        "seq": event.seq, "id": public_id("evt", event.id), "type": event.kind, "happened_at": event.happened_at,
        "created_at": event.created_at,
        "facts": _shown(event.facts, SHOPS_OWN.get(event.kind.partition(".")[0], set())),
    }  # fmt: skip


def _shown(facts: dict[str, Any], own: set[str]) -> dict[str, Any]:
    return {name: value if name in own else _value(name, value, own) for name, value in facts.items()}


def _value(name: str, value: Any, own: set[str]) -> Any:
    if isinstance(value, list):
        return [_value(name, one, own) for one in value]
    if isinstance(value, dict):
        return _shown(value, own)
    prefix = _prefix_of(name)
    if prefix is None or not isinstance(value, str) or not _PLAIN.fullmatch(value):
        return value
    return public_id(prefix, UUID(value))


def _prefix_of(name: str) -> str | None:
    """Whose ids a fact holds, by the noun before `_id`, `_ids` or `_before_id`; None: they are no resource's."""
    field = _FIELD.fullmatch(name)
    return PREFIXES.get(field[1]) if field else None
