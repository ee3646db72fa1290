"""Events as notices: what is told of each, to which members, and what decides which groups hear it. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from community.groups.service import Group
from community.notices.notice import Notice
from core.events.reading import NumberedEvent


class Known(NamedTuple):
    """What events name by id only: the names of coupons, and groups."""

    coupons: Mapping[UUID, str]
    groups: Mapping[UUID, Group]


class Part(NamedTuple):
    """What one member has of a sum: a group that hears of his team hears the sum of its parts."""

    member_id: UUID
    amount: int
    commissions: int


class News(NamedTuple):
    """A notice, its groups still to be found where `to_groups`.

    `about`: in whose owners' teams it is news; None: it is everybody's. `group_key`: the group that the event names.
    """

    notice: Notice
    to_groups: bool = False
    about: UUID | None = None
    group_key: str | None = None
    parts: tuple[Part, ...] = ()


def news_of(event: NumberedEvent, known: Known) -> Iterator[News]:
    """What is told of an event. `known`: what `coupon_ids_in` and `group_ids_in` found."""
    if event.kind == GRANTED:
        yield from _granted(event, known.coupons)
    elif event.kind.startswith("coupon."):
        yield from _coupon(event, known.coupons)
    elif event.kind == PAUSED:
        yield from _paused(event, known.groups)
    else:
        yield from _TELLERS[event.kind](event)


def coupon_ids_in(events: Sequence[NumberedEvent]) -> set[UUID]:
    """The coupons whose names are told."""
    return {UUID(event.facts["coupon_id"]) for event in events if event.kind.startswith("coupon.")}


def group_ids_in(events: Sequence[NumberedEvent]) -> set[UUID]:
    """The groups whose troubles are told."""
    return {UUID(event.facts["group_id"]) for event in events if event.kind == PAUSED}


def _joined(event: NumberedEvent) -> Iterator[News]:
    member_id, inviter_id = event.facts["member_id"], event.facts["inviter_id"]
    facts = {"change": "joined", "member_id": member_id, "inviter_id": inviter_id}
    yield News(Notice("member", f"joined:{member_id}", facts, event.happened_at), to_groups=True, about=UUID(member_id))
    if inviter_id is not None:
        yield _to_inviter(event, "joined")


def _bound(event: NumberedEvent) -> Iterator[News]:
    if event.facts["inviter_id"] is not None:
        yield _to_inviter(event, "bound")


def _to_inviter(event: NumberedEvent, change: str) -> News:
    member_id, inviter_id = event.facts["member_id"], event.facts["inviter_id"]
    facts = {"change": change, "member_id": member_id, "inviter_id": inviter_id}
    return News(Notice("member", str(event.id), facts, event.happened_at, member_ids=[UUID(inviter_id)]))


def _enrolled(event: NumberedEvent) -> Iterator[News]:
    member_id = UUID(event.facts["member_id"])
    facts = {"change": "enrolled", "member_id": str(member_id)}
    notice = Notice("member", str(event.id), facts, event.happened_at, member_ids=[member_id])
    yield News(notice, to_groups=True, about=member_id)


def _paid_order(event: NumberedEvent) -> Iterator[News]:
    given = event.facts
    facts = {
        "order_id": given["order_id"], "member_id": given["member_id"], "customer_id": given["customer_id"],
        "amount": given["total"], "currency": given["currency"], "first": "yes" if given["is_first"] else "",
    }  # fmt: skip
    seller, who = given["member_id"], given["member_id"] or given["customer_id"]
    notice = Notice("order", str(event.id), facts, event.happened_at, member_ids=[UUID(seller)] if seller else [])
    yield News(notice, to_groups=True, about=UUID(who) if who else _NOBODY, group_key=given["group_id"])


def _accrued(event: NumberedEvent) -> Iterator[News]:
    """Each earner hears his own; groups hear of the seller's."""
    for one in event.facts["commissions"]:
        facts = {
            "order_id": event.facts["order_id"], "member_id": one["member_id"], "amount": one["amount"],
            "level": one["level"],
        }  # fmt: skip
        yield _commission("commission", event, one, facts, to_groups=one["level"] == 1)


def _reversed(event: NumberedEvent) -> Iterator[News]:
    for place, one in enumerate(event.facts["commissions"]):
        facts = {
            "order_id": event.facts["order_id"], "member_id": one["member_id"], "amount": one["amount"],
            "cause": event.facts["cause"],
        }  # fmt: skip
        yield _commission("reversed", event, one, facts, to_groups=place == 0)


def _commission(
    topic: str, event: NumberedEvent, one: Mapping[str, Any], facts: dict[str, Any], *, to_groups: bool
) -> News:  # fmt: skip
    member_id = UUID(one["member_id"])
    key = f"{event.id}:{one['commission_id']}"
    notice = Notice(topic, key, facts, event.happened_at, member_ids=[member_id])
    return News(notice, to_groups=to_groups, about=member_id, group_key=event.facts.get("group_id"))


