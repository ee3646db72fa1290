"""Several workers at once: each message once, each group's in order, limits kept by the receivers' clocks."""

import time
from collections import defaultdict
from dataclasses import replace
from typing import Any

from flask import Flask

from community.delivery.sending import send_ready
from community.delivery.service import cancel
from core.db import scalar, transaction
from tests.community.delivery.scene import Scene
from tests.threads import together


def until_all_is_said(scene: Scene, seconds: float) -> Any:
    """A worker: one delivery of the job after another."""

    def work() -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and waiting(scene):
            send_ready(scene.program.id, seconds=0.5)
            time.sleep(0.01)

    return work


def waiting(scene: Scene) -> int:
    with transaction(scene.program.id, read_only=True):
        found: int = scalar(
            "SELECT count(*) FROM messages WHERE program_id = %(p)s AND status IN ('waiting', 'sending')",
            p=scene.program.id,
        )
    return found


def test_two_workers_say_everything_once_and_in_order(scene: Scene, app: Flask) -> None:
    chats = [f"chat{number}" for number in range(40)]
    for chat in chats:
        scene.group(chat)
        scene.tell(chat, *[f"{number}" for number in range(6)], fold_key=None)
    together(app, until_all_is_said(scene, 20), until_all_is_said(scene, 20))
    assert {chat: scene.texts(chat) for chat in chats} == {chat: [f"{number}" for number in range(6)] for chat in chats}


def test_limits_hold_by_the_receivers_clock_with_two_workers(scene: Scene, app: Flask) -> None:
    """A minute takes 1.2 s: twenty posts of a robot and, for all chats of a bot, thirty in its fiftieth part."""
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], chat_window_scale=0.02)
    scene.server.seconds = 0.004
    robots = [f"robot-{number:04}" for number in range(4)]
    bots = [f"-100{number}" for number in range(50)]
    for robot in robots:
        scene.group(robot, "wecom")
        scene.tell(robot, *[f"{number}" for number in range(45)], fold_key=None)
    for bot in bots:
        scene.group(bot, "telegram")
        scene.tell(bot, "a", "b", fold_key=None)
    together(app, until_all_is_said(scene, 30), until_all_is_said(scene, 30))
    at: dict[str, list[float]] = defaultdict(list)
    for posted in scene.server.book:
        at[posted.chat if posted.chat in robots else "bot"].append(posted.at)
    assert {chat: len(times) for chat, times in at.items()} == {"bot": 100} | dict.fromkeys(robots, 45)
    assert all(most_within(at[robot], 1.2) <= 20 for robot in robots)
    assert most_within(at["bot"], 0.02) <= 30


def test_what_is_taken_back_while_it_is_claimed_is_either_said_or_not(scene: Scene, app: Flask) -> None:
    chats = [f"chat{number}" for number in range(30)]
    for chat in chats:
        scene.group(chat)
        scene.tell(chat, "a", "b")

    def take_back() -> None:
        for chat in chats:
            with transaction(scene.program.id):
                cancel(scene.program.id, [f"{chat}/b"])

    together(app, until_all_is_said(scene, 20), take_back)
    said = {chat: "\n".join(scene.texts(chat)).split("\n") for chat in chats}
    statuses = {chat: scene.statuses(chat) for chat in chats}
    assert all(statuses[chat][0] == "sent" for chat in chats)
    assert {chat: statuses[chat][1] == "sent" for chat in chats} == {chat: "b" in said[chat] for chat in chats}
    assert {status for _, status in statuses.values()} <= {"sent", "canceled"}


def most_within(times: list[float], span: float) -> int:
    """The most that any span of time holds."""
    times = sorted(times)
    return max(sum(begin <= one < begin + span for one in times) for begin in times)


def test_a_limit_that_is_broken_would_be_seen() -> None:
    assert most_within([0.0, 0.5, 0.99, 1.0, 2.0], 1.0) == 3
