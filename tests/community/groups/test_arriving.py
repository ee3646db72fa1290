"""From the API to the chat: welcomes, posts and digests arrive in the right chat, folded where they come in a burst."""

from typing import Any

import pytest

from community.groups.posting import post_due
from core.clock import now
from core.db import execute, scalar, transaction
from tests.community.groups.chat import PlayedChat
from tests.community.groups.conftest import Desk, target
from tests.jobs import run_jobs

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def test_a_welcome_arrives_in_its_chat_and_no_other(desk: Desk, chat: PlayedChat) -> None:
    group = desk.group(welcome="Welcome, {name}!", rules="Be kind.")
    desk.group(name="Coffee", target=target("-1002"), rules="Be loud.")
    desk.member("ada", name="Ada")
    desk.join(group, "ada")
    run_jobs(desk.program.id)
    assert [(one.chat, one.text) for one in chat.said] == [("-1001", "Welcome, A∗∗!\n\nBe kind.")]
    assert desk.shown(group)["health"]["last_sent_at"] is not None


def test_joins_in_a_burst_fold_into_few_messages(desk: Desk, chat: PlayedChat) -> None:
    group = desk.group(welcome="Welcome, {name}!")
    for number in range(40):
        desk.member(f"m{number}")
        desk.join(group, f"m{number}")
    run_jobs(desk.program.id)
    assert len(chat.said) <= 2
    assert "and 3" in chat.said[0].text  # so many more are counted
    shown: Any = desk.shop.get(f"/v1/groups/{group['id']}/stats").json
    assert (shown["joined"], shown["messages_sent"]) == (40, len(chat.said))


def test_refusals_of_the_platform_pause_the_group(desk: Desk, chat: PlayedChat) -> None:
    group = desk.group()
    chat.refuse(times=9)
    for _ in range(5):
        desk.operator.post(f"/v1/groups/{group['id']}/test-message")
    assert desk.shown(group)["status"] == "paused"


def test_a_post_arrives(desk: Desk, chat: PlayedChat) -> None:
    group = desk.group()
    body = {"group_ids": [group["id"]], "text": "Tea of the day", "every": {"time": "09:00"}}
    assert desk.operator.post("/v1/posts", body).status_code == 201
    with transaction(desk.program.id):
        execute("UPDATE post_targets SET next_due_at = %(at)s WHERE program_id = %(p)s", p=desk.program.id, at=now())
        assert post_due(desk.program.id) == 1
    run_jobs(desk.program.id)
    assert chat.texts("-1001") == ["Tea of the day"]


def test_a_picture_is_fetched_once_and_goes_with_the_post(desk: Desk, chat: PlayedChat) -> None:
    group = desk.group()
    chat.files["/tea.png"] = PNG
    body = {
        "group_ids": [group["id"]], "text": "Tea", "every": {"time": "09:00"}, "image_url": f"{chat.url}/tea.png",
    }  # fmt: skip
    answer = desk.operator.post("/v1/posts", body)
    assert answer.status_code == 201, answer.text
    chat.files.clear()
    with transaction(desk.program.id):
        execute("UPDATE post_targets SET next_due_at = %(at)s WHERE program_id = %(p)s", p=desk.program.id, at=now())
        post_due(desk.program.id)
        kept = scalar("SELECT content FROM message_images WHERE program_id = %(p)s", p=desk.program.id)
    assert bytes(kept) == PNG


@pytest.mark.parametrize("content", [b"<html>", b"", b"\x89PNG\r\n\x1a\n" + b"\0" * 3_000_000])
def test_what_is_no_picture_is_refused(desk: Desk, chat: PlayedChat, content: bytes) -> None:
    group = desk.group()
    chat.files["/tea.png"] = content
    body = {"group_ids": [group["id"]], "text": "Tea", "every": {"time": "09:00"}}
    for path in ("/tea.png", "/nobody.png"):
        answer: Any = desk.operator.post("/v1/posts", body | {"image_url": chat.url + path})
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/image_url")


def test_a_digest_arrives(desk: Desk, chat: PlayedChat) -> None:
    group = desk.group()
    day = now().date().isoformat()
    assert desk.operator.post(f"/v1/groups/{group['id']}/digests", {"day": day}).status_code == 202
    run_jobs(desk.program.id)
    assert "0 orders" in chat.texts("-1001")[0]
