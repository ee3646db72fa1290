"""A member is erased while something about him is being said: it is not said again, and never as an empty message."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from community.delivery.claiming import claim
from community.delivery.queries import has_ready
from community.delivery.recording import Answer, record
from community.delivery.upkeep import forget_names
from community.platforms.service import Outcome, Throttled, Unknown
from core.clock import now
from core.db import execute, scalars, transaction
from tests.clients import TestProgram
from tests.community.delivery.scene import Scene, soon
from tests.community.groups.overlapping import overlapping
from tests.factories import seed_members

UNSENT = [Throttled(1), Unknown("no_connection", may_have_arrived=False)]


@pytest.fixture
def ada(program: TestProgram) -> UUID:
    [member_id] = seed_members(program, 1)
    return member_id


def erase(scene: Scene, member_id: UUID) -> None:
    with transaction(scene.program.id):
        forget_names(scene.program.id, member_id)


@pytest.mark.parametrize("outcome", UNSENT)
def test_what_was_blanked_while_it_was_under_way_does_not_wait_again(scene: Scene, ada: UUID, outcome: Outcome) -> None:
    scene.group("one")
    scene.tell("one", "Ada sold", about=(ada,))
    [sending] = scene.claim()
    erase(scene, ada)
    with transaction(scene.program.id):
        record(scene.program.id, [Answer(sending, outcome, now())])
    assert scene.statuses("one") == ["canceled"]
    scene.send_at(soon() + timedelta(minutes=10))
    assert (scene.server.book, len(scene.tries("one"))) == ([], 1)


@pytest.mark.parametrize("outcome", UNSENT)
def test_what_was_to_be_said_beside_it_is_said(scene: Scene, ada: UUID, outcome: Outcome) -> None:
    scene.group("one")
    scene.tell("one", "Ada sold", about=(ada,))
    scene.tell("one", "Bob sold")
    [sending] = scene.claim()
    erase(scene, ada)
    with transaction(scene.program.id):
        record(scene.program.id, [Answer(sending, outcome, now())])
    scene.send_at(soon() + timedelta(minutes=10))
    assert scene.texts("one") == ["Bob sold"]
    assert scene.statuses("one") == ["canceled", "sent"]


def test_an_answer_that_throttles_what_was_given_up_and_blanked_takes_it_back(scene: Scene, ada: UUID) -> None:
    scene.group("one")
    scene.tell("one", "Ada sold", about=(ada,))
    [slow] = scene.claim()
    erase(scene, ada)
    scene.send_at(soon() + timedelta(minutes=1))  # there is nothing to say again
    assert scene.statuses("one") == ["unknown"]
    with transaction(scene.program.id):
        record(scene.program.id, [Answer(slow, Throttled(1), now())])
    assert scene.statuses("one") == ["canceled"]


@pytest.mark.parametrize("erased_first", [True, False])
def test_an_erasure_and_an_answer_at_the_same_moment_leave_nothing_to_say(
    scene: Scene, app: Flask, ada: UUID, *, erased_first: bool
) -> None:
    scene.group("one")
    scene.tell("one", "Ada sold", about=(ada,))
    [sending] = scene.claim()
    program_id = scene.program.id

    def answered() -> None:
        record(program_id, [Answer(sending, Throttled(1), now())])

    def erased() -> None:
        forget_names(program_id, ada)

    overlapping(app, program_id, *((erased, answered) if erased_first else (answered, erased)))
    assert scene.statuses("one") == ["canceled"]


def test_an_erasure_while_the_message_is_being_taken_blanks_what_is_sent_as_well(
    scene: Scene, app: Flask, ada: UUID
) -> None:
    scene.group("one")
    scene.tell("one", "Ada sold", about=(ada,))
    program_id = scene.program.id
    overlapping(app, program_id, lambda: claim(program_id, 10), lambda: forget_names(program_id, ada))
    with transaction(program_id, read_only=True):
        kept = scalars("SELECT text FROM dispatches UNION ALL SELECT text FROM messages")
    assert kept == ["", ""]


def test_a_message_without_words_is_taken_back_and_leaves_no_work(scene: Scene) -> None:
    """However it came to wait: an empty message is refused, and five of them would pause the group."""
    scene.group("one")
    scene.tell("one", "a", "b")
    with transaction(scene.program.id):
        execute("UPDATE messages SET text = '' WHERE program_id = %(p)s AND text = 'a'", p=scene.program.id)
    scene.send_at(soon())
    assert scene.texts("one") == ["b"]
    assert scene.statuses("one") == ["canceled", "sent"]
    with transaction(scene.program.id, read_only=True):
        assert not has_ready(scene.program.id, soon() + timedelta(days=1))
