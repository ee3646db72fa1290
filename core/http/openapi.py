"""OpenAPI 3.1 at /openapi.json and a browsable page at /docs, both made from what the endpoints declare."""

import importlib
from collections.abc import Iterator
from typing import Any

import orjson
from apispec import APISpec
from flask import Flask, Response, current_app
from werkzeug.routing import Rule

from core.http.docs import page_of
from core.http.endpoint import Endpoint
from core.http.operations import operation_of, path_of, shared_responses
from core.http.shapes import ShapePlugin, open_answers, referenced

TITLE, VERSION = "Banyan", "1"
_ABOUT = """\
Distribution and affiliate commerce: who brought whom, who sold what, who is owed what, who was paid what.

Amounts are whole minor units of a currency, rates are basis points (10000 = 100 %), instants are RFC 3339 in UTC.
Wherever a path takes an id it also takes `ext:` and the shop's own id. Lists are pages: `limit`, `cursor`,
`next_cursor`. Unknown fields and parameters are refused. Send `Idempotency-Key` with a POST to be able to repeat it."""

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is stable: branch on it, show `detail`.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": ["string", "null"]},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
    },
    "additionalProperties": True,
}
_FAULT = {
    "type": "object",
    "description": "One thing wrong with the request: an RFC 6901 pointer into it, and what.",
    "required": ["pointer", "detail"],
    "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
}
_IDEMPOTENCY_KEY = {
    "description": "Makes the request safe to repeat: the first 2xx answer is given again, with Idempotent-Replayed.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_SECURITY = {
    "ApiKey": ("API key", "`sk_…` (or `pk_…` where it is said) from `flask key create`; `security` names the scope."),
    "StaffToken": ("JWT", "From `POST /v1/auth/staff`, 12 hours; `security` names the roles."),
    "MemberToken": ("JWT", "From `POST /v1/members/{ref}/tokens`, 1 hour; `/v1/me` only."),
}
_HEADERS = {
    "RequestId": ("Names this request in the logs.", "string"),
    "Replayed": ("`true`: the answer of the first request with this Idempotency-Key.", "string"),
    "Challenge": ("`Bearer`", "string"),
    "RetryAfter": ("Seconds to wait.", "integer"),
    "RateLimitLimit": ("Tries in a window.", "integer"),
    "RateLimitRemaining": ("Tries left in this window.", "integer"),
    "RateLimitReset": ("Seconds to the next window.", "integer"),
}


def register_openapi(app: Flask) -> None:
    """Serve the description of every endpoint registered so far."""

    @app.get("/openapi.json")
    def openapi_json() -> Response:
        return Response(orjson.dumps(document()), content_type="application/json")

    @app.get("/docs")
    def docs() -> Response:
        return page_of(document())


def document() -> dict[str, Any]:
    """The OpenAPI document of this application, made once."""
    made: dict[str, Any] | None = current_app.extensions.get("openapi")
    if made is None:
        made = current_app.extensions["openapi"] = _document(current_app._get_current_object())  # type: ignore[attr-defined]
    return made


def document_text() -> bytes:
    """The document for people and for files: indented."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2)


def declared(app: Flask) -> Iterator[tuple[Rule, str, Endpoint]]:
    """Every route and method with its declaration, in the order of the paths."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda one: one.rule):
        spec = getattr(app.view_functions[rule.endpoint], "endpoint_spec", None)
        if spec is not None:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, spec


def _document(app: Flask) -> dict[str, Any]:
    spec = APISpec(
        TITLE, VERSION, "3.1.0", plugins=[ShapePlugin()], info={"description": _ABOUT}, servers=[{"url": "/"}]
    )
    _add_components(spec)
    for rule, method, endpoint in declared(app):
        spec.path(path_of(rule), operations={method.lower(): operation_of(rule, method, endpoint)})
    for tag in _tags(app):
        spec.tag(tag)
    made: dict[str, Any] = orjson.loads(orjson.dumps(spec.to_dict()))
    operations = [operation for path in made["paths"].values() for operation in path.values()]
    _clean_queries(operations)
    bodies = set().union(*(referenced(operation.get("requestBody")) for operation in operations))
    open_answers(made["components"]["schemas"], bodies)
    _drop_unused(made)
    return made


def _add_components(spec: APISpec) -> None:
    spec.components.schema("Problem", _PROBLEM)
    spec.components.schema("Fault", _FAULT)
    spec.components.parameter("IdempotencyKey", "header", _IDEMPOTENCY_KEY | {"name": "Idempotency-Key"})
    for name, (shape, description) in _SECURITY.items():
        spec.components.security_scheme(
            name, {"type": "http", "scheme": "bearer", "bearerFormat": shape, "description": description}
        )
    for name, (description, kind) in _HEADERS.items():
        spec.components.header(name, {"description": description, "schema": {"type": kind}})
    for name, response in shared_responses().items():
        spec.components.response(name, response)


def _tags(app: Flask) -> list[dict[str, str]]:
    """One tag for each blueprint, described by its package."""
    used = {rule.endpoint.partition(".")[0]: app.view_functions[rule.endpoint] for rule, _, _ in declared(app)}
    packages = {tag: importlib.import_module(view.__module__.rpartition(".")[0]) for tag, view in used.items()}
    return [{"name": tag, "description": packages[tag].__doc__ or tag} for tag in sorted(packages)]


def _clean_queries(operations: list[dict[str, Any]]) -> None:
    """A query cannot say null: what is null by default is simply not given."""
    for parameter in [one for operation in operations for one in operation["parameters"] if one.get("in") == "query"]:
        schema = parameter["schema"]
        if isinstance(schema.get("type"), list):
            schema["type"] = next(kind for kind in schema["type"] if kind != "null")
        if schema.get("default", 0) is None:
            del schema["default"]
        if "enum" in schema:
            schema["enum"] = [choice for choice in schema["enum"] if choice is not None]


def _drop_unused(made: dict[str, Any]) -> None:
    """Refusals that no operation of this installation can answer."""
    used = referenced(made["paths"])
    responses = made["components"]["responses"]
    made["components"]["responses"] = {name: responses[name] for name in responses if name in used}
