"""How packets end: opened, finished and expired by time; the rest returns once, whatever meets at the end."""

from contextlib import suppress
from datetime import timedelta
from functools import partial
from threading import Event
from uuid import UUID

import pytest
from flask import Flask

from community.red_packets import closing
from community.red_packets.claims import claim
from community.red_packets.closing import any_to_advance
from community.red_packets.errors import Expired
from core.clock import frozen_at, now
from core.db import transaction
from core.ids import public_id
from core.jobs.outbox import publish
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import TestProgram
from tests.community.red_packets.giving import (
    Giving,
    accounts,
    advance,
    assert_sound,
    audit,
    id_of,
    ledger_count,
    said_to,
    seed_group,
    set_expiry,
    shares_of,
    told,
    until_somebody_waits,
)
from tests.factories import member_ref
from tests.jobs import deliver_now, lease_jobs, run_jobs
from tests.threads import together

DAY = timedelta(hours=25)


class _KilledError(Exception):
    """The process dies before it commits."""


def work_is_due(program: TestProgram) -> bool:
    with transaction(program.id, read_only=True):
        return any_to_advance(program.id)


def test_what_nobody_claimed_returns_once_to_where_it_came_from(giving: Giving) -> None:
    packet = giving.packet(split="equal")
    giving.claim(packet, giving.members[0])
    with frozen_at(now() + DAY):
        late = giving.claim(packet, giving.members[1])
        assert (late.status_code, late.json["code"]) == (409, "expired")
        assert work_is_due(giving.program)
        for _ in range(3):
            advance(giving.program)
        assert giving.claim(packet, giving.members[1]).json["code"] == "expired"
        shown = giving.shown(packet)
    assert (shown["status"], shown["returned"], shown["ended_at"] is not None) == ("expired", 666, True)
    assert (shown["left"]["count"], shown["taken"]) == (0, {"count": 1, "amount": 334})
    assert accounts(giving.program) == (0, -334, 0)
    assert ledger_count(giving.program, "red_packet.returned") == 1
    assert not work_is_due(giving.program)
    assert_sound(giving.program)


def test_a_draft_that_nobody_approved_ends_without_moving_money(giving: Giving) -> None:
    made = giving.draft()
    with frozen_at(now() + DAY):
        advance(giving.program)
        assert giving.shown(made)["status"] == "expired"
    assert ledger_count(giving.program, "red_packet.returned") == 0
    assert told(giving.program) == []
    assert audit(giving.program)["ok"]


def test_a_packet_is_finished_with_its_last_claim_and_that_is_told_once(giving: Giving) -> None:
    packet = giving.packet()
    amounts = {}
    for seconds, member in enumerate(giving.members):
        with frozen_at(now() + timedelta(seconds=10 * seconds)):
            amounts[member] = giving.claim(packet, member).json["amount"]
    assert work_is_due(giving.program)
    for _ in range(2):
        advance(giving.program)
    opened, finished = told(giving.program)
    assert (opened.kind, finished.kind) == ("red_packet.opened", "red_packet.finished")
    best = max(amounts, key=lambda member: amounts[member])
    assert finished.facts["best_amount"] == amounts[best]
    assert amounts[UUID(finished.facts["best_member_id"])] == amounts[best]
    assert 20 <= finished.facts["seconds"] < 30
    assert not work_is_due(giving.program)
    with frozen_at(now() + DAY):
        advance(giving.program)
    assert giving.shown(packet)["status"] == "finished"
    assert len(told(giving.program)) == 2


def test_of_equal_luck_the_first_to_claim_has_the_best(giving: Giving) -> None:
    packet = giving.packet(total=3)  # one unit each
    for seconds, member in zip((5, 0, 9), giving.members, strict=True):
        with frozen_at(now() + timedelta(seconds=seconds)):
            giving.claim(packet, member)
    advance(giving.program)
    assert giving.shown(packet)["best_luck"]["place"] == 2


