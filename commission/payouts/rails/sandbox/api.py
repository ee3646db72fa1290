"""HTTP edge of the sandbox server. A transfer is in the book before its answer is made."""

import socket
import time
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from flask import Blueprint, Flask, Response, current_app, g, request

from commission.payouts.rails.sandbox.book import Book, Transfer
from commission.payouts.rails.sandbox.faults import REASONS, Delays, Faults, timeline_for
from commission.payouts.rails.sandbox.schemas import FaultsBody, TransferBody, loaded
from core import clock
from core.http.json import dumps, parsed, raw_body
from core.http.problem import problem, register_problems

_LARGEST_BODY = 64 * 1024
blueprint = Blueprint("sandbox", __name__)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What the routes work with."""

    book: Book
    faults: Faults
    delays: Delays
    faulty_queries: bool


def create_app(book: Book, delays: Delays, *, faulty_queries: bool = False) -> Flask:
    """The WSGI app over a book. It must be served by werkzeug: to lose an answer it needs the socket."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
    app.extensions["sandbox"] = Sandbox(book, Faults(), delays, faulty_queries)
    app.register_blueprint(blueprint)
    register_problems(app)
    return app


@blueprint.before_app_request
def name_request() -> None:
    g.request_id = uuid4().hex


@blueprint.post("/transfers")
def post_transfer() -> Response:
    sandbox, order = _sandbox(), loaded(TransferBody(), parsed(raw_body()))
    hits = sandbox.faults.hits(f"POST {order['key']}")
    if "error_before" in hits:
        return _faulty("error_before")
    _dawdle(hits)
    timeline = timeline_for(order["account"], hits, clock.now(), sandbox.delays)
    transfer, is_new = sandbox.book.accept(Transfer(**order, timeline=timeline))
    _dawdle(hits)
    return _after(hits) or _json(_receipt(transfer), 201 if is_new else 200)


@blueprint.get("/transfers/<key>")
def get_transfer(key: str) -> Response:
    sandbox = _sandbox()
    hits = sandbox.faults.hits(f"GET {key}") if sandbox.faulty_queries else frozenset[str]()
    if "error_before" in hits:
        return _faulty("error_before")
    _dawdle(hits)
    transfer = sandbox.book.find(key)
    _dawdle(hits)
    ordered = {"account": transfer.account, "amount": transfer.amount, "currency": transfer.currency}
    return _after(hits) or _json(_receipt(transfer) | ordered)


@blueprint.get("/book")
def get_book() -> Response:
    return _json({"transfers": [_entry(transfer) for transfer in _sandbox().book.moved()]})


@blueprint.put("/faults")
def put_faults() -> Response:
    wanted = loaded(FaultsBody(), parsed(raw_body()))
    _sandbox().faults.put(wanted, wanted.pop("seed", None))
    return get_faults()


@blueprint.get("/faults")
def get_faults() -> Response:
    return _json(_sandbox().faults.shown())


def _sandbox() -> Sandbox:
    return cast(Sandbox, current_app.extensions["sandbox"])


def _receipt(transfer: Transfer) -> dict[str, Any]:
    status = transfer.history_at(clock.now())[-1].status
    return {"key": transfer.key, "status": status} | ({"reason": REASONS[status]} if status in REASONS else {})


def _entry(transfer: Transfer) -> dict[str, Any]:
    history = transfer.history_at(clock.now())
    return {
        "key": transfer.key,
        "account": transfer.account,
        "account_name": transfer.account_name,
        "amount": transfer.amount,
        "currency": transfer.currency,
        "status": history[-1].status,
        "accepted_at": history[0].at,
        "history": [step._asdict() for step in history],
    }


def _dawdle(hits: frozenset[str]) -> None:
    if "slow" in hits:
        time.sleep(_sandbox().delays.slow_seconds / 2)


def _after(hits: frozenset[str]) -> Response | None:
    """The fault that takes the place of the answer, if any."""
    if "lose_answer" in hits:
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)  # whatever the server writes from here on reaches nobody
        return Response(status=500)
    return _faulty("error_after") if "error_after" in hits else None


def _faulty(name: str) -> Response:
    return problem(500, "sandbox_fault", "Internal error", f"The fault {name} hit this call.")


def _json(body: Any, status: int = 200) -> Response:
    return Response(dumps(body), status, content_type="application/json")
