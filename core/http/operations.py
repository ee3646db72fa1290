"""One endpoint's declaration as an OpenAPI operation: who may call, what goes in, what comes out, what is refused."""

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from werkzeug.routing import Rule

from core.auth.access import KEY_SCOPES, PERMISSIONS, PUBLIC
from core.errors import DomainError
from core.http.endpoint import JSON, Endpoint
from core.http.examples import PREFIXES, example_id, example_of
from core.http.shapes import id_pattern, ref_pattern

PROBLEM = "application/problem+json"
_ARGUMENT = re.compile(r"<(?:(?P<kind>[a-z_]+)(?:\([^)]*\))?:)?(?P<name>\w+)>")
_IDEMPOTENCY = ("idempotency_key_reused", "idempotency_key_expired", "request_in_progress")
_DOWN = ("busy", "unavailable")
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HEADERS = {
    401: {"WWW-Authenticate": "Challenge"},
    429: {
        name: name.replace("-", "")
        for name in ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    },
    503: {"Retry-After": "RetryAfter"},
}
_SCHEMES = {"key": "ApiKey", "staff": "StaffToken", "member": "MemberToken"}


def path_of(rule: Rule) -> str:
    """`/v1/orders/<ref:ref>` as `/v1/orders/{ref}`."""
    return _ARGUMENT.sub(lambda found: "{" + found["name"] + "}", rule.rule)


def operation_of(rule: Rule, method: str, spec: Endpoint) -> dict[str, Any]:
    """The operation object; schemas are still classes, which the plugin resolves."""
    operation: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": spec.summary,
        "description": _description(spec),
        "tags": [rule.endpoint.partition(".")[0]],
        "x-permission": spec.access,
        "security": security_of(spec.access),
        "parameters": [*_path_parameters(rule), *_other_parameters(method, spec)],
        "responses": _answers(method, spec) | _refusals(rule, method, spec),
    }
    if spec.body:
        media = {"schema": spec.body.schema, "example": example_of(spec.body.schema)}
        operation["requestBody"] = {"required": True, "content": {JSON: media}}
    return operation


def security_of(access: str) -> list[dict[str, list[str]]]:
    """The credentials of which one is needed; scopes of a key, roles of staff."""
    if access == PUBLIC:
        return []
    holders = PERMISSIONS[access]
    needed: list[dict[str, list[str]]] = []
    if holders.key:
        needed.append({_SCHEMES["key"]: [access]})
    if holders.roles:
        needed.append({_SCHEMES["staff"]: sorted(holders.roles)})
    if holders.member:
        needed.append({_SCHEMES["member"]: []})
    return needed


def callers_of(access: str) -> str:
    """Who may call, in a sentence."""
    if access == PUBLIC:
        return "Anybody, without a credential."
    holders = PERMISSIONS[access]
    said = [f"API keys with the scope `{access}`"] if access in KEY_SCOPES else []
    if holders.publishable:
        said.append("publishable keys")
    if holders.roles:
        said.append("staff: " + ", ".join(sorted(holders.roles)))
    if holders.member:
        said.append("the member with his own token")
    return "; ".join(said).capitalize().replace("Api", "API") + "."


def _description(spec: Endpoint) -> str:
    return "\n\n".join(filter(None, (spec.description, f"May call: {callers_of(spec.access)}")))


def _path_parameters(rule: Rule) -> Iterable[dict[str, Any]]:
    for found in _ARGUMENT.finditer(rule.rule):
        prefix = _prefix_of(rule.rule[: found.start()])
        schema: dict[str, Any] = {"type": "integer"} if found["kind"] == "int" else {"type": "string"}
        parameter = {"name": found["name"], "in": "path", "required": True, "schema": schema}
        if found["kind"] == "ref":
            schema["pattern"] = ref_pattern(prefix or "[a-z]+")
            parameter["description"] = "the id, or `ext:` and the shop's own id (percent-encoded)"
            parameter["example"] = "ext:A-1001"
        elif prefix and found["kind"] is None:
            schema["pattern"] = id_pattern(prefix)
            parameter["example"] = example_id(prefix)
        yield parameter


def _prefix_of(before: str) -> str | None:
    """Whose id stands after `/v1/orders/`."""
    words = [word for word in re.split(r"[/<>:_-]", before) if word]
    last = words[-1] if words else ""
    return PREFIXES.get(last.removesuffix("s"), PREFIXES.get(last))


