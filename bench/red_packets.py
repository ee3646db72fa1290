"""A red packet: claims by 64 clients against one guarded UPDATE of one row by the same clients, durable, in turns.

Both are answered after their commit. The comparison is all that a shop would write by hand: `left = left - 1 WHERE
left > 0`, committed each by itself; a claim also looks whether the member is in the group and has claimed before, takes
a share, and posts it to the ledger and the member's balance. Claims go the way of the endpoint, where those of one
moment share a transaction, and for comparison each alone, as under an Idempotency-Key. All clients claim from the same
packet, each for members of its own, and go on to the next. Then as many take 1,000 over HTTP.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import product
from uuid import UUID

from bench.crowd import BARE, CLIENTS, EACH, Crowd, Unit, bare_units, compare, make_bare_stock
from bench.environment import measured_app
from bench.packet_rush import Givers, rush
from community.red_packets.gathered_claims import claim_for
from core.auth.actor import Program
from core.db import Collision, db, transaction

TOGETHER, ALONE = "together", "each alone"
PACKETS = 24  # of each way: more than its turns can take
MEMBERS = 9984  # of each packet: so many for each client, so that all of them come to its end at once
GOAL = 1

Claims = Iterator[tuple[UUID, UUID]]
"""A client's claims: packet and member."""


def _claiming(program: Program, claims: Claims, *, alone: bool) -> Unit:
    def by_itself(packet_id: UUID, member_id: UUID) -> None:
        with transaction(program.id):
            claim_for(program, packet_id, member_id)

    def together(packet_id: UUID, member_id: UUID) -> None:
        try:
            claim_for(program, packet_id, member_id)
        except Collision:  # as the endpoint does
            by_itself(packet_id, member_id)

    return lambda: (by_itself if alone else together)(*next(claims))


def _claims(packets: Sequence[UUID], members: Sequence[UUID]) -> list[Claims]:
    """Those of each client, which go on where its last turn ended."""
    return [iter(product(packets, members[client::CLIENTS])) for client in range(CLIENTS)]


def run() -> None:
    with measured_app() as bench:
        givers = Givers(MEMBERS)
        claims = {way: _claims(givers.packets(PACKETS), givers.members) for way in (TOGETHER, ALONE)}
        make_bare_stock(bench)

        def make_units(open_connections: ExitStack, way: str, number: int) -> list[Unit]:
            if way == BARE:
                return bare_units(open_connections, bench)
            open_connections.callback(db.engine.dispose)  # the server has room for the clients of one way
            mine = claims[way][number * EACH : (number + 1) * EACH]
            return [_claiming(givers.program, client, alone=way == ALONE) for client in mine]

        crowd = Crowd(make_units)
        try:
            compare(crowd, [BARE, *claims], GOAL)
        finally:
            crowd.go_home()
        rush(bench, givers)
