"""A hot coupon: claims by 64 clients against one guarded UPDATE of one row by the same clients, durable, in turns.

Both are answered after their commit. The comparison is all that a shop would write by hand: `left = left - 1 WHERE
left > 0`, committed each by itself; a claim also finds the coupon and the customer, counts him and writes his code.
Claims go the way of the endpoint, where those of one moment share a transaction, and for comparison each alone, as
under an Idempotency-Key. Then as many clients sell 1,000 out over HTTP.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from uuid import UUID

from bench.coupon_sale import coupon_terms, sell_out
from bench.crowd import BARE, EACH, PLENTY, PROCESSES, Crowd, Unit, bare_units, compare, make_bare_stock
from bench.environment import measured_app
from core.db import Collision, db, transaction
from core.ids import ExternalRef
from core.programs.service import create_program
from coupons.vouchers.definitions import create_coupon
from coupons.vouchers.gathered_claims import claim_for
from referral.members.service import customers_for

CUSTOMERS = 2000
GOAL = 3
ALONE = "limit for each, each claim alone"
WAYS = {"no limit for a customer": None, "a limit for each customer": PLENTY, ALONE: PLENTY}


def _claiming(program_id: UUID, coupon_id: UUID, customers: Sequence[str], *, alone: bool) -> Unit:
    mine = cycle(customers)

    def by_itself(name: str) -> None:
        with transaction(program_id):
            claim_for(program_id, coupon_id, ExternalRef(name))

    def together(name: str) -> None:
        try:
            claim_for(program_id, coupon_id, ExternalRef(name))
        except Collision:  # as the endpoint does
            by_itself(name)

    return lambda: (by_itself if alone else together)(next(mine))


def run() -> None:
    with measured_app() as bench:
        with transaction():
            program_id = create_program("bench", "GBP", "UTC")
        with transaction(program_id):
            customers = list(customers_for(program_id, [f"c{n}" for n in range(CUSTOMERS)]))
            coupon_ids = {way: create_coupon(program_id, coupon_terms(PLENTY, limit)).id for way, limit in WAYS.items()}
        make_bare_stock(bench)

        def make_units(open_connections: ExitStack, way: str, number: int) -> list[Unit]:
            if way == BARE:
                return bare_units(open_connections, bench)
            open_connections.callback(db.engine.dispose)  # the server has room for the clients of one way
            mine = customers[number::PROCESSES]
            return [
                _claiming(program_id, coupon_ids[way], mine[client::EACH], alone=way == ALONE) for client in range(EACH)
            ]

        crowd = Crowd(make_units)
        try:
            compare(crowd, [BARE, *coupon_ids], GOAL)
        finally:
            crowd.go_home()
        sell_out(bench, program_id)
