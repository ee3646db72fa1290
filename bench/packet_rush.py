"""A red packet of 1,000 over HTTP: 64 clients claim for members of their own. Exactly 1,000, none twice, no failure."""

import http.client
import multiprocessing
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from uuid import UUID

from bench.coupon_sale import PORT, code_of, post
from bench.environment import BenchApp
from bench.http import _server
from community.groups.changes import create_group
from community.groups.members import Joining, join
from community.groups.schemas import NewGroupBody
from community.red_packets.service import Terms, approve_packet, create_packet
from core.auth import keys
from core.auth.actor import Actor, ActorKind
from core.auth.service import program_of
from core.clock import now
from core.db import transaction
from core.ids import new_id, public_id
from core.programs.service import create_program
from referral.members.service import customers_for

CLIENTS = 64
UNITS = 1000
_TRIES = 16  # of each client: more than there are units
_MEAN = 100


class Givers:
    """A program with a group of so many members, somebody who makes packets, and somebody who approves them."""

    def __init__(self, members: int) -> None:
        with transaction():
            program_id = create_program("bench", "GBP", "UTC")
        with transaction(program_id):
            self.program = program_of(program_id)
            made = customers_for(program_id, [f"m{n}" for n in range(members)])
            self.members = list(made.values())
            group, _ = create_group(self.program, NewGroupBody().load(_GROUP))
            join(self.program, group, [Joining(member) for member in self.members])
        self._group_id = group.id

    def packets(self, number: int, count: int | None = None) -> list[UUID]:
        """Open packets with a share for each member, or so many."""
        return [self._packet(count or len(self.members)) for _ in range(number)]

    def _packet(self, count: int) -> UUID:
        terms: Terms = {
            "external_id": None, "total": count * _MEAN, "currency": None, "count": count, "split": "random",
            "max_share": None, "group_id": self._group_id, "activity_id": None, "greeting": None, "opens_at": None,
            "expires_at": now() + timedelta(hours=1),
        }  # fmt: skip
        maker, approver = (Actor(self.program, ActorKind.STAFF, new_id()) for _ in range(2))
        with transaction(self.program.id):
            packet, _ = create_packet(maker, terms)
            return approve_packet(approver, packet.id).id


_HOOK = {"url": "https://chat.example/hook", "secret": "whsec_" + "YmVuY2gh" * 4}
_GROUP = {"name": "Tea", "platform": "webhook", "target": _HOOK}


def rush(bench: BenchApp, givers: Givers) -> None:
    """Print how fast 1,000 were claimed. Raises: RuntimeError when it is not 1,000, or anything failed."""
    (packet_id,) = givers.packets(1, UNITS)
    with transaction(givers.program.id):
        _, key = keys.create_key(givers.program.id, name="bench")
    with _server("wsgi:app", PORT, bench.environment):
        seconds, outcomes, amount = _all_clients(key, public_id("rpk", packet_id), givers.members)
    expected = {"201": UNITS, "409 finished": CLIENTS * _TRIES - UNITS}
    if outcomes != expected or amount != UNITS * _MEAN:
        raise RuntimeError(f"not exactly {UNITS}: {dict(outcomes)}, {amount} in all")
    print(
        f"  over HTTP: {CLIENTS} clients claimed {UNITS:,}, {CLIENTS * _TRIES - UNITS} were told finished:"
        f" {seconds:.2f} s, {CLIENTS * _TRIES / seconds:,.0f} claims/s; the sum is exact, nothing failed"
    )


Result = tuple[Counter[str], int]


def _all_clients(key: str, packet: str, members: Sequence[UUID]) -> tuple[float, Counter[str], int]:
    context = multiprocessing.get_context("fork")
    start: Barrier = context.Barrier(CLIENTS + 1)
    results: SimpleQueue[Result] = context.SimpleQueue()
    clients = [
        context.Process(target=_client, args=(key, packet, members[n * _TRIES : (n + 1) * _TRIES], start, results))
        for n in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    start.wait(60)
    began = time.perf_counter()
    found = [results.get() for _ in clients]
    seconds = time.perf_counter() - began
    for client in clients:
        client.join()
    return seconds, sum((outcomes for outcomes, _ in found), Counter[str]()), sum(amount for _, amount in found)


def _client(key: str, packet: str, members: Sequence[UUID], start: Barrier, results: "SimpleQueue[Result]") -> None:
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    connection.connect()
    start.wait(60)
    outcomes: Counter[str] = Counter()
    amount = 0
    try:
        for member in members:
            answer = post(connection, key, f"/v1/red-packets/{packet}/claims", {"member_id": public_id("mem", member)})
            outcomes[" ".join([str(answer.status), *filter(None, [code_of(answer)])])] += 1
            amount += answer.body.get("amount", 0)
    except (OSError, http.client.HTTPException) as error:
        outcomes[f"failed: {error!r}"] += 1
    results.put((outcomes, amount))
