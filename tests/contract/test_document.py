"""The OpenAPI document: valid, complete, and with examples that are true."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from marshmallow import ValidationError
from openapi_spec_validator import validate

from core.http.examples import example_of
from core.http.openapi import declared
from core.http.operations import operation_of, path_of


def _operations(openapi: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            yield f"{method.upper()} {path}", operation


def test_it_is_valid_openapi_31(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"] == "3.1.0"
    validate(openapi)


def test_it_is_served_and_printed(app: Flask, openapi: dict[str, Any]) -> None:
    served = app.test_client().get("/openapi.json")
    assert (served.status_code, served.content_type) == (200, "application/json")
    assert served.json == openapi
    printed = app.test_cli_runner().invoke(args=["openapi"])
    assert printed.exit_code == 0
    assert json.loads(printed.stdout) == openapi


def test_it_has_every_route_of_the_api(app: Flask, openapi: dict[str, Any]) -> None:
    routes = {
        f"{method} {path_of(rule)}"
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    outside = {"GET /healthz", "GET /readyz", "GET /metrics", "GET /r/{code}"}
    assert routes | outside == {name for name, _ in _operations(openapi)}


def test_every_operation_has_a_name_of_its_own(openapi: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in _operations(openapi)]
    assert len(names) == len(set(names))


def test_who_may_call_is_told_to_people_and_to_programs(openapi: dict[str, Any]) -> None:
    for name, operation in _operations(openapi):
        assert "May call: " in operation["description"], name
        if operation["x-permission"] == "public":
            assert operation["security"] == [], name
        else:
            assert operation["security"], name
            assert {"401", "403"} <= operation["responses"].keys(), name
    settle = openapi["paths"]["/v1/plans"]["post"]
    assert settle["security"] == [{"StaffToken": ["owner"]}]
    assert openapi["paths"]["/v1/orders"]["post"]["security"][0] == {"ApiKey": ["orders:write"]}


def test_every_post_with_a_credential_takes_an_idempotency_key(openapi: dict[str, Any]) -> None:
    key = {"$ref": "#/components/parameters/IdempotencyKey"}
    for name, operation in _operations(openapi):
        wanted = name.startswith("POST") and bool(operation["security"])
        assert (key in operation["parameters"]) == wanted, name


def test_every_path_parameter_is_described(openapi: dict[str, Any]) -> None:
    for name, operation in _operations(openapi):
        given = {one["name"] for one in operation["parameters"] if one.get("in") == "path"}
        assert given == set(re.findall(r"\{(\w+)\}", name)), name


def test_bodies_refuse_what_they_do_not_know_and_answers_may_grow(openapi: dict[str, Any]) -> None:
    schemas = openapi["components"]["schemas"]
    for name, operation in _operations(openapi):
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            body = schemas[schema["$ref"].rsplit("/", 1)[1]]
            assert body["additionalProperties"] is False, name
    assert "additionalProperties" not in schemas["Key"]


def test_fields_tell_their_bounds(openapi: dict[str, Any]) -> None:
    order = openapi["components"]["schemas"]["NewOrder"]["properties"]
    assert order["external_id"] == {
        "type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^\x00-\x1f\x7f]*$",
    }  # fmt: skip
    assert (order["shipping"]["minimum"], order["shipping"]["maximum"]) == (0, 10**15)
    assert order["paid_at"]["format"] == "date-time"
    assert order["currency"]["pattern"] == "^[A-Z]{3}$"
    change = openapi["components"]["schemas"]["ProgramChange"]["properties"]
    assert (change["payout_cap_bps"]["minimum"], change["payout_cap_bps"]["maximum"]) == (0, 10_000)
    assert change["hold_from"]["enum"] == ["completed", "paid"]
    cursor = next(one for one in openapi["paths"]["/v1/orders"]["get"]["parameters"] if one.get("name") == "cursor")
    assert cursor["schema"]["type"] == "string", "a query cannot say null"


def test_a_list_is_a_page(openapi: dict[str, Any]) -> None:
    answer = openapi["paths"]["/v1/orders"]["get"]["responses"]["200"]["content"]["application/json"]
    assert set(answer["schema"]["properties"]) == {"data", "next_cursor"}
    assert answer["example"]["data"]


def _media(openapi: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, operation in _operations(openapi):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            for kind, media in body.get("content", {}).items():
                yield f"{name} {kind}", media
    for name, response in openapi["components"]["responses"].items():
        yield name, response["content"]["application/problem+json"]


def test_every_json_body_has_an_example_of_its_shape(openapi: dict[str, Any]) -> None:
    wrong = []
    for name, media in _media(openapi):
        if "json" not in name and "$ref" not in media["schema"]:
            continue
        assert "example" in media, name
        schema = media["schema"] | {"components": openapi["components"]}
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        wrong += [f"{name}: {error.instance_path} {error.message}" for error in validator.iter_errors(media["example"])]
    assert wrong == []


def test_every_example_of_a_body_is_accepted(app: Flask) -> None:
    wrong = []
    for rule, method, spec in declared(app):
        if spec.body:
            schema = spec.body.schema()
            example = example_of(schema)
            assert example or not schema.fields, rule.rule
            try:
                schema.load(example)
            except ValidationError as error:
                wrong.append(f"{method} {rule.rule}: {error.messages}. Say it with metadata or Meta.example: {example}")
    assert wrong == []


def test_no_shape_is_named_twice(app: Flask, recwarn: pytest.WarningsRecorder) -> None:
    from core.http.openapi import _document

    made = _document(app)
    assert [str(warning.message) for warning in recwarn if "apispec" in str(warning.filename)] == []
    assert [name for name in made["components"]["schemas"] if re.search(r"\d$", name)] == []


def test_an_endpoints_refusals_stand_in_its_answers(app: Flask) -> None:
    for rule, method, spec in declared(app):
        told = json.dumps(operation_of(rule, method, spec)["responses"], default=str)
        for code in spec.refuses:
            named = "".join(word.title() for word in code.split("_"))
            assert code in told or named in told, f"{method} {rule.rule}: {code}"
