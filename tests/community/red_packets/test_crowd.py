"""A crowd at a running web server: every share goes once, the sum is exact, and who got no answer asks again."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from tests.clients import TestProgram
from tests.community.red_packets.giving import Giving, accounts, assert_sound, shares_of
from tests.community.red_packets.web import Answer, Caller, Web
from tests.factories import member_ref


@pytest.fixture
def web(program: TestProgram, database_environment: dict[str, str]) -> Iterator[Web]:
    running = Web(database_environment).start()
    yield running
    running.stop()


def crowd(
    web: Web, giving: Giving, packet: dict[str, Any], members: Sequence[UUID], clients: int,
    answered: Callable[[], None] = lambda: None,
) -> dict[UUID, Answer]:  # fmt: skip
    """One claim for each member, from so many clients that begin at once; `answered` is called after each."""
    path, start = f"/v1/red-packets/{packet['id']}/claims", Barrier(clients)

    def client(mine: Sequence[UUID]) -> dict[UUID, Answer]:
        caller, answers = Caller(web.port, giving.program.api_key), {}
        start.wait()
        for member in mine:
            answers[member] = caller.post(path, {"member_id": member_ref(member)})
            answered()
        return answers

    with ThreadPoolExecutor(clients) as pool:
        parts = pool.map(client, [members[number::clients] for number in range(clients)])
        return {member: answer for part in parts for member, answer in part.items()}


def assert_given_out(giving: Giving, packet: dict[str, Any], answers: dict[UUID, Answer]) -> None:
    """All of the packet is taken, once, and every answer says what the books say."""
    count, total = packet["count"], packet["total"]
    got = {member: answer.body for member, answer in answers.items() if answer.status in {200, 201}}
    assert len(got) == count
    assert sum(body["amount"] for body in got.values()) == total
    assert {body["place"] for body in got.values()} == set(range(1, count + 1))
    assert shares_of(giving.program, packet) == (0, count, 0, total)
    assert accounts(giving.program) == (0, -total, 0)
    sample = list(got)[:: max(1, count // 20)]
    assert [giving.available(member) for member in sample] == [got[member]["amount"] for member in sample]
    assert_sound(giving.program)


@pytest.mark.parametrize(
    ("shares", "clients"), [(200, 16), pytest.param(1000, 64, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
def test_a_crowd_takes_a_packet_over_http(web: Web, program: TestProgram, shares: int, clients: int) -> None:
    giving = Giving(program, shares + shares // 5)
    packet = giving.packet(count=shares, total=shares * 100)
    answers = crowd(web, giving, packet, giving.members, clients)
    said = Counter((answer.status, answer.body.get("code")) for answer in answers.values())
    assert said == {(201, None): shares, (409, "finished"): shares // 5}
    assert_given_out(giving, packet, answers)
    again = crowd(web, giving, packet, giving.members[:50], 8)
    served = [member for member in again if answers[member].status == 201]
    assert [again[member] for member in served] == [Answer(200, answers[member].body) for member in served]


def test_who_was_killed_between_claim_and_answer_gets_the_same_again(web: Web, program: TestProgram) -> None:
    giving = Giving(program, 300)
    packet = giving.packet(count=300, total=30_000)
    answers = count(1)

    def kills_after_forty() -> None:
        if next(answers) == 40:
            web.kill()

    before = crowd(web, giving, packet, giving.members, 16, kills_after_forty)
    answered = {member: answer for member, answer in before.items() if answer.status == 201}
    taken = shares_of(program, packet).claimed
    assert 40 <= len(answered) <= taken < 300  # between the two: killed after the claim and before its answer
    web.start()
    after = crowd(web, giving, packet, giving.members, 16)
    assert Counter(answer.status for answer in after.values()) == {200: taken, 201: 300 - taken}
    assert all(after[member].body == answer.body for member, answer in answered.items())
    assert_given_out(giving, packet, after)
