"""Kill -9 while coupons are given to segments: nobody gets two, no unit is lost, everybody is told once."""

import random
import time
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import pytest

from core.clock import now
from core.db import fetch_all, transaction
from coupons.vouchers.service import claim_many
from tests.clients import TestProgram
from tests.community.boards.granting_worker import Work, Worker
from tests.coupons.vouchers.offering import make_coupon
from tests.coupons.vouchers.quantities import Quantities, assert_quantities
from tests.factories import seed_members
from tests.telling import facts_of, plain_id

MEMBERS, CHUNK = 2_000, 20
KILLS, AT_ONCE = 32, 2


class Held(NamedTuple):
    """A code, or a line of an inbox, by its coupon and member."""

    coupon_id: str
    member_id: str


class Granting:
    """A program whose operator gives coupons to everybody in it."""

    def __init__(self, program: TestProgram) -> None:
        self.program, self.operator = program, program.staff("operator")
        self.members = seed_members(program, MEMBERS)
        self.path = f"/v1/segments/{self._made('/v1/segments', {'name': 'All', 'terms': {}})['id']}/coupons"

    def _made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.operator.post(path, body)
        assert answer.status_code in {201, 202}, answer.text
        return answer.json  # type: ignore[return-value]

    def give(self, coupon: dict[str, Any]) -> dict[str, Any]:
        return self._made(self.path, {"coupon_id": coupon["id"]})

    def shown(self, grant: dict[str, Any]) -> dict[str, Any]:
        return self.operator.get(f"{self.path}/{grant['id']}").json  # type: ignore[return-value]

    def claimed(self, coupon: dict[str, Any]) -> list[str]:
        """Who has a code of the coupon, once for each he has."""
        return self._held(
            coupon,
            """SELECT coupon_id::text, customer_id::text FROM coupon_codes
               WHERE program_id = %(p)s AND kind = 'claimed'""",
        )

    def heard(self, coupon: dict[str, Any]) -> list[str]:
        """Whose inbox says that he has been given the coupon, once for each line."""
        return self._held(
            coupon,
            """SELECT facts ->> 'coupon_id', member_id::text FROM notices
               WHERE program_id = %(p)s AND facts ->> 'change' = 'granted'""",
        )

    def granted(self, coupon: dict[str, Any]) -> list[str]:
        """Whom the log says to have been given the coupon, once for each time it does."""
        told = [one for one in facts_of(self.program, "coupon.granted") if one["coupon_id"] == plain_id(coupon["id"])]
        return [member for one in told for member in one["members"]]

    def announced(self, coupon: dict[str, Any]) -> list[str]:
        """Whose claims of the coupon the log has, once for each."""
        claims = facts_of(self.program, "coupon.claimed")
        return [one["member_id"] for one in claims if one["coupon_id"] == plain_id(coupon["id"])]

    def _held(self, coupon: dict[str, Any], statement: LiteralString) -> list[str]:
        with transaction(self.program.id, read_only=True):
            rows = fetch_all(Held, statement, p=self.program.id)
        return [row.member_id for row in rows if row.coupon_id == plain_id(coupon["id"])]


def plain(members: Iterable[UUID]) -> Counter[str]:
    """Each of them once, as the log and JSON name them."""
    return Counter(str(one) for one in members)


@pytest.fixture
def granting(program: TestProgram) -> Granting:
    return Granting(program)


def killed_until_given(granting: Granting, environment: dict[str, str]) -> int:
    """Let workers grant, two at a time, and kill -9 each of them somewhere; how many died at work. Then let two end."""
    chance, killed = random.Random(23), 0  # noqa: S311 -- the same accidents every time
    work = Work(environment, granting.program.id, now(), CHUNK)
    for _ in range(KILLS // AT_ONCE):
        for worker in [Worker(work) for _ in range(AT_ONCE)]:
            worker.wait_for(chance.randint(1, 2))
            time.sleep(chance.uniform(0, 0.02))
            killed += worker.kill()
        work = work._replace(at=work.at + timedelta(minutes=30))  # the leases of the dead run out
    assert [worker.end() for worker in [Worker(work) for _ in range(AT_ONCE)]] == [0] * AT_ONCE
    return killed


def assert_told_once(granting: Granting, coupon: dict[str, Any], given: Counter[str]) -> None:
    """Those who were given the coupon, and nobody else, are once in the log and have heard of it once."""
    assert Counter(granting.granted(coupon)) == given
    assert Counter(granting.heard(coupon)) == given
    assert Counter(granting.announced(coupon)) == Counter(granting.claimed(coupon))


def outcome(granting: Granting, grant: dict[str, Any]) -> tuple[str, int, list[str]]:
    """Status, how many got one, and why others did not."""
    shown = granting.shown(grant)
    return shown["status"], shown["granted"], [one["reason"] for one in shown["refused"]]


def test_each_member_is_given_a_coupon_once_whoever_is_killed(
    granting: Granting, database_environment: dict[str, str]
) -> None:
    """Of one there is enough, without a limit; of the other too few, one for each, and some have theirs already."""
    program, everybody, early = granting.program, plain(granting.members), plain(granting.members[::20])
    plenty = make_coupon(granting.operator, total_quantity=2_500)
    scarce = make_coupon(granting.operator, total_quantity=700, per_customer_limit=1)
    with transaction(program.id):
        claim_many(program.id, UUID(plain_id(scarce["id"])), granting.members[::20])
    grants = [granting.give(coupon) for coupon in (plenty, scarce)]
    assert killed_until_given(granting, database_environment) >= KILLS // 2

    assert outcome(granting, grants[0]) == ("completed", MEMBERS, [])
    assert assert_quantities(program, plenty) == Quantities(2_500, 500, MEMBERS, 0)
    assert Counter(granting.claimed(plenty)) == everybody
    assert_told_once(granting, plenty, everybody)

    assert outcome(granting, grants[1]) == ("completed", 700 - len(early), ["limit_reached", "sold_out"])
    assert assert_quantities(program, scarce) == Quantities(700, 0, 700, 0)
    has = Counter(granting.claimed(scarce))
    assert set(has.values()) == {1}
    assert early <= has
    assert_told_once(granting, scarce, has - early)
    assert facts_of(program, "coupon.exhausted") == [{"coupon_id": plain_id(scarce["id"])}]
