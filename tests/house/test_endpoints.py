"""Every route of /v1 is declared: who may call, what it is for, what comes out."""

import pytest
from flask import Flask
from marshmallow import Schema

from core.auth.access import ME, PERMISSIONS, PUBLIC
from core.errors import DomainError
from core.http.endpoint import JSON, Endpoint
from core.http.openapi import declared
from core.http.operations import refusal_codes

MAY_BE_CALLED_BY_ANYBODY = {
    "/healthz": "probes carry no credential",
    "/readyz": "probes carry no credential",
    "/metrics": "scraped from inside; counts only",
    "/v1/auth/staff": "this is where the credential comes from",
    "/v1/auth/refresh": "the refresh token is the credential",
    "/r/<code>": "visitors carry no credential",
    "/v1/chat-callbacks/<platform>/<token>": "chat platforms carry none; each call has its platform's signature",
}
WITHOUT_DECLARATION = {"/openapi.json", "/docs"}


def test_every_route_is_declared(app: Flask) -> None:
    bare = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if not isinstance(getattr(app.view_functions[rule.endpoint], "endpoint_spec", None), Endpoint)
    }
    assert bare == WITHOUT_DECLARATION


def test_every_declaration_is_complete(app: Flask) -> None:
    for rule, method, spec in declared(app):
        where = f"{method} {rule.rule}"
        assert spec.access in PERMISSIONS or spec.access == PUBLIC, where
        assert spec.summary.strip(), where
        assert spec.summary[0].isupper(), where
        assert not spec.summary.endswith("."), where
        shown = isinstance(spec.answer, type) and issubclass(spec.answer, Schema)
        assert shown or spec.status in {204, 302} or spec.media_type != JSON, f"{where}: no shape of the answer"
        assert not (spec.status == 204 and spec.answer), where


def test_who_may_call_without_a_credential_is_listed(app: Flask) -> None:
    assert {rule.rule for rule, _, spec in declared(app) if spec.access == PUBLIC} == set(MAY_BE_CALLED_BY_ANYBODY)


def test_anonymous_is_refused_everywhere_else(app: Flask) -> None:
    client = app.test_client()
    for rule, method, spec in declared(app):
        if spec.access != PUBLIC:
            path = rule.rule.replace("<ref:ref>", "ext:a").replace("<ref>", "x").replace("<", "").replace(">", "")
            answer = client.open(path, method=method, json={})
            assert answer.status_code == 401, f"{method} {path}: {answer.text}"


def test_a_reading_endpoint_needs_no_writing_permission(app: Flask) -> None:
    wrong = [
        f"{method} {rule.rule}: {spec.access}"
        for rule, method, spec in declared(app)
        if method == "GET" and spec.access.endswith(":write")
    ]
    assert wrong == []


def test_the_members_own_surface_takes_member_tokens_and_nothing_else(app: Flask) -> None:
    for rule, method, spec in declared(app):
        own = rule.rule == "/v1/me" or rule.rule.startswith("/v1/me/")
        assert (spec.access == ME) == own, f"{method} {rule.rule}"


def test_every_refusal_named_exists(app: Flask) -> None:
    known = refusal_codes()
    wrong = [f"{rule.rule}: {code}" for rule, _, spec in declared(app) for code in spec.refuses if code not in known]
    assert wrong == []


def test_no_two_errors_share_a_code_with_different_status() -> None:
    kinds: list[type[DomainError]] = []
    waiting = [DomainError]
    while waiting:
        kind = waiting.pop()
        kinds.append(kind)
        waiting += kind.__subclasses__()
    statuses: dict[str, set[int]] = {}
    for kind in kinds:
        if "code" in vars(kind):
            statuses.setdefault(kind.code, set()).add(kind.status)
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


@pytest.mark.parametrize("permission", sorted(PERMISSIONS))
def test_every_permission_has_a_holder(permission: str) -> None:
    holders = PERMISSIONS[permission]
    assert holders.key or holders.roles or holders.member
