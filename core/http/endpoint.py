"""One way to declare an endpoint: who may call, what goes in, what comes out. Opens the one transaction."""

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg.errors
from flask import Response, g, request
from marshmallow import Schema, ValidationError

from core.audit import service as audit
from core.auth import service as auth
from core.auth.access import PERMISSIONS, PUBLIC
from core.auth.actor import Actor, ActorKind
from core.db import Collision, transaction
from core.http import idempotency
from core.http.json import dumps, no_body, parsed, raw_body
from core.http.problem import invalid_from

_RETRIES = 3
_COLLISIONS = (Collision, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_READS = frozenset({"GET", "HEAD"})
JSON = "application/json"

View = Callable[..., Any]
Inputs = Callable[[], dict[str, Any]]


class Loader(Protocol):
    """Reads a body's bytes into the service's input."""

    schema: type[Schema]

    def load(self, body: bytes) -> Any: ...


class SchemaLoader:
    """The usual loader: marshmallow. Hot paths bring a faster one that gives the same errors."""

    def __init__(self, schema: type[Schema]) -> None:
        self.schema = schema
        self._instance = schema()

    def load(self, body: bytes) -> Any:
        try:
            return self._instance.load(parsed(body))
        except ValidationError as error:
            raise invalid_from(error) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What the OpenAPI page, the access test and the edge know about a view."""

    access: str
    summary: str
    description: str
    body: Loader | None
    query: type[Schema] | None
    answer: type[Schema] | None
    status: int
    also: tuple[int, ...]
    refuses: tuple[str, ...]
    secret: bool
    paged: bool
    media_type: str
    transactional: bool
    prepare: View | None


def endpoint(  # noqa: PLR0913 -- each is one fact about the endpoint, given by name
    access: str,
    *,
    summary: str,
    description: str = "",
    body: type[Schema] | Loader | None = None,
    query: type[Schema] | None = None,
    answer: type[Schema] | None = None,
    status: int = 200,
    also: tuple[int, ...] = (),
    refuses: tuple[str, ...] = (),
    secret: bool = False,
    paged: bool = False,
    media_type: str = JSON,
    transactional: bool = True,
    prepare: View | None = None,
) -> Callable[[View], View]:
    """Make a view an endpoint.

    The view gets `actor` (unless public), `body` and `query` where declared, and the path's values. It runs inside
    one transaction of the actor's program (read-only for GET) and returns a value, or a pair of value and status.
    `answer` is the shape shown in OpenAPI (a page of it where `paged`). `also`: other 2xx statuses it may answer.
    `refuses`: the codes of its own refusals. `secret`: the answer is never stored. `media_type`: of an answer that
    is a file, several with ", " between. `transactional` False: the view runs without a transaction, because its
    effect is not in the database or it commits that itself; but inside the edge's for staff, whose doings are audited
    in it, under an Idempotency-Key, whose answer is kept in it, and again when the view raised a collision
    (`core.db.in_transaction` tells the view which it is). `prepare` is called before the transaction with the view's
    own arguments and does what must not be waited for inside one (the network), in transactions of its own; the view
    gets what it returned as `prepared`. `description`: what a client must know beyond the summary.
    """
    if access not in PERMISSIONS and access != PUBLIC:
        raise ValueError(f"{access} is no permission of core/auth/access.py")
    loader = SchemaLoader(body) if isinstance(body, type) else body
    spec = Endpoint(
        access=access, summary=summary, description=description, body=loader, query=query, answer=answer,
        status=status, also=also, refuses=refuses, secret=secret, paged=paged, media_type=media_type,
        transactional=transactional, prepare=prepare,
    )  # fmt: skip
    query_schema = query() if query else None

    def declare(view: View) -> View:
        @functools.wraps(view)
        def edge(**path: Any) -> Response:
            if access != PUBLIC:
                g.actor = path["actor"] = auth.authenticate(request.headers.get("Authorization"), access)
            raw = b"" if request.method in _READS else (raw_body() if loader else no_body())

            def inputs() -> dict[str, Any]:
                return path | _inputs(loader, raw, query_schema)

            if access == PUBLIC:
                return _answer(spec, view(**inputs()))
            return _perform(spec, view, path["actor"], inputs, raw)

        edge.endpoint_spec = spec  # type: ignore[attr-defined]
        return edge

    return declare


def _inputs(loader: Loader | None, raw: bytes, query_schema: Schema | None) -> dict[str, Any]:
    """Body and query, loaded anew for every try: a view may take its input apart."""
    values: dict[str, Any] = {"body": loader.load(raw)} if loader else {}
    if query_schema:
        values["query"] = _load_query(query_schema)
    elif request.query_string:
        raise invalid_from(ValidationError({name: ["Unknown parameter."] for name in request.args}))
    return values


def _load_query(schema: Schema) -> Any:
    given = request.args.to_dict(flat=False)
    repeated = [name for name, values in given.items() if len(values) > 1]
    if repeated:
        raise invalid_from(ValidationError({name: ["Given more than once."] for name in repeated}))
    try:
        return schema.load({name: values[0] for name, values in given.items()})
    except ValidationError as error:
        raise invalid_from(error) from error


def _perform(spec: Endpoint, view: View, actor: Actor, inputs: Inputs, raw: bytes) -> Response:
    """Run the view in a transaction; a deadlock or serialization failure had no effect and is tried again."""
    if not (spec.transactional or actor.kind is ActorKind.STAFF or "Idempotency-Key" in request.headers):
        with suppress(*_COLLISIONS):  # nothing was written: it is carried out in a transaction after all
            return _answer(spec, view(**inputs()))
    reads = request.method in _READS
    prepared = {"prepared": spec.prepare(**inputs())} if spec.prepare else {}
    for left in reversed(range(_RETRIES)):
        values = inputs() | prepared
        try:
            with transaction(actor.program_id, read_only=reads):
                return _answer(spec, view(**values)) if reads else _write(spec, view, actor, values, raw)
        except _COLLISIONS:
            if not left:
                raise
    raise AssertionError("unreachable")


def _write(spec: Endpoint, view: View, actor: Actor, values: dict[str, Any], raw: bytes) -> Response:
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    if key is not None:
        digest = idempotency.request_hash(request.method, request.full_path, raw)
        stored = idempotency.claim(actor.program_id, actor.id, key, digest)
        if stored is not None:
            return _replay(stored)
    response = _answer(spec, view(**values))
    if actor.kind is ActorKind.STAFF:
        audit.record_request(actor, view.__module__, view.__name__, values, response.get_data())
    if key is not None:
        kept = None if spec.secret else response.get_data()
        idempotency.keep(actor.program_id, actor.id, key, response.status_code, kept)
    return response


def _answer(spec: Endpoint, result: Any) -> Response:
    if isinstance(result, Response):
        return result
    value, status = result if isinstance(result, tuple) else (result, spec.status)
    if value is None:
        return _empty()
    return Response(dumps(value), status, content_type=JSON)


def _empty() -> Response:
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def _replay(stored: idempotency.Stored) -> Response:
    response = Response(stored.answer, stored.status, content_type=JSON) if stored.answer else _empty()
    response.headers["Idempotent-Replayed"] = "true"
    return response