def _other_parameters(method: str, spec: Endpoint) -> Iterable[Any]:
    if spec.query:
        yield {"in": "query", "schema": spec.query}
    if method == "POST" and spec.access != PUBLIC:
        yield "IdempotencyKey"


def _answers(method: str, spec: Endpoint) -> dict[str, Any]:
    return {str(status): _answer(method, spec, status) for status in (spec.status, *spec.also)}


def _answer(method: str, spec: Endpoint, status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase, "headers": {"X-Request-Id": "RequestId"}}
    if method == "POST" and spec.access != PUBLIC:
        answer["headers"]["Idempotent-Replayed"] = "Replayed"
    if status == HTTPStatus.NOT_MODIFIED:
        return answer
    if spec.media_type != JSON:
        answer["content"] = {one: {"schema": {"type": "string"}} for one in spec.media_type.split(", ")}
    elif spec.answer is not None:
        answer["content"] = {JSON: _paged(spec.answer) if spec.paged else _single(spec.answer)}
    return answer


def _single(shape: Any) -> dict[str, Any]:
    return {"schema": shape, "example": example_of(shape)}


def _paged(shape: Any) -> dict[str, Any]:
    properties = {"data": {"type": "array", "items": shape}, "next_cursor": {"type": ["string", "null"]}}
    schema = {"type": "object", "properties": properties, "required": ["data", "next_cursor"]}
    return {"schema": schema, "example": {"data": [example_of(shape)], "next_cursor": None}}


def _refusals(rule: Rule, method: str, spec: Endpoint) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    known = refusal_codes()
    for code in (*_usual_codes(rule, method, spec), *spec.refuses):
        codes = by_status.setdefault(known[code].status, [])
        if code not in codes:
            codes.append(code)
    return {str(status): _shared_name(codes) or problem_response(codes) for status, codes in sorted(by_status.items())}


def _shared_name(codes: list[str]) -> str | None:
    """The component of an answer that many operations have."""
    if len(codes) == 1:
        return "".join(word.title() for word in codes[0].split("_"))
    return {_IDEMPOTENCY: "IdempotencyConflict", _DOWN: "TemporarilyUnavailable"}.get(tuple(codes))


def shared_responses() -> dict[str, dict[str, Any]]:
    """Every answer that operations may share, by its name."""
    groups = [[code] for code in refusal_codes()] + [list(_IDEMPOTENCY), list(_DOWN)]
    return {str(_shared_name(codes)): problem_response(codes) for codes in groups}


def _usual_codes(rule: Rule, method: str, spec: Endpoint) -> Iterable[str]:
    """What every endpoint of that kind refuses."""
    if not rule.rule.startswith("/v1/"):
        return
    if spec.access != PUBLIC:
        yield from ("unauthenticated", "forbidden")
    if rule.arguments:
        yield "not_found"
    if method in _WRITES:
        yield from ("malformed", "too_large")
    if spec.body:
        yield "unsupported_media_type"
    if method == "POST" and spec.access != PUBLIC:
        yield from _IDEMPOTENCY
    yield "invalid"
    yield from _DOWN


def refusal_codes() -> dict[str, type[DomainError]]:
    """Every code there is, with the error that carries it."""
    found: dict[str, type[DomainError]] = {}
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        if "code" in vars(kind):
            found.setdefault(kind.code, kind)
    return found


def problem_response(codes: list[str]) -> dict[str, Any]:
    """An answer in problem+json that carries one of the codes."""
    known = refusal_codes()
    first = known[codes[0]]
    example = {
        "type": f"urn:banyan:problem:{first.code}", "title": first.title, "status": first.status,
        "detail": first.title, "code": first.code, "request_id": "req_01kbt1wz00fcyry88y1p63pagn",
    }  # fmt: skip
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Problem"}, {"type": "object", "properties": {"code": {"enum": codes}}}]
    }
    return {
        "description": " · ".join(f"`{code}`: {known[code].title}" for code in codes),
        "headers": {"X-Request-Id": "RequestId"} | _HEADERS.get(first.status, {}),
        "content": {PROBLEM: {"schema": schema, "example": example}},
    }
