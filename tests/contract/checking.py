"""Holds an answer against the contract: its status must be documented and its body must have the documented shape.

Stricter than the document itself: a field that the document does not know is a fault of ours, not of the client.
"""

import json
from copy import deepcopy
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import jsonschema_rs
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from core.http.openapi import document
from core.http.operations import path_of

_SHOWN = 1500
_documents: WeakKeyDictionary[Flask, "Contract"] = WeakKeyDictionary()


class ContractError(AssertionError):
    """An answer that the contract does not foresee."""


def check_answer(app: Flask, response: TestResponse) -> None:
    """Raises: ContractError, telling what is wrong and where to put it right."""
    contract = _documents.get(app)
    if contract is None:
        with app.app_context():
            contract = _documents[app] = Contract(document())
    path = _path(app, response)
    if path in contract.paths:
        contract.check(path, response)


def _path(app: Flask, response: TestResponse) -> str | None:
    """The documented path behind a request; None for one that leads nowhere."""
    request = response.request
    try:
        rule, _ = app.url_map.bind("localhost").match(request.path, method=request.method, return_rule=True)
    except HTTPException:
        return None
    return path_of(rule)


class Contract:
    """An OpenAPI document, its shapes closed, with a compiled validator for each answer."""

    def __init__(self, openapi: dict[str, Any]) -> None:
        self._document = deepcopy(openapi)
        for schema in self._document["components"]["schemas"].values():
            _close(schema)
        self.paths: dict[str, Any] = self._document["paths"]
        self._validator = cache(self._compiled)

    def check(self, path: str, response: TestResponse) -> None:
        method = "GET" if response.request.method == "HEAD" else response.request.method
        called = f"{method} {path} answered {response.status_code}"
        operation = self.paths[path].get(method.lower())
        if operation is None:
            return
        given = self._resolved(operation["responses"].get(str(response.status_code)))
        if given is None:
            documented = ", ".join(operation["responses"])
            raise ContractError(
                f"{called}, which the contract does not know (it has {documented}). Declare it in @endpoint "
                f"(status, also, refuses) or do not answer it.\n{_shown(response)}"
            )
        if not given.get("content"):
            if response.data:
                raise ContractError(f"{called} with a body, but the contract shows none.\n{_shown(response)}")
            return
        if response.mimetype not in given["content"]:
            raise ContractError(f"{called} with {response.mimetype}; the contract has {', '.join(given['content'])}.")
        if "json" in response.mimetype and response.request.method != "HEAD":
            self._check_body(called, self._validator(path, method.lower(), response.status_code), response)

    def _check_body(self, called: str, validator: Any, response: TestResponse) -> None:
        faults = [_told(error) for error in validator.iter_errors(json.loads(response.data))]
        if faults:
            told = "\n".join(f"  {fault}" for fault in faults[:20])
            raise ContractError(
                f"{called} with a body that is not of the documented shape:\n{told}\n"
                f"Put the answer's schema or the answer right.\n{_shown(response)}"
            )

    def _compiled(self, path: str, method: str, status: int) -> Any:
        given = self._resolved(self.paths[path][method]["responses"][str(status)])
        media = next(iter(given["content"].values()))
        schema = deepcopy(media["schema"])
        _close(schema)
        whole = schema | {"components": self._document["components"]}
        return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)

    def _resolved(self, node: Any) -> Any:
        if isinstance(node, dict) and "$ref" in node:
            return self._document["components"]["responses"][node["$ref"].rsplit("/", 1)[1]]
        return node


def _close(schema: Any) -> None:
    """Refuse properties that are not named; a shape that says it is open stays so."""
    if not isinstance(schema, dict) or "allOf" in schema:
        return
    if "properties" in schema:
        schema.setdefault("additionalProperties", False)
    for inner in (*schema.get("properties", {}).values(), schema.get("items"), *schema.get("anyOf", ())):
        _close(inner)


def _told(error: Any) -> str:
    where = "/" + "/".join(map(str, error.instance_path))
    return f"{where}: {error.message[:300]}"


def _shown(response: TestResponse) -> str:
    return f"The answer: {response.text[:_SHOWN]}"
