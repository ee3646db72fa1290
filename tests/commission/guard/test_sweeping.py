"""Signals that only flag are found by the sweep, from real rows; and who may see them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import frozen_at, now
from core.db import execute, scalar, transaction
from core.ids import new_id, parse_public_id
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from coupons.clicks.models import VisitorMemberRow
from tests.clients import make_program
from tests.commission.orders.conftest import Shop, order_body
from tests.jobs import run_jobs


def sweep(shop: Shop, minutes: int = 4) -> None:
    """What the schedules do some minutes from now, when no transaction of now can be open any more."""
    with frozen_at(now() + timedelta(minutes=minutes)):
        publish_where_due(shop.program.id, [SCHEDULES["guard.sweep"], SCHEDULES["guard.clicks"]])
        run_jobs(shop.program.id)


def signals(shop: Shop, **narrowed: str) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in narrowed.items())
    found: Any = shop.program.staff("viewer").get(f"/v1/guard-signals?{query}").json
    return found["data"]  # type: ignore[no-any-return]


def member_id(shop: Shop, external_id: str) -> UUID:
    shown: Any = shop.client.get(f"/v1/members/ext:{external_id}").json
    found = parse_public_id("mem", shown["id"])
    assert found is not None
    return found


class Visitor(NamedTuple):
    """A row of visitor_members."""

    visitor_key: bytes
    member_id: UUID
    source: str
    joined_at: Any


def join(shop: Shop, visitor: bytes, *external_ids: str) -> None:
    rows = [Visitor(visitor, member_id(shop, one), "order", now()) for one in external_ids]
    with transaction(shop.program.id):
        insert_rows(VisitorMemberRow, rows, program_id=shop.program.id)


def test_an_ordinary_order_leaves_no_trace(shop: Shop) -> None:
    shop.order()
    sweep(shop)
    assert signals(shop) == []


def test_a_shared_phone_is_self_referral(shop: Shop) -> None:
    for name in "bc":
        shop.client.patch(f"/v1/members/ext:{name}", {"phone": "+447700900123"})
    order = shop.order()
    sweep(shop)
    (found,) = signals(shop)
    assert (found["signal"], found["policy"], found["status"]) == ("self_referral", "flag", "noted")
    assert (found["order_id"], found["evidence"]) == (order["id"], {"shared": ["phone"]})
    assert shop.pending("b", "a") == [110, 55]  # a flag holds nothing


def test_a_shared_device_is_self_referral(shop: Shop) -> None:
    join(shop, b"device-1", "b", "c")
    shop.order()
    sweep(shop)
    assert [one["evidence"] for one in signals(shop)] == [{"shared": ["device"]}]


def test_many_members_on_one_device(shop: Shop) -> None:
    for name in "xyz":
        shop.member(name)
    join(shop, b"device-1", "c", "x", "y", "z")
    shop.order()
    sweep(shop)
    assert [(one["signal"], one["evidence"]["device_members"]) for one in signals(shop)] == [("shared_device", 4)]


def test_many_refunds_and_many_orders(shop: Shop) -> None:
    shop.settings(guard={"refund_ratio_orders": 3, "velocity_orders": 2})
    for number in range(3):
        shop.order(f"o{number}")
        shop.cancel(f"o{number}")
    sweep(shop)
    assert sorted(one["signal"] for one in signals(shop)) == ["refund_ratio", "velocity"]


def test_sweeping_again_finds_nothing_new(shop: Shop) -> None:
    join(shop, b"device-1", "b", "c")
    shop.order()
    sweep(shop)
    sweep(shop)
    assert len(signals(shop)) == 1


def test_an_order_that_came_in_between_two_sweeps_is_seen(shop: Shop) -> None:
    join(shop, b"device-1", "b", "c")
    sweep(shop, minutes=0)
    shop.order()
    sweep(shop)
    assert len(signals(shop)) == 1


def test_more_orders_than_a_chunk_are_all_seen(shop: Shop) -> None:
    join(shop, b"device-1", "b", "c")
    shop.settings(guard={"velocity": "allow", "refund_ratio": "allow"})
    for start in (0, 400):
        shop.batch([order_body(f"o{number}") for number in range(start, start + 400)])
    sweep(shop)
    with transaction(shop.program.id, read_only=True):
        found = scalar("SELECT count(*) FROM guard_signals WHERE program_id = %(p)s", p=shop.program.id)
    assert found == 800


def test_busy_addresses_are_noted(shop: Shop) -> None:
    shop.settings(guard={"click_velocity_clicks": 10})
    at = now().replace(microsecond=0)
    with transaction(shop.program.id):
        execute(
            """INSERT INTO clicks (program_id, id, clicked_at, link_id, member_id, visitor_key, address_hash,
                                   agent_hash, via, kind, is_unique, sub_ids)
               SELECT %(p)s, id, %(at)s, %(link)s, %(link)s, decode(lpad(n::text, 16, '0'), 'hex'),
                      '\\x0102030405060708', '', 'redirect', 'counted', false, '{}'
               FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS t (id, n)""",
            p=shop.program.id, at=at, link=new_id(), ids=[new_id() for _ in range(11)],
        )  # fmt: skip
    sweep(shop)
    (found,) = signals(shop, signal="click_velocity")
    assert found["evidence"] == {"from": "address", "clicks_an_hour": 11}
    assert at + timedelta(hours=1) > now()


def share(shop: Shop, address: bytes, visitors: Sequence[tuple[bytes, UUID]]) -> None:
    """Each visitor, who is that member, has clicked from the address just now."""
    with transaction(shop.program.id):
        execute(
            """WITH given AS (
                 SELECT * FROM unnest(%(ids)s::uuid[], %(keys)s::bytea[], %(members)s::uuid[])
                   AS t (id, visitor, member)),
               joined AS (
                 INSERT INTO visitor_members (program_id, visitor_key, member_id, source, joined_at)
                 SELECT %(p)s, visitor, member, 'order', %(at)s FROM given)
               INSERT INTO clicks (program_id, id, clicked_at, link_id, member_id, visitor_key, address_hash,
                                   agent_hash, via, kind, is_unique, sub_ids)
               SELECT %(p)s, id, %(at)s, id, id, visitor, %(address)s, '', 'redirect', 'counted', false, '{}'
               FROM given""",
            p=shop.program.id, at=now() - timedelta(minutes=1), address=address, ids=[new_id() for _ in visitors],
            keys=[key for key, _ in visitors], members=[member for _, member in visitors],
        )  # fmt: skip


def test_members_at_one_address_are_counted(shop: Shop) -> None:
    share(
        shop, b"1" * 8, [(bytes([number]) * 8, new_id()) for number in range(19)] + [(b"c" * 8, member_id(shop, "c"))]
    )
    shop.order(paid_at=now().isoformat().replace("+00:00", "Z"))
    sweep(shop)
    (found,) = signals(shop, signal="shared_device")
    assert found["evidence"] == {"device_members": 1, "address_members": 20}


def test_a_town_behind_one_address_is_not_counted_to_its_end(shop: Shop) -> None:
    town = [(number.to_bytes(8, "big"), new_id()) for number in range(1000)]
    share(shop, b"2" * 8, [*town, (b"c" * 8, member_id(shop, "c"))])
    shop.order(paid_at=now().isoformat().replace("+00:00", "Z"))
    sweep(shop)
    (found,) = signals(shop, signal="shared_device")
    assert found["evidence"] == {"device_members": 1, "address_members": 200}


def test_one_visitor_in_all_orders_of_a_shop_is_not_counted_to_its_end(shop: Shop) -> None:
    share(shop, b"", [(b"everyone", new_id()) for _ in range(300)] + [(b"everyone", member_id(shop, "c"))])
    shop.order()
    sweep(shop)
    (found,) = signals(shop, signal="shared_device")
    assert found["evidence"] == {"device_members": 100, "address_members": 0}


def test_who_may_read(shop: Shop) -> None:
    assert shop.program.anonymous.get("/v1/guard-signals").status_code == 401
    assert shop.client.get("/v1/guard-signals").status_code == 403
    join(shop, b"device-1", "b", "c")
    shop.order()
    sweep(shop)
    (found,) = signals(shop)
    assert shop.program.staff("viewer").get(f"/v1/guard-signals/{found['id']}").status_code == 200
    stranger = make_program(shop.program.app).staff("owner")
    assert stranger.get(f"/v1/guard-signals/{found['id']}").status_code == 404
    assert stranger.get("/v1/guard-signals").json == {"data": [], "next_cursor": None}
