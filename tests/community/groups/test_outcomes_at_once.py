"""The health of groups when many tell of many at once: nobody deadlocks, no outcome is lost, each is paused once."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

import pytest

from community.groups.service import note_outcomes
from community.platforms.service import Outcome, Refused, Sent, Throttled, Unknown
from core.clock import now
from core.db import fetch_all, transaction
from tests.community.groups.conftest import Desk, group_uuid, target
from tests.threads import together

REFUSED = Refused("not_allowed", "403")
MOODY: list[Outcome] = [Sent(), REFUSED, Throttled(3), Unknown("timed_out")]
DEAF: list[Outcome] = [REFUSED, REFUSED, Throttled(3), Unknown("timed_out")]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
THREADS, ROUNDS = 8, 12

Told = tuple[UUID, Outcome, datetime]


class Hour(NamedTuple):
    """What one hour's row has of a group."""

    group_id: UUID
    hour: datetime
    sent: int
    refused: int


class Health(NamedTuple):
    """What a group's row says of its sendings."""

    id: UUID
    status: str
    refusals_in_a_row: int
    last_sent_at: datetime | None


class Crowd:
    """Groups, and threads that tell of them in transactions of their own."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.program = desk, desk.program
        self.groups = [desk.group(name=f"g{n}", target=target(f"-20{n:02}")) for n in range(10)]
        self.ids = [group_uuid(group) for group in self.groups]

    def tell(self, *batches: Sequence[Told]) -> list[UUID]:
        """Each batch by a thread of its own, all at the same moment; the groups they say to have paused."""

        def note(batch: Sequence[Told]) -> list[UUID]:
            with transaction(self.program.id):
                return note_outcomes(self.program.id, batch)

        jobs: list[Callable[[], list[UUID]]] = [partial(note, batch) for batch in batches]
        return [group_id for paused in together(self.program.app, *jobs) for group_id in paused]

    def healths(self) -> dict[UUID, Health]:
        with transaction(self.program.id, read_only=True):
            rows = fetch_all(
                Health,
                "SELECT id, status, refusals_in_a_row, last_sent_at FROM groups WHERE program_id = %(p)s",
                p=self.program.id,
            )  # fmt: skip
        return {row.id: row for row in rows}

    def hours(self) -> dict[tuple[UUID, datetime], tuple[int, int]]:
        with transaction(self.program.id, read_only=True):
            rows = fetch_all(
                Hour,
                "SELECT group_id, hour, sent, refused FROM group_sendings WHERE program_id = %(p)s",
                p=self.program.id,
            )  # fmt: skip
        return {(row.group_id, row.hour): (row.sent, row.refused) for row in rows}

    def pauses(self) -> Counter[UUID]:
        """How often the log says of each group that it was paused."""
        return Counter(UUID(one["group_id"]) for one in self.desk.events("group.paused"))

    def resume(self) -> None:
        for group in self.groups:
            assert self.desk.operator.post(f"/v1/groups/{group['id']}/resume").status_code == 200


@pytest.fixture
def crowd(desk: Desk) -> Crowd:
    return Crowd(desk)


def mixed(crowd: Crowd, deaf: Sequence[UUID], chance: random.Random) -> list[Told]:
    """Outcomes of most groups, in no order; the deaf are never reached."""
    told = [
        (group_id, chance.choice(DEAF if group_id in deaf else MOODY), NOON + timedelta(minutes=chance.randint(0, 150)))
        for group_id in chance.sample(crowd.ids, 7)
        for _ in range(chance.randint(1, 3))
    ]
    chance.shuffle(told)
    return told


def counted(told: Sequence[Told]) -> dict[tuple[UUID, datetime], tuple[int, int]]:
    """What the hours have to say, one outcome by one."""
    sent: Counter[tuple[UUID, datetime]] = Counter()
    refused: Counter[tuple[UUID, datetime]] = Counter()
    for group_id, outcome, at in told:
        sent[group_id, at.replace(minute=0)] += isinstance(outcome, Sent)
        refused[group_id, at.replace(minute=0)] += isinstance(outcome, Refused)
    return {key: (sent[key], refused[key]) for key in sent if sent[key] or refused[key]}


def test_outcomes_told_at_once_in_any_order_are_all_counted(crowd: Crowd) -> None:
    chance, deaf = random.Random(5), crowd.ids[::3]  # noqa: S311 -- the same crowd every time
    told: list[Told] = []
    paused: list[UUID] = []
    for _ in range(ROUNDS):
        batches = [mixed(crowd, deaf, chance) for _ in range(THREADS)]
        paused += crowd.tell(*batches)
        told += [one for batch in batches for one in batch]
    assert crowd.hours() == counted(told)
    healths = crowd.healths()
    for group_id, health in healths.items():
        mine = [(outcome, at) for one, outcome, at in told if one == group_id]
        assert health.last_sent_at == max((at for outcome, at in mine if isinstance(outcome, Sent)), default=None)
        if group_id in deaf:
            assert health.refusals_in_a_row == sum(isinstance(outcome, Refused) for outcome, _ in mine)
    assert set(deaf) <= set(paused)
    assert crowd.pauses() == Counter(paused) == Counter(one.id for one in healths.values() if one.status == "paused")


def refusals(crowd: Crowd, threads: int, chance: random.Random) -> list[list[Told]]:
    """One refusal of each group by each thread, in its own order."""
    return [
        [(group_id, REFUSED, now()) for group_id in chance.sample(crowd.ids, len(crowd.ids))] for _ in range(threads)
    ]  # fmt: skip


def test_a_group_is_paused_once_by_refusals_that_come_from_many_at_once(crowd: Crowd) -> None:
    """The fifth pauses, whoever tells it, and those behind it do not pause again; after a resumption all anew."""
    chance = random.Random(6)  # noqa: S311 -- the same orders every time
    for again in range(1, 6):
        assert crowd.tell(*refusals(crowd, 4, chance)) == []
        paused = crowd.tell(*refusals(crowd, THREADS, chance))
        assert Counter(paused) == dict.fromkeys(crowd.ids, 1)
        assert crowd.pauses() == dict.fromkeys(crowd.ids, again)
        assert {one.refusals_in_a_row for one in crowd.healths().values()} == {4 + THREADS}
        crowd.resume()


def test_exactly_the_fifth_of_five_who_tell_at_once_pauses(crowd: Crowd) -> None:
    chance = random.Random(7)  # noqa: S311 -- the same orders every time
    for again in range(1, 6):
        paused = crowd.tell(*refusals(crowd, 5, chance))
        assert Counter(paused) == dict.fromkeys(crowd.ids, 1)
        assert crowd.pauses() == dict.fromkeys(crowd.ids, again)
        crowd.resume()
