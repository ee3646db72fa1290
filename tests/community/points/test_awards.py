"""Points given once for their key, owed points settled first, and awards undone in the order that is fair."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from core.clock import frozen_at
from core.db import transaction
from referral.members.service import erase
from tests.clients import TestProgram
from tests.community.points.desk import an_award, assert_books, expire, give, lots_of, points_booked, take, told
from tests.factories import seed_members


@pytest.fixture
def ada(program: TestProgram) -> UUID:
    return seed_members(program)[0]


def test_an_award_given_twice_is_given_once(program: TestProgram, ada: UUID) -> None:
    assert give(program, an_award(ada, 50, "a"), an_award(ada, 70, "b"), an_award(ada, 50, "a")) == {"a", "b"}
    assert give(program, an_award(ada, 50, "a"), an_award(ada, 5, "c")) == {"c"}
    assert points_booked(program, ada) == 125
    assert lots_of(program, ada) == {"a": 50, "b": 70, "c": 5}
    assert [one.facts["amount"] for one in told(program, ["points.earned"])] == [50, 70, 5]
    assert_books(program)


@pytest.mark.parametrize("amount", [0, -1, 10**12 + 1])
def test_an_award_is_a_number_of_points(program: TestProgram, ada: UUID, amount: int) -> None:
    with pytest.raises(ValueError, match="award"):
        give(program, an_award(ada, amount, "a"))


def test_taking_back_takes_the_awards_own_points_first(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 50, "old", expires_on=date(2099, 1, 1)), an_award(ada, 70, "new"))
    take(program, ("refund", "new", 30), ("refund", "new", 30))
    take(program, ("refund", "new", 30))
    assert lots_of(program, ada) == {"old": 50, "new": 40}
    take(program, ("rest", "new", 1000))
    assert lots_of(program, ada) == {"old": 50, "new": 0}
    assert points_booked(program, ada) == 50
    assert_books(program)


def test_what_is_lacking_is_owed_and_settled_by_the_next_award(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 50, "a", expires_on=date(2099, 1, 1)), an_award(ada, 20, "b"))
    take(program, ("spent", "a", 50))
    give(program, an_award(ada, 10, "c"))
    take(program, ("x", "b", 20), ("y", "c", 10))
    assert points_booked(program, ada) == 0
    give(program, an_award(ada, 30, "d"))
    take(program, ("z", "d", 30), ("unknown", "nothing", 5))
    assert points_booked(program, ada) == 0
    assert_books(program)


def test_expired_points_are_not_owed_when_their_award_is_undone(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 100, "a", expires_on=date(2026, 3, 11)), an_award(ada, 40, "b"))
    with frozen_at(datetime(2026, 3, 12, tzinfo=UTC)):
        expire(program)
        assert points_booked(program, ada) == 40
        take(program, ("refund", "a", 100))
    assert points_booked(program, ada) == 40
    assert lots_of(program, ada) == {"a": 0, "b": 40}
    assert_books(program)


def test_an_erased_member_gets_nothing_and_loses_what_he_had(program: TestProgram, ada: UUID) -> None:
    give(program, an_award(ada, 100, "a"))
    with transaction(program.id):
        erase(program.id, ada)
    assert points_booked(program, ada) == 0
    assert give(program, an_award(ada, 5, "b")) == set()
    take(program, ("refund", "a", 100))
    assert points_booked(program, ada) == 0
    assert_books(program)
