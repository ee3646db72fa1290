"""The fold's arithmetic: whatever joined, moved and bought in between, the counters are those of a naive count."""

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from referral.tree.folding import Node, Nodes, Taken, fold

ids = [UUID(int=number) for number in range(1, 7)]


class Forest:
    """A tree as it is, and what has not been counted of it yet."""

    def __init__(self) -> None:
        self.inviter_of: dict[UUID, UUID | None] = {}
        self.orders: dict[UUID, tuple[int, int]] = {}
        self.waiting: dict[UUID, list[int]] = {}

    def place(self, member: UUID, inviter: UUID | None) -> None:
        """Join or move, unless that closed a ring or the inviter is not there."""
        above = inviter
        while above is not None:
            if above == member or above not in self.inviter_of:
                return
            above = self.inviter_of[above]
        self.inviter_of[member] = inviter
        self.waiting.setdefault(member, [0, 0])

    def buy(self, member: UUID, sales: int) -> None:
        if member in self.inviter_of:
            orders, sold = self.orders.get(member, (0, 0))
            self.orders[member] = (orders + 1, sold + sales)
            waiting = self.waiting.setdefault(member, [0, 0])
            waiting[0] += 1
            waiting[1] += sales

    def take(self) -> list[Taken]:
        taken = [Taken(member, self.inviter_of[member], *counted, None) for member, counted in self.waiting.items()]
        self.waiting = {}
        return taken


def naive(
    inviter_of: Mapping[UUID, UUID | None], orders: Mapping[UUID, tuple[int, int]]
) -> dict[UUID, tuple[int, ...]]:
    """Everybody's team, counted one by one."""
    counts = {member: [0, 0, 0, *orders.get(member, (0, 0))] for member in inviter_of}
    for member in inviter_of:
        bought = orders.get(member, (0, 0))
        above = inviter_of[member]
        while above is not None:
            for place, amount in enumerate((1, *bought)):
                counts[above][place] += amount
            above = inviter_of[above]
    return {member: tuple(count) for member, count in counts.items()}


def counted(nodes: Nodes) -> dict[UUID, tuple[int, ...]]:
    return {
        node.member_id: (node.members, node.orders, node.sales, node.own_orders, node.own_sales)
        for node in nodes.values()
    }


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_counters_are_those_of_a_naive_count(dice: Random) -> None:
    forest, nodes = Forest(), Nodes()
    for _ in range(120):
        what, member = dice.choice(["place", "place", "buy", "fold"]), dice.choice(ids)
        if what == "place":
            forest.place(member, dice.choice([None, *ids]))
        elif what == "buy":
            forest.buy(member, dice.randrange(-500, 500))
        else:
            fold(forest.take(), nodes)
            assert counted(nodes) == naive(forest.inviter_of, forest.orders)


def test_two_who_change_places_never_stand_in_a_ring() -> None:
    """b stood under a; both moved before the fold: b is a root now and a stands under b."""
    a, b, c = ids[:3]
    nodes = {a: Node(a, None, members=2), b: Node(b, a, members=1), c: Node(c, b)}
    fold([Taken(a, b, 0, 0, None), Taken(b, None, 0, 0, None)], nodes)
    assert [(nodes[one].counted_under, nodes[one].members) for one in (a, b, c)] == [(b, 0), (None, 2), (b, 0)]


def test_a_move_out_of_a_moved_team_is_taken_off_once() -> None:
    """c left b's team, and b left a's, before the fold."""
    a, b, c = ids[:3]
    nodes = {a: Node(a, None, members=2, orders=1), b: Node(b, a, members=1, orders=1), c: Node(c, b, own_orders=1)}
    fold([Taken(b, None, 0, 0, None), Taken(c, None, 0, 0, None)], nodes)
    assert [(nodes[one].members, nodes[one].orders) for one in (a, b, c)] == [(0, 0), (0, 0), (0, 0)]


def test_the_latest_order_is_remembered() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    nodes: Nodes = {}
    for ordered_at in (early, late, early, None):
        fold([Taken(ids[0], None, 1, 10, ordered_at)], nodes)
    assert nodes[ids[0]].last_order_at == late


def test_a_chain_of_a_hundred_thousand_is_counted_in_one_pass() -> None:
    chain = [UUID(int=number) for number in range(1, 100_001)]
    nodes: Nodes = {}
    fold([Taken(one, above, 1, 2, None) for one, above in zip(chain, [None, *chain], strict=False)], nodes)
    assert (nodes[chain[0]].members, nodes[chain[0]].orders, nodes[chain[0]].sales) == (99_999, 99_999, 199_998)
    fold([Taken(chain[50_000], None, 0, 0, None)], nodes)
    assert nodes[chain[0]].members == 49_999
