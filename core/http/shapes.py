"""Marshmallow schemas as JSON Schema: what each of our fields accepts, told as exactly as the field checks it."""

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from marshmallow import fields

from core.http.fields import Amount, Attributes, Day, Identifier, Instant, Note, Reference, Text

_ID_TAIL = "[0-9a-hjkmnp-tv-z]{26}"
_ONE_LINE = r"^[^\x00-\x1f\x7f]*$"
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_SUFFIXES = ("Shape", "Body")


class ShapePlugin(MarshmallowPlugin):
    """apispec's plugin with our fields, and names without `Shape` and `Body`."""

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=self._name)  # type: ignore[arg-type]  # None is its word for "inline"
        self._classes: dict[str, type[Any]] = {"Problem": object, "Fault": object}  # the document's own

    def init_spec(self, spec: APISpec) -> None:
        super().init_spec(spec)
        converter = self.converter
        if converter is None:
            raise AssertionError("init_spec makes the converter")
        converter.field_mapping = converter.field_mapping | {
            Instant: ("string", "date-time"),
            Day: ("string", "date"),
            Identifier: ("string", None),
            Attributes: ("object", None),
            Amount: ("integer", "int64"),
        }
        converter.add_attribute_function(_as_checked)  # type: ignore[no-untyped-call]

    def _name(self, schema: Any) -> str | None:
        """A component's name; None puts a cut-down variant of a schema where it is used."""
        instance = resolve_schema_instance(schema)
        if instance.only is not None or instance.exclude or instance.partial:
            return None
        kind = type(instance)
        name = _short(kind.__name__)
        if self._classes.setdefault(name, kind) is not kind:  # two features may use the same word
            name = kind.__module__.split(".")[-2].title() + name
            self._classes[name] = kind
        return name


def _short(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def id_pattern(prefix: str) -> str:
    return f"^{prefix}_{_ID_TAIL}$"


def ref_pattern(prefix: str) -> str:
    return f"^(ext:.{{1,200}}|{prefix}_{_ID_TAIL})$"


def _as_checked(_converter: Any, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """What apispec does not know of a field. Shallow-merged over what it found."""
    told: dict[str, Any] = dict(getattr(field, "json_schema", {}))
    if isinstance(field, Reference):
        told["pattern"] = ref_pattern(field.prefix)
    elif isinstance(field, Identifier):
        told["pattern"] = id_pattern(field.prefix)
    elif isinstance(field, Text) and "pattern" not in ret:
        told["pattern"] = _LINES if isinstance(field, Note) else _ONE_LINE
    elif "pattern" in ret:
        told["pattern"] = _anchored(ret["pattern"])
    if isinstance(field, Attributes):
        told["maxProperties"] = 50
    if "default" in ret and ret["default"] is None and not field.allow_none:
        del ret["default"]  # null only means: not given
    if "example" in ret:
        told["examples"] = [ret.pop("example")]
    return told


def _anchored(pattern: str) -> str:
    """marshmallow matches at the beginning; JSON Schema searches, and does not know `\\Z`."""
    return "^" + pattern.removeprefix("^").replace(r"\Z", "$")


def open_answers(components: dict[str, Any], bodies: set[str]) -> None:
    """Answers may grow: only what clients send refuses unknown fields. `bodies`: components named by request bodies."""
    closed = _reachable(components, bodies)
    for name, schema in components.items():
        if name not in closed and schema.get("additionalProperties") is False:
            del schema["additionalProperties"]


def _reachable(components: dict[str, Any], names: set[str]) -> set[str]:
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= referenced(components[name]) - found
    return found


def referenced(node: Any) -> set[str]:
    """Names of the components that a piece of the document points to."""
    if isinstance(node, dict):
        own = {node["$ref"].rsplit("/", 1)[1]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(referenced, node.values()))
    if isinstance(node, list):
        return set().union(*map(referenced, node))
    return set()
