"""Awards, refunds, expiry, redemptions, cancels and an erasure at the same moment, all of the same few members."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import partial
from uuid import UUID

import pytest
from flask import Flask

from community.points import expiry
from community.points.gifts import advance
from community.points.redemptions import redeem
from community.points.service import award, take_back
from core.auth.actor import Program
from core.auth.service import program_of
from core.clock import frozen_at
from core.db import transaction
from core.errors import Conflict
from referral.members.service import erase
from tests.clients import TestProgram
from tests.community.points.desk import an_award, assert_books, give
from tests.community.points.test_races import CLIENTS, NOON, offer
from tests.factories import seed_members
from tests.threads import together

MOVES = 25  # of each client


class Crowd:
    """A few members, each with points that are due and points that are not, and a gift."""

    def __init__(self, program: TestProgram) -> None:
        self.program = program
        self.members = seed_members(program, 6)
        give(program, *[an_award(one, 40, f"due{n}", expires_on=date(2026, 3, 9)) for n, one in self.numbered])
        give(program, *[an_award(one, 40, f"good{n}") for n, one in self.numbered])
        self.reward = offer(program)
        self.moves: dict[str, Callable[[Program, random.Random, str], None]] = {
            "give": self.give, "take": self.take, "expire": self.expire, "redeem": self.redeem, "cancel": self.cancel
        }  # fmt: skip

    @property
    def numbered(self) -> list[tuple[int, UUID]]:
        return list(enumerate(self.members))

    def give(self, program: Program, chance: random.Random, name: str) -> None:
        award(program, [an_award(one, 5, f"{name}:{one}") for one in chance.sample(self.members, 3)])

    def take(self, program: Program, chance: random.Random, name: str) -> None:
        keys = chance.sample([f"{kind}{n}" for n in range(6) for kind in ("due", "good")], 4)
        take_back(program, [(f"{name}:{key}", key, 7) for key in keys])

    def expire(self, program: Program, _chance: random.Random, _name: str) -> None:
        expiry.expire_chunk(program, 2)

    def redeem(self, program: Program, chance: random.Random, _name: str) -> None:
        redeem(program, self.reward, chance.choice(self.members))

    def cancel(self, program: Program, chance: random.Random, _name: str) -> None:
        made, _ = redeem(program, self.reward, chance.choice(self.members))
        advance(program, made.id, "canceled", None)

    def client(self, number: int) -> Counter[str]:
        """One client's moves, one after the other, each a transaction; a deadlock would fail the test."""
        chance = random.Random(number)  # noqa: S311 -- which move is next is no secret
        outcomes: Counter[str] = Counter()
        for turn in range(MOVES):
            name = chance.choice(list(self.moves))
            outcomes[self._outcome(name, chance, f"{number}:{turn}")] += 1
        return outcomes

    def _outcome(self, move: str, chance: random.Random, name: str) -> str:
        try:
            with transaction(self.program.id):
                self.moves[move](program_of(self.program.id), chance, name)
        except Conflict as refused:
            return refused.code
        return move

    def erase_one(self) -> Counter[str]:
        try:
            with transaction(self.program.id):
                erase(self.program.id, self.members[0])
        except Conflict as refused:
            return Counter([refused.code])
        return Counter(["erased"])


@pytest.mark.parametrize("seed", [0, 1000, 2000])
def test_everything_at_once_keeps_the_books(app: Flask, program: TestProgram, seed: int) -> None:
    crowd = Crowd(program)
    clients = [partial(crowd.client, seed + number) for number in range(CLIENTS)]
    with frozen_at(NOON):
        outcomes = sum(together(app, *clients, crowd.erase_one), Counter[str]())
    assert outcomes.keys() >= set(crowd.moves)
    assert_books(program)
