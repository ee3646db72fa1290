"""The page at /docs: the whole contract as one readable, searchable page that loads nothing from anywhere."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from flask import Response
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

_FOLDER = Path(__file__).parent
_RANGES = (("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items"))
_ORDER = ("get", "post", "put", "patch", "delete")


def page_of(document: dict[str, Any]) -> Response:
    """The page of an OpenAPI document."""
    template = _environment().get_template("docs.html")
    style, script = _text("docs.css"), _text("docs.js")
    html = template.render(
        about=document["info"]["description"],
        title=document["info"]["title"],
        tags=[(tag, _operations_of(document, tag["name"])) for tag in document["tags"]],
        schemas=sorted(document["components"]["schemas"].items()),
        schemes=document["components"]["securitySchemes"],
        document=document,
        style=Markup(style),  # noqa: S704 -- our own file
        script=Markup(script),  # noqa: S704 -- our own file
    )
    response = Response(html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    return response


def _environment() -> Environment:
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"said": said, "prose": _prose, "pretty": _pretty, "bounds": _bounds}
    environment.globals["resolved"] = resolved
    return environment


def _operations_of(document: dict[str, Any], tag: str) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operations[method])
        for path, operations in document["paths"].items()
        for method in _ORDER
        if method in operations and tag in operations[method]["tags"]
    ]


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """What a reference points to; anything else as it is."""
    if "$ref" not in node:
        return node
    found = document
    for step in node["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def said(schema: dict[str, Any]) -> Markup:
    """A schema in a few words, with links to the shapes."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return Markup('<a href="#shape-{0}">{0}</a>').format(name)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return Markup(" or ").join(said(one) for one in schema[word])
    kinds = schema.get("type", "any value")
    named = [_kind(kind, schema) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    return Markup(" or ").join(named)


def _kind(kind: str, schema: dict[str, Any]) -> Markup:
    if kind == "array":
        return Markup("list of {}").format(said(schema.get("items", {})))
    if kind == "string":
        return escape({"date-time": "instant", "date": "day", "email": "e-mail"}.get(schema.get("format", ""), "text"))
    return escape({"integer": "whole number", "boolean": "true or false"}.get(kind, kind))


def _bounds(schema: dict[str, Any]) -> str:
    """What else a value must be."""
    found = []
    if "enum" in schema:
        found.append(" | ".join("null" if value is None else str(value) for value in schema["enum"]))
    for low, high, unit in _RANGES:
        if low in schema or high in schema:
            found.append(f"{schema.get(low, '')} … {schema.get(high, '')}{unit}".strip())
    if "default" in schema:
        found.append(f"default {json.dumps(schema['default'])}")
    identifier = re.match(r"\^\(?(?:ext:\S+\|)?([a-z]+)_\[", schema.get("pattern", ""))
    if identifier:
        found.append(f"{identifier[1]}_…")
    return ", ".join(found)


def _prose(text: str) -> Markup:
    """Paragraphs, with `code` marked."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup("".join(f"<p>{part}</p>" for part in marked.split("\n\n")))  # noqa: S704 -- escaped above


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
