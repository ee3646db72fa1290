"""Shares as members take them: one each, paid in the same moment, by those who may, whatever happens meanwhile."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask

from community.red_packets import gathered_claims
from community.red_packets.claims import Claimed, claim
from community.red_packets.errors import Finished, NoSuchMember
from community.red_packets.gathered_claims import claim_for
from core.clock import frozen_at, now
from core.db import Collision, execute, transaction
from core.errors import DomainError
from core.ids import ExternalRef, Ref
from tests.clients import TestProgram
from tests.community.red_packets.giving import (
    Giving,
    accounts,
    advance,
    assert_sound,
    id_of,
    ledger_count,
    let_in,
    let_out,
    shares_of,
    until_somebody_waits,
)
from tests.coupons.vouchers.offering import pointers
from tests.factories import member_ref, seed_members, set_member
from tests.jobs import run_jobs
from tests.threads import together

CLIENTS = 64


class _GivesUpError(Exception):
    """Whoever took a share rolls back."""


def test_a_claim_pays_at_once_and_once(giving: Giving) -> None:
    packet, (first, second, third) = giving.packet(), giving.members
    answer = giving.claim(packet, first)
    assert answer.status_code == 201
    amount = answer.json["amount"]
    assert (answer.json["place"], answer.json["currency"], answer.json["best_luck"]) == (1, "GBP", None)
    assert giving.available(first) == amount
    again = giving.claim(packet, first)
    assert (again.status_code, again.json) == (200, answer.json)
    assert (giving.available(first), giving.available(second)) == (amount, 0)
    others = [giving.claim(packet, member).json["amount"] for member in (second, third)]
    assert amount + sum(others) == 1000
    assert accounts(giving.program) == (0, -1000, 0)
    assert ledger_count(giving.program, "red_packet.claimed") == 3
    assert_sound(giving.program)


def test_who_is_too_late_gets_nothing_but_who_has_a_share_still_sees_it(giving: Giving) -> None:
    packet = giving.packet(count=2)
    had = giving.claim(packet, giving.members[0]).json
    assert giving.claim(packet, giving.members[1]).status_code == 201
    late = giving.claim(packet, giving.members[2])
    assert (late.status_code, late.json["code"]) == (409, "finished")
    run_jobs(giving.program.id, queues=("money",))
    assert giving.claim(packet, giving.members[2]).json["code"] == "finished"
    again = giving.claim(packet, giving.members[0])
    assert (again.status_code, again.json["amount"]) == (200, had["amount"])
    with frozen_at(now() + timedelta(hours=25)):
        assert giving.claim(packet, giving.members[0]).status_code == 200


def test_who_left_the_group_or_never_was_in_it_cannot_claim(giving: Giving) -> None:
    packet = giving.packet()
    (stranger,) = seed_members(giving.program, 1, prefix="stranger")
    refused = giving.claim(packet, stranger)
    assert (refused.status_code, refused.json["code"]) == (409, "not_in_group")
    let_out(giving.program, giving.group, giving.members[0])
    assert giving.claim(packet, giving.members[0]).json["code"] == "not_in_group"
    let_in(giving.program, giving.group, [stranger])
    assert giving.claim(packet, stranger).status_code == 201
    let_out(giving.program, giving.group, stranger)
    assert giving.claim(packet, stranger).status_code == 200  # what he has is his


def test_a_suspended_member_claims_nothing(giving: Giving) -> None:
    packet, member = giving.packet(), giving.members[0]
    set_member(giving.program, member, status="suspended")
    refused = giving.claim(packet, member)
    assert (refused.status_code, refused.json["code"]) == (409, "suspended")
    mine = giving.program.member(member_ref(member)).post("/v1/me/red-packet-claims", {"red_packet_id": packet["id"]})
    assert mine.json["code"] == "suspended"
    assert giving.available(member) == 0


def test_a_member_who_is_not_there_is_named(giving: Giving) -> None:
    path = f"/v1/red-packets/{giving.packet()['id']}/claims"
    unknown = giving.program.client.post(path, {"member_external_id": "nobody"})
    assert pointers(unknown) == ["/member_external_id"]
    assert unknown.json["code"] == "member_not_found"
    assert pointers(giving.program.client.post(path, {"member_id": "mem_" + "0" * 26})) == ["/member_id"]
    assert pointers(giving.program.client.post(path, {})) == ["/member_id"]
    both = {"member_id": member_ref(giving.members[0]), "member_external_id": "m-0"}
    assert pointers(giving.program.client.post(path, both)) == ["/member_external_id"]
    assert giving.program.client.post(path, {"member_external_id": "m-0"}).status_code == 201
    assert giving.program.client.post(path, {"member_external_id": "nobody"}).status_code == 422


def test_a_member_claims_for_himself_and_for_nobody_else(giving: Giving) -> None:
    packet, (me, other, _) = giving.packet(), giving.members
    mine = giving.program.member(member_ref(me))
    assert giving.claim(packet, other, mine).status_code == 403
    answer = mine.post("/v1/me/red-packet-claims", {"red_packet_id": packet["id"]})
    assert answer.status_code == 201
    again = mine.post("/v1/me/red-packet-claims", {"red_packet_id": packet["id"]})
    assert (again.status_code, again.json) == (200, answer.json)
    named = mine.post("/v1/me/red-packet-claims", {"red_packet_id": packet["id"], "member_id": member_ref(other)})
    assert pointers(named) == ["/member_id"]
    assert (giving.available(me), giving.available(other)) == (answer.json["amount"], 0)


def test_claims_are_shown_with_masked_names_and_the_best_luck(giving: Giving) -> None:
    packet = giving.packet()
    giving.program.client.patch(f"/v1/members/{member_ref(giving.members[0])}", json={"name": "Li Hua"})
    amounts = [giving.claim(packet, member).json["amount"] for member in giving.members]
    assert giving.shown(packet)["best_luck"] is None
    advance(giving.program)
    shown = giving.shown(packet)
    assert shown["status"] == "finished"
    assert (shown["taken"], shown["left"]) == ({"count": 3, "amount": 1000}, {"count": 0, "amount": 0})
    assert [one["amount"] for one in shown["claims"]] == amounts
    assert [one["name"] for one in shown["claims"]] == ["L**", None, None]
    best = shown["best_luck"]
    assert best["amount"] == max(amounts)
    assert [one["best_luck"] for one in shown["claims"]] == [one["place"] == best["place"] for one in shown["claims"]]
    page = giving.program.client.get(f"/v1/red-packets/{packet['id']}/claims?limit=2").json
    rest = giving.program.client.get(f"/v1/red-packets/{packet['id']}/claims?limit=2&cursor={page['next_cursor']}").json
    assert [*page["data"], *rest["data"]] == shown["claims"]
    winner = giving.members[best["place"] - 1]
    assert giving.claim(packet, winner).json["best_luck"] is True


def test_a_member_sees_what_he_claimed_latest_first(giving: Giving) -> None:
    me = giving.program.member(member_ref(giving.members[0]))
    packets = [giving.packet(greeting=f"no {number}") for number in range(3)]
    for packet in packets:
        assert me.post("/v1/me/red-packet-claims", {"red_packet_id": packet["id"]}).status_code == 201
    page = me.get("/v1/me/red-packet-claims?limit=2").json
    rest = me.get(f"/v1/me/red-packet-claims?limit=2&cursor={page['next_cursor']}").json
    shown = [*page["data"], *rest["data"]]
    assert [one["red_packet_id"] for one in shown] == [packet["id"] for packet in reversed(packets)]
    assert shown[0]["greeting"] == "no 2"
    other = giving.program.member(member_ref(giving.members[1]))
    assert other.get("/v1/me/red-packet-claims").json["data"] == []


def outcome_of(program: TestProgram, packet: UUID, member: UUID) -> Claimed | str:
    """A claim as the endpoint makes it: together with others, by itself after a collision."""
    current = program.now()
    try:
        try:
            return claim_for(current, packet, member)
        except Collision:
            return alone(program, packet, member)
    except DomainError as refused:
        return refused.code


def alone(program: TestProgram, packet: UUID, member: UUID) -> Claimed:
    current = program.now()
    while True:
        try:
            with transaction(program.id):
                return claim(current, packet, member)
        except (Collision, psycopg.errors.DeadlockDetected):
            continue


def claiming(program: TestProgram, packet: UUID, members: list[UUID]) -> list[tuple[UUID, Claimed | str]]:
    return [(member, outcome_of(program, packet, member)) for member in members]


def assert_each_its_own(outcomes: list[tuple[UUID, Claimed | str]]) -> list[Claimed]:
    claimed = [(member, one) for member, one in outcomes if isinstance(one, Claimed)]
    assert all(one.claim.member_id == member for member, one in claimed)
    places = [one.claim.place for _, one in claimed if one.is_new]
    assert len(places) == len(set(places))
    return [one for _, one in claimed]


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_64_threads_take_all_of_a_packet_and_each_its_own(wide_app: Flask, program: TestProgram, count: int) -> None:
    each = count // CLIENTS + 2
    giving = Giving(program, CLIENTS * each)
    packet = giving.packet(count=count, total=count * 50)
    jobs = [
        partial(claiming, program, id_of(packet), giving.members[n * each : (n + 1) * each]) for n in range(CLIENTS)
    ]
    outcomes = [one for found in together(wide_app, *jobs) for one in found]
    assert Counter(one for _, one in outcomes if isinstance(one, str)) == {"finished": CLIENTS * each - count}
    claimed = assert_each_its_own(outcomes)
    assert sum(one.claim.amount for one in claimed) == count * 50
    assert shares_of(program, packet) == (0, count, 0, count * 50)
    assert accounts(program) == (0, -count * 50, 0)
    assert_sound(program)


def test_one_member_in_many_threads_gets_one_share(app: Flask, giving: Giving) -> None:
    packet = giving.packet(count=3)
    outcomes = together(app, *[partial(outcome_of, giving.program, id_of(packet), giving.members[0])] * 8)
    assert len({one.claim.place for one in outcomes if isinstance(one, Claimed)}) == 1
    assert sum(one.is_new for one in outcomes if isinstance(one, Claimed)) == 1
    assert shares_of(giving.program, packet)[:2] == (2, 1)


def test_a_set_is_served_in_its_order_and_who_stands_twice_has_claimed_by_the_first(giving: Giving) -> None:
    packet, (first, second, third) = id_of(giving.packet(count=2)), giving.members
    current = giving.program.now()
    asked: list[Ref] = [second, ExternalRef("nobody"), second, ExternalRef("m-0"), third]
    asks = [gathered_claims._Ask(current, ref) for ref in asked]
    outcomes = gathered_claims._claim_together((giving.program.id, packet), asks)
    claimed = [(one.claim.member_id, one.claim.place, one.is_new) for one in outcomes if isinstance(one, Claimed)]
    assert claimed == [(second, 1, True), (second, 1, False), (first, 2, True)]
    assert [type(one) for one in outcomes if not isinstance(one, Claimed)] == [NoSuchMember, Finished]


def test_one_member_in_transactions_of_their_own_gets_one_share(app: Flask, giving: Giving) -> None:
    """As in as many processes, where nobody gathers."""
    packet = giving.packet(count=3)
    outcomes = together(app, *[partial(alone, giving.program, id_of(packet), giving.members[0])] * 8)
    assert len({one.claim.place for one in outcomes}) == 1
    assert [one.is_new for one in outcomes].count(True) == 1
    assert shares_of(giving.program, packet)[:2] == (2, 1)
    assert giving.available(giving.members[0]) == outcomes[0].claim.amount


def test_a_share_whose_taker_rolls_back_is_taken_by_who_waits_for_it(app: Flask, giving: Giving) -> None:
    """`finished` is not said while the last share may still come back from a transaction under way."""
    packet, (first, second, _) = id_of(giving.packet(count=1)), giving.members
    program, current = giving.program, giving.program.now()
    held, waits = Event(), Event()

    def gives_up() -> str:
        with suppress(_GivesUpError), transaction(program.id):
            claim(current, packet, first)
            held.set()
            assert waits.wait(10)
            raise _GivesUpError
        return "rolled back"

    def waiter() -> str:
        assert held.wait(10)
        outcome = outcome_of(program, packet, second)
        return "claimed" if isinstance(outcome, Claimed) else outcome

    def lets_go() -> str:
        assert held.wait(10)
        until_somebody_waits()
        waits.set()
        return "let go"

    assert together(app, gives_up, waiter, lets_go) == ["rolled back", "claimed", "let go"]


@pytest.fixture
def at_commit(program: TestProgram, database_environment: dict[str, str]) -> Iterator[Callable[[str], None]]:
    """Have something happen when a transaction that took shares of the program commits."""
    url = database_environment["DATABASE_ADMIN_URL"].replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url, autocommit=True) as owner:

        def happens(what: str) -> None:
            owner.execute(
                f"""CREATE OR REPLACE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
                    AS $$ BEGIN {what}; RETURN NULL; END $$;
                    DROP TRIGGER IF EXISTS at_commit ON red_packet_shares;
                    CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON red_packet_shares DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW WHEN (NEW.program_id = '{program.id}') EXECUTE FUNCTION at_commit()"""
            )

        yield happens
        owner.execute("DROP TRIGGER IF EXISTS at_commit ON red_packet_shares; DROP FUNCTION IF EXISTS at_commit()")


def or_error(program: TestProgram, packet: UUID, member: UUID) -> Claimed | str:
    try:
        return claim_for(program.now(), packet, member)
    except Exception as error:  # noqa: BLE001 -- which it is is asserted
        return type(error).__name__


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("PERFORM pg_terminate_backend(pg_backend_pid())", {"OperationalError", "AdminShutdown"}),
        ("RAISE EXCEPTION 'no'", {"RaiseException"}),
    ],
)
def test_a_commit_that_fails_is_nobodys_share(
    app: Flask, program: TestProgram, at_commit: Callable[[str], None], what: str, said: set[str]
) -> None:
    giving = Giving(program, 8)
    packet = giving.packet(count=8)
    at_commit(what)
    outcomes = together(app, *[partial(or_error, program, id_of(packet), member) for member in giving.members])
    assert {one for one in outcomes if isinstance(one, str)} <= said
    assert all(isinstance(one, str) for one in outcomes)
    assert shares_of(program, packet) == (8, 0, 0, 0)
    assert accounts(program).pool == 1000


def test_sets_that_are_killed_now_and_then_answer_as_many_as_there_are_rows(
    app: Flask, program: TestProgram, at_commit: Callable[[str], None]
) -> None:
    """And who got no answer asks again and gets the share that he has, or one."""
    giving = Giving(program, 120)
    packet = giving.packet(count=120, total=6000)
    at_commit("IF random() < 0.03 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF")

    def client(members: list[UUID]) -> list[tuple[UUID, Claimed | str]]:
        return [(member, or_error(program, id_of(packet), member)) for member in members]

    jobs = [partial(client, giving.members[n * 15 : (n + 1) * 15]) for n in range(8)]
    outcomes = [one for found in together(app, *jobs) for one in found]
    claimed = assert_each_its_own(outcomes)
    assert shares_of(program, packet).claimed == len(claimed)
    at_commit("NULL")
    missed = [member for member, one in outcomes if isinstance(one, str)]
    assert missed  # somebody was killed
    assert {giving.claim(packet, member).status_code for member in missed} == {201}
    assert shares_of(program, packet) == (0, 120, 0, 6000)
    assert_sound(program)


def test_an_answer_that_was_lost_is_given_again(app: Flask, giving: Giving) -> None:
    """Killed between the claim and its answer: the share is his, and asking again tells which."""
    packet, member = giving.packet(), giving.members[0]
    lost = claim_for(giving.program.now(), id_of(packet), member)  # committed; nobody heard
    answer = giving.claim(packet, member)
    assert (answer.status_code, answer.json["amount"], answer.json["place"]) == (200, lost.claim.amount, 1)
    assert giving.available(member) == lost.claim.amount


def test_claims_of_staff_and_under_a_key_take_the_edges_transaction(giving: Giving) -> None:
    packet = giving.packet()
    assert giving.claim(packet, giving.members[0], giving.operator).status_code == 201
    events = giving.program.staff("owner").get("/v1/audit-events").json["data"]
    assert events[0]["action"] == "red_packets.claim_packet"
    headers = {"Idempotency-Key": "k"}
    first, again = (giving.claim(packet, giving.members[1], headers=headers) for _ in range(2))
    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert shares_of(giving.program, packet)[:2] == (1, 2)


def test_a_claim_waits_for_an_erasure_and_an_erased_member_gets_nothing(app: Flask, giving: Giving) -> None:
    packet, member = giving.packet(), giving.members[0]
    held, waits = Event(), Event()

    def erases() -> Any:
        from referral.members.service import erase

        with transaction(giving.program.id):
            erase(giving.program.id, member)
            held.set()
            assert waits.wait(10)
        return "erased"

    def claims() -> Any:
        assert held.wait(10)
        return outcome_of(giving.program, id_of(packet), member)

    def lets_go() -> Any:
        assert held.wait(10)
        until_somebody_waits()
        waits.set()
        return "let go"

    assert together(app, erases, claims, lets_go) == ["erased", "member_not_found", "let go"]
    assert shares_of(giving.program, packet)[:2] == (3, 0)


def test_a_member_with_a_share_that_is_not_paid_out_is_not_erased(giving: Giving) -> None:
    packet, member = giving.packet(), giving.members[0]
    assert giving.claim(packet, member).status_code == 201
    refused = giving.program.staff("owner").post(f"/v1/members/{member_ref(member)}/erasure")
    assert (refused.status_code, refused.json["code"]) == (409, "money_open")


def test_a_row_that_somebody_holds_keeps_nobody_else_waiting(app: Flask, program: TestProgram) -> None:
    giving = Giving(program, 7)
    packet = giving.packet(count=7)
    other = giving.packet(count=1)
    assert giving.claim(other, giving.members[0]).status_code == 201  # he has a balance to be held
    held, let_go = Event(), Event()

    def holder() -> list[str]:
        with transaction(program.id):
            execute(
                "UPDATE member_balances SET paid = paid WHERE program_id = %(p)s AND member_id = %(member)s",
                p=program.id, member=giving.members[0],
            )  # fmt: skip
            held.set()
            assert let_go.wait(10)
        return []

    def one(member: UUID) -> list[str]:
        held.wait(10)
        outcome = outcome_of(program, id_of(packet), member)
        return ["claimed"] if isinstance(outcome, Claimed) else [outcome]

    def quick() -> list[str]:
        found = together(app, *[partial(one, member) for member in giving.members[1:]])
        let_go.set()
        return [outcome for outcomes in found for outcome in outcomes]

    assert together(app, holder, partial(one, giving.members[0]), quick) == [[], ["claimed"], ["claimed"] * 6]
    assert shares_of(program, packet)[:2] == (0, 7)


@pytest.mark.parametrize(("choice", "name"), [("full", "Li Hua"), ("hidden", None)])
def test_claims_name_a_member_as_he_chose(giving: Giving, choice: str, name: str | None) -> None:
    packet, member = giving.packet(), giving.members[0]
    giving.program.client.patch(f"/v1/members/{member_ref(member)}", json={"name": "Li Hua"})
    assert giving.program.member(member_ref(member)).put("/v1/me/privacy", {"names": choice}).status_code == 200
    giving.claim(packet, member)
    assert giving.shown(packet)["claims"][0]["name"] == name