def _matured(event: NumberedEvent) -> Iterator[News]:
    """Each member hears his own; groups hear the sum of all, or of their owner's team."""
    parts = tuple(Part(UUID(one["member_id"]), one["amount"], one["count"]) for one in event.facts["members"])
    for part in parts:
        facts = {"member_id": str(part.member_id), "amount": part.amount, "count": part.commissions}
        key = f"{event.id}:{part.member_id}"
        yield News(Notice("matured", key, facts, event.happened_at, member_ids=[part.member_id]))
    yield News(Notice("matured", str(event.id), {}, event.happened_at), to_groups=True, parts=parts)


def summed(notice: Notice, parts: Sequence[Part], owner_id: UUID | None = None) -> Notice:
    """A notice of what these parts come to, to a team's groups under a key of their own."""
    facts = {
        "amount": sum(part.amount for part in parts), "count": sum(part.commissions for part in parts),
        "members": len(parts),
    }  # fmt: skip
    key = notice.key if owner_id is None else f"{notice.key}:{owner_id}"
    return notice._replace(facts=notice.facts | facts, key=key)


def _payout(event: NumberedEvent) -> Iterator[News]:
    """That a payout went wrong is for the member alone."""
    given, change = event.facts, event.kind.partition(".")[2]
    member_id = UUID(given["member_id"])
    facts = {
        "change": change, "payout_id": given["payout_id"], "member_id": given["member_id"], "amount": given["amount"],
        "net": given["net"], "currency": given["currency"],
    }  # fmt: skip
    notice = Notice("payout", str(event.id), facts, event.happened_at, member_ids=[member_id])
    yield News(notice, to_groups=change == "paid", about=member_id)


def _milestone(event: NumberedEvent) -> Iterator[News]:
    member_id, milestone, value = (event.facts[name] for name in ("member_id", "milestone", "value"))
    of_sales = milestone.startswith("sales_")
    facts = {
        "change": "sales" if of_sales else "orders",
        "member_id": member_id,
        "amount" if of_sales else "count": value,
    }
    notice = Notice("milestone", str(event.id), facts, event.happened_at, member_ids=[UUID(member_id)])
    yield News(notice, to_groups=True, about=UUID(member_id))


def _paused(event: NumberedEvent, found: Mapping[UUID, Group]) -> Iterator[News]:
    """A group that its platform refuses is told to the operators' groups and to its owner; staff know what they do."""
    group = found.get(UUID(event.facts["group_id"]))
    if group is None or event.facts["reason"] != "refusals":
        return
    facts = {"change": "paused", "group": group.name, "group_id": event.facts["group_id"]}
    owners = [group.owner_member_id] if group.owner_member_id is not None else []
    yield News(Notice("operations", str(event.id), facts, event.happened_at, member_ids=owners), to_groups=True)


def _coupon(event: NumberedEvent, coupons: Mapping[UUID, str]) -> Iterator[News]:
    name = coupons.get(UUID(event.facts["coupon_id"]))
    if name is not None:
        facts = {
            "change": _COUPON_CHANGES[event.kind], "coupon_id": event.facts["coupon_id"], "coupon": name,
            "left": event.facts.get("left"),
        }  # fmt: skip
        yield News(Notice("coupon", str(event.id), facts, event.happened_at), to_groups=True)


def _granted(event: NumberedEvent, coupons: Mapping[UUID, str]) -> Iterator[News]:
    """A coupon of theirs is told to the members who were given it, and to no group."""
    name = coupons.get(UUID(event.facts["coupon_id"]))
    if name is not None:
        facts = {"change": "granted", "coupon_id": event.facts["coupon_id"], "coupon": name}
        members = [UUID(one) for one in event.facts["members"]]
        yield News(Notice("coupon", str(event.id), facts, event.happened_at, member_ids=members))


_NOBODY = UUID(int=0)
"""In nobody's team: an order that nobody sold and nobody is known to have bought."""

PAUSED = "group.paused"
GRANTED = "coupon.granted"
_COUPON_CHANGES = {"coupon.created": "new", "coupon.low": "low", "coupon.exhausted": "sold_out"}
_TELLERS: dict[str, Callable[[NumberedEvent], Iterator[News]]] = {
    "member.created": _joined,
    "member.bound": _bound,
    "member.enrolled": _enrolled,
    "order.attributed": _paid_order,
    "commission.accrued": _accrued,
    "commission.reversed": _reversed,
    "commission.matured": _matured,
    "payout.paid": _payout,
    "payout.failed": _payout,
    "payout.returned": _payout,
    "milestone.reached": _milestone,
}
KINDS = (*_TELLERS, *_COUPON_CHANGES, GRANTED, PAUSED)