def test_where_all_get_alike_nobody_has_the_best_luck(giving: Giving) -> None:
    packet = giving.packet(split="equal")
    for member in giving.members:
        giving.claim(packet, member)
    advance(giving.program)
    shown = giving.shown(packet)
    assert (shown["status"], shown["best_luck"]) == ("finished", None)
    assert [one["best_luck"] for one in shown["claims"]] == [None] * 3
    assert told(giving.program)[-1].facts["best_member_id"] is None


def test_a_packet_that_is_due_is_opened_and_told_once(giving: Giving) -> None:
    opening = now() + timedelta(hours=2)
    packet = giving.packet(opens_at=opening.isoformat())
    assert not work_is_due(giving.program)
    with frozen_at(opening):
        assert work_is_due(giving.program)
        for _ in range(2):
            advance(giving.program)
    assert [one.kind for one in told(giving.program)] == ["red_packet.opened"]
    assert giving.program.client.get("/v1/red-packets?status=open").json["data"][0]["id"] == packet["id"]


def test_a_packet_all_of_which_is_taken_before_it_was_told_open_is_finished(giving: Giving) -> None:
    opening = now() + timedelta(hours=2)
    packet = giving.packet(opens_at=opening.isoformat(), count=1)
    with frozen_at(opening):
        assert giving.claim(packet, giving.members[0]).status_code == 201
        advance(giving.program)
    assert [one.kind for one in told(giving.program)] == ["red_packet.opened", "red_packet.finished"]
    assert giving.shown(packet)["status"] == "finished"


def test_the_job_comes_round_where_it_has_work_and_only_there(giving: Giving) -> None:
    packet = giving.packet(count=1)

    def sweep() -> list[str]:
        publish_where_due(giving.program.id, [SCHEDULES["red_packets.advance"]])
        return [name for name in run_jobs(giving.program.id) if name.startswith("red_packets.")]

    assert sweep() == []
    giving.claim(packet, giving.members[0])
    assert sweep() == ["red_packets.advance"]
    assert giving.shown(packet)["status"] == "finished"
    assert sweep() == []


def test_the_job_delivered_twice_at_once_returns_once(app: Flask, giving: Giving) -> None:
    packets = [giving.packet() for _ in range(5)]
    for packet in packets:
        set_expiry(giving.program, packet, now() - timedelta(seconds=1))
    together(app, *[partial(advance, giving.program)] * 4)
    assert accounts(giving.program) == (0, 0, 0)
    assert ledger_count(giving.program, "red_packet.returned") == 5
    assert_sound(giving.program)


def test_the_job_that_was_done_and_is_delivered_again_has_no_effect(giving: Giving) -> None:
    packet = giving.packet()
    set_expiry(giving.program, packet, now() - timedelta(seconds=1))
    with transaction(giving.program.id):
        publish(giving.program.id, "red_packets.advance", {})
    (delivery,) = [one for one in lease_jobs(giving.program.id, "money") if one.job == "red_packets.advance"]
    deliver_now(delivery)
    deliver_now(delivery)
    assert ledger_count(giving.program, "red_packet.returned") == 1
    assert accounts(giving.program) == (0, 0, 0)


def test_an_expiry_that_crashes_in_the_middle_returns_nothing_and_the_next_one_all(giving: Giving) -> None:
    packet = giving.packet()
    set_expiry(giving.program, packet, now() - timedelta(seconds=1))

    current = giving.program.now()
    with suppress(_KilledError), transaction(giving.program.id):
        assert closing.advance(current) is False
        raise _KilledError
    assert shares_of(giving.program, packet)[:3] == (3, 0, 0)
    assert accounts(giving.program).pool == 1000
    advance(giving.program)
    assert shares_of(giving.program, packet)[:3] == (0, 0, 3)
    assert accounts(giving.program) == (0, 0, 0)


