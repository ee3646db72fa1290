"""Saying things: once for a key, in order, and taken back while they wait."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from community.delivery.rules import KEPT_WAITING
from community.delivery.service import NEWS, Outgoing, cancel, enqueue
from core.clock import now
from core.db import scalar, scalars, transaction
from tests.community.delivery.scene import Scene
from tests.jobs import waiting_jobs
from tests.threads import together


def test_the_same_key_is_said_once(scene: Scene) -> None:
    group_id = scene.group("one")
    message = Outgoing(group_id, "k", "order", NEWS, "hello")
    with transaction(scene.program.id):
        assert enqueue(scene.program.id, [message, message]) == 1
    with transaction(scene.program.id):
        assert enqueue(scene.program.id, [message._replace(text="other")]) == 0
    scene.send()
    assert scene.texts("one") == ["hello"]


def test_what_is_rolled_back_was_never_said(scene: Scene) -> None:
    scene.group("one")
    with pytest.raises(ZeroDivisionError):
        tell_and_fail(scene)
    scene.send()
    assert scene.texts("one") == []
    assert waiting_jobs(scene.program.id) == []


def tell_and_fail(scene: Scene) -> None:
    with transaction(scene.program.id):
        enqueue(scene.program.id, [Outgoing(scene.groups["one"], "k", "order", NEWS, "hello")])
        raise ZeroDivisionError


def test_a_message_wakes_the_sender_once(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "a")
    scene.tell("one", "b")
    assert waiting_jobs(scene.program.id) == ["delivery.send"]


def test_the_same_things_said_by_several_at_once_are_said_once(scene: Scene, app: Flask) -> None:
    """In opposite orders, which must not deadlock."""
    ids = [scene.group(chat) for chat in ("one", "two", "three")]
    messages = [Outgoing(group_id, f"{number}", "order", NEWS, "hello") for number, group_id in enumerate(ids * 10)]

    def say(order: int) -> int:
        with transaction(scene.program.id):
            return enqueue(scene.program.id, messages[::order])

    assert sum(together(app, *[lambda order=order: say(order) for order in (1, -1, 1, -1)])) == len(messages)  # type: ignore[misc]


def test_what_is_taken_back_is_not_said(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "a", "b")
    with transaction(scene.program.id):
        assert cancel(scene.program.id, ["one/a", "one/none"]) == 1
        assert cancel(scene.program.id, ["one/a"]) == 0
    scene.send()
    assert scene.texts("one") == ["b"]
    assert scene.statuses("one") == ["canceled", "sent"]
    with transaction(scene.program.id):
        assert cancel(scene.program.id, ["one/b"]) == 0


def test_a_message_has_an_end_even_when_its_caller_names_none(scene: Scene) -> None:
    scene.group("one")
    at = now()
    scene.tell("one", "a", not_before=at + timedelta(hours=1))
    with transaction(scene.program.id, read_only=True):
        expires_at = scalar("SELECT expires_at FROM messages WHERE program_id = %(p)s", p=scene.program.id)
    assert expires_at == at + timedelta(hours=1) + KEPT_WAITING


def test_a_picture_for_many_groups_is_kept_once(scene: Scene) -> None:
    ids: list[UUID] = [scene.group(chat) for chat in ("one", "two")]
    with transaction(scene.program.id):
        enqueue(
            scene.program.id, [Outgoing(one, str(one), "order", NEWS, "look", image=b"\x89PNG") for one in ids]
        )  # fmt: skip
    with transaction(scene.program.id, read_only=True):
        kept = scalars("SELECT content FROM message_images WHERE program_id = %(p)s", p=scene.program.id)
    assert kept == [b"\x89PNG"]
