"""The arithmetic of the counters' fold. Pure: counters and what is to be counted go in, changed counters come out.

`counted_under` is what makes it safe beside binds: a member's count moves from where it was counted to where he stood
in the snapshot of the taken deltas, whatever happened in between. Every move is first taken out, then put in, so that
two moves that would close a ring halfway never do. Each node is passed once, however deep the tree is.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Taken(NamedTuple):
    """What is to be counted for one member, and where he stands."""

    member_id: UUID
    inviter_id: UUID | None
    orders: int
    sales: int
    ordered_at: datetime | None


@dataclass(slots=True)
class Node:
    """A member's counters: his team's and his own."""

    member_id: UUID
    counted_under: UUID | None
    members: int = 0
    orders: int = 0
    sales: int = 0
    own_orders: int = 0
    own_sales: int = 0
    last_order_at: datetime | None = None

    def whole(self) -> "Flow":
        """What he is to everybody above: himself and his team."""
        return Flow(1 + self.members, self.own_orders + self.orders, self.own_sales + self.sales)

    def take_in(self, flow: "Flow") -> None:
        self.members += flow.members
        self.orders += flow.orders
        self.sales += flow.sales


class Flow(NamedTuple):
    """A change on its way up."""

    members: int
    orders: int
    sales: int

    def plus(self, other: "Flow") -> "Flow":
        return Flow(self.members + other.members, self.orders + other.orders, self.sales + other.sales)

    def negated(self) -> "Flow":
        return Flow(-self.members, -self.orders, -self.sales)


Nodes = dict[UUID, Node]
_NOTHING = Flow(0, 0, 0)


def fold(taken: Iterable[Taken], nodes: Nodes) -> None:
    """Count `taken` into `nodes`, which hold every member counted before who is named or stands above one named,
    both where he was counted and where he now stands. New members are added to `nodes`.
    """
    given = list(taken)
    moved = [one for one in given if one.member_id in nodes and nodes[one.member_id].counted_under != one.inviter_id]
    _detach([one.member_id for one in moved], nodes)
    arriving = {one.member_id: nodes[one.member_id].whole() for one in moved}
    for one in given:
        if one.member_id not in nodes:
            nodes[one.member_id] = Node(one.member_id, None)
            arriving[one.member_id] = nodes[one.member_id].whole()
    for one in given:
        nodes[one.member_id].counted_under = one.inviter_id
        arriving[one.member_id] = arriving.get(one.member_id, _NOTHING).plus(_count_own(nodes[one.member_id], one))
    _attach(arriving, nodes)


def _count_own(node: Node, one: Taken) -> Flow:
    node.own_orders += one.orders
    node.own_sales += one.sales
    if one.ordered_at is not None:
        node.last_order_at = max(one.ordered_at, node.last_order_at or one.ordered_at)
    return Flow(0, one.orders, one.sales)


def _detach(moved: list[UUID], nodes: Nodes) -> None:
    """Take the moved members and their teams out of everybody above: whole, as they were counted. What a moved
    member himself loses stays with him, for above him it is gone with the whole already.
    """
    leaving = {member_id: nodes[member_id].whole().negated() for member_id in moved}
    lost: dict[UUID, Flow] = {}
    for node in _upwards(moved, nodes):
        loss = lost.pop(node.member_id, _NOTHING)
        node.take_in(loss)
        _pass_on(lost, node, leaving.get(node.member_id, loss))


def _attach(arriving: dict[UUID, Flow], nodes: Nodes) -> None:
    gained: dict[UUID, Flow] = {}
    for node in _upwards(arriving, nodes):
        gain = gained.pop(node.member_id, _NOTHING)
        node.take_in(gain)
        _pass_on(gained, node, gain.plus(arriving.get(node.member_id, _NOTHING)))


def _pass_on(flows: dict[UUID, Flow], node: Node, flow: Flow) -> None:
    above = node.counted_under
    if above is not None and flow != _NOTHING:
        flows[above] = flows.get(above, _NOTHING).plus(flow)


def _upwards(starts: Iterable[UUID], nodes: Nodes) -> Iterator[Node]:
    """The starts and everybody they are counted under, each after all below him."""
    reached = _closure(starts, lambda member_id: nodes[member_id].counted_under)
    waiting = Counter(nodes[member_id].counted_under for member_id in reached)
    ready = deque(member_id for member_id in reached if not waiting[member_id])
    while ready:
        node = nodes[ready.popleft()]
        yield node
        above = node.counted_under
        waiting[above] -= 1
        if above is not None and not waiting[above]:
            ready.append(above)


def _closure(starts: Iterable[UUID], above: Callable[[UUID], UUID | None]) -> set[UUID]:
    reached: set[UUID] = set()
    for start in starts:
        one: UUID | None = start
        while one is not None and one not in reached:
            reached.add(one)
            one = above(one)
    return reached
