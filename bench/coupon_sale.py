"""A coupon of 1,000 sold out over HTTP: 64 clients claim, and order with what they got. Exactly 1,000, no failure."""

import http.client
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from bench.environment import BenchApp
from bench.http import _server
from core.auth import keys
from core.db import scalar, transaction
from core.ids import public_id
from coupons.vouchers.definitions import create_coupon

PORT = 18402
CLIENTS = 64
UNITS = 1000
_TRIES = 20  # of each client: more than there are units
_DATE = "2026-01-31T08:00:00Z"


class Answer(NamedTuple):
    status: int
    body: dict[str, Any]


def coupon_terms(total: int, per_customer: int | None) -> dict[str, Any]:
    return {
        "name": "Hot", "kind": "amount", "amount": 500, "percent_bps": None, "min_spend": 0, "max_discount": None,
        "total_quantity": total, "per_customer_limit": per_customer, "valid_from": None, "valid_to": None,
        "claim_valid_seconds": 86_400, "skus": None, "categories": None, "stackable": False,
        "give_back": "cancel_or_full_refund",
    }  # fmt: skip


def sell_out(bench: BenchApp, program_id: UUID) -> None:
    """Print how fast 1,000 were claimed and redeemed. Raises: RuntimeError when it is not 1,000, or anything failed."""
    with transaction(program_id):
        _, key = keys.create_key(program_id, name="bench")
        coupon_id = create_coupon(program_id, coupon_terms(UNITS, 1)).id
    with _server("wsgi:app", PORT, bench.environment):
        seconds, outcomes = _all_clients(key, public_id("cpn", coupon_id))
    expected = {"claim 201": UNITS, "claim 409 sold_out": CLIENTS * _TRIES - UNITS, "order 201": UNITS}
    if outcomes != expected or _redeemed(program_id, coupon_id) != UNITS:
        raise RuntimeError(f"not exactly {UNITS}: {dict(outcomes)}, {_redeemed(program_id, coupon_id)} redeemed")
    print(
        f"  over HTTP: {CLIENTS} clients claimed {UNITS:,} and redeemed {UNITS:,} by an order each,"
        f" {CLIENTS * _TRIES - UNITS} were told sold_out: {seconds:.1f} s,"
        f" {(CLIENTS * _TRIES + UNITS) / seconds:,.0f} requests/s; exactly {UNITS:,}, nothing failed"
    )


def _redeemed(program_id: UUID, coupon_id: UUID) -> int:
    with transaction(program_id, read_only=True):
        count = scalar(
            """SELECT count(*) FROM coupon_redemptions
               WHERE program_id = %(program_id)s AND coupon_id = %(coupon_id)s AND status = 'redeemed'""",
            program_id=program_id, coupon_id=coupon_id,
        )  # fmt: skip
    return int(count)


def _all_clients(key: str, coupon: str) -> tuple[float, Counter[str]]:
    context = multiprocessing.get_context("fork")
    start: Barrier = context.Barrier(CLIENTS + 1)
    results: SimpleQueue[Counter[str]] = context.SimpleQueue()
    clients = [
        context.Process(target=_client, args=(number, key, coupon, start, results), daemon=True)
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    start.wait(60)
    began = time.perf_counter()
    outcomes = sum((results.get() for _ in clients), Counter[str]())
    seconds = time.perf_counter() - began
    for client in clients:
        client.join()
    return seconds, outcomes


def _client(number: int, key: str, coupon: str, start: Barrier, results: "SimpleQueue[Counter[str]]") -> None:
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    connection.connect()
    start.wait(60)
    outcomes: Counter[str] = Counter()
    try:
        for turn in range(_TRIES):
            outcomes.update(_buy(connection, key, coupon, f"{number}-{turn}"))
    except (OSError, http.client.HTTPException) as error:
        outcomes[f"failed: {error!r}"] += 1
    results.put(outcomes)


def _buy(connection: http.client.HTTPConnection, key: str, coupon: str, name: str) -> Iterator[str]:
    """Claim as somebody new; who got a code orders with it at once."""
    claim = post(connection, key, f"/v1/coupons/{coupon}/claims", {"customer_external_id": name})
    yield " ".join(["claim", str(claim.status), *filter(None, [code_of(claim)])])
    if claim.status == 201:
        order = {
            "external_id": name, "customer_external_id": name, "currency": "GBP", "paid_at": _DATE,
            "items": [{"sku": "tea", "quantity": 1, "unit_price": 2000}], "coupon_codes": [claim.body["code"]],
        }  # fmt: skip
        placed = post(connection, key, "/v1/orders", order)
        yield " ".join(["order", str(placed.status), *filter(None, [code_of(placed)])])


def code_of(answer: Answer) -> str | None:
    """The stable code of a refusal."""
    return answer.body.get("code") if answer.status >= 400 else None


def post(connection: http.client.HTTPConnection, key: str, path: str, body: dict[str, Any]) -> Answer:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", path, orjson.dumps(body), headers)
    answer = connection.getresponse()
    return Answer(answer.status, orjson.loads(answer.read()))