def test_the_last_claim_and_the_expiry_that_meet_share_the_sum(app: Flask, giving: Giving) -> None:
    """The claim holds its share when the job comes: the job waits, and returns what is left."""
    packet = giving.packet(split="equal")
    current, member = giving.program.now(), giving.members[0]
    held, waits = Event(), Event()

    def claims() -> str:
        with transaction(giving.program.id):
            claim(current, id_of(packet), member)
            held.set()
            assert waits.wait(10)
        return "claimed"

    def expires() -> str:
        assert held.wait(10)
        set_expiry(giving.program, packet, now() - timedelta(seconds=1))
        advance(giving.program)
        return "expired"

    def lets_go() -> str:
        assert held.wait(10)
        until_somebody_waits()
        waits.set()
        return "let go"

    assert together(app, claims, expires, lets_go) == ["claimed", "expired", "let go"]
    assert shares_of(giving.program, packet) == (0, 1, 2, 334)
    assert accounts(giving.program) == (0, -334, 0)
    assert giving.available(member) == 334
    assert_sound(giving.program)


@pytest.mark.parametrize("turn", range(3))
def test_claims_and_expiry_in_any_order_give_out_the_sum_exactly(app: Flask, program: TestProgram, turn: int) -> None:
    giving = Giving(program, 40)
    packet = giving.packet(count=40, total=4000)
    current = program.now()

    def claims(member: UUID) -> int:
        with suppress(Expired), transaction(program.id):
            return claim(current, id_of(packet), member).claim.amount
        return 0

    def many(members: list[UUID]) -> int:
        return sum(claims(member) for member in members)

    def expires() -> int:
        set_expiry(program, packet, now())
        advance(program)
        return 0

    jobs = [partial(many, giving.members[n * 10 : (n + 1) * 10]) for n in range(4)]
    got = sum(together(app, *jobs, expires))
    run_jobs(program.id)
    found = shares_of(program, packet)
    assert found.claimed_amount == got
    assert found.free == 0
    assert accounts(program) == (0, -got, 0)
    assert_sound(program)


def test_more_packets_than_one_turn_takes_are_all_closed(giving: Giving) -> None:
    packets = [giving.draft(currency="PTS") for _ in range(closing.MOST + 5)]
    with frozen_at(now() + DAY):
        advance(giving.program)
        run_jobs(giving.program.id)
        assert not work_is_due(giving.program)
        assert {giving.shown(packet)["status"] for packet in (packets[0], packets[-1])} == {"expired"}


def test_the_group_is_told_of_opening_luck_and_end_once_each(giving: Giving) -> None:
    first, second = giving.packet(greeting="Spring *luck*"), giving.packet(total=600)
    giving.program.client.patch(f"/v1/members/{member_ref(giving.members[0])}", json={"name": "Li Hua"})
    amounts = [giving.claim(first, member).json["amount"] for member in giving.members]
    giving.claim(second, giving.members[0])
    for _ in range(2):
        advance(giving.program)
    opened, other, finished = said_to(giving.program, giving.group)
    assert opened == "A red packet “Spring ∗luck∗” of £10.00 for 3 people."
    assert other == "A red packet of £6.00 for 3 people."
    assert finished.startswith("The red packet “Spring ∗luck∗” is empty; luckiest: ")
    assert f"£{max(amounts) // 100}.{max(amounts) % 100:02}" in finished
    with frozen_at(now() + DAY):
        advance(giving.program)
    assert len(said_to(giving.program, giving.group)) == 3  # an expiry is told to groups that hear the topic


def test_a_group_that_hears_of_red_packets_is_told_what_was_left(program: TestProgram) -> None:
    giving = Giving(program)
    group = seed_group(program, giving.members, topics=["red_packet"])
    giving.packet(group_id=public_id("grp", group), currency="PTS")
    with frozen_at(now() + DAY):
        advance(program)
    assert said_to(program, group) == [
        "A red packet of 1000 points for 3 people.", "The red packet has ended; 3 were not claimed."
    ]  # fmt: skip
