"""The delivery log: what was said and tried, for those who may read it, and saying again what did not arrive."""

import re
from datetime import timedelta

import pytest

from community.delivery.rules import KEPT
from community.delivery.upkeep import prune
from core.clock import frozen_at, now
from core.db import scalar, scalars, transaction
from core.ids import public_id
from referral.members.service import erase
from tests.clients import make_program
from tests.community.delivery.scene import Scene
from tests.jobs import run_jobs

PATHS = ("/v1/messages", "/v1/messages/msg_00000000000000000000000000")


@pytest.mark.parametrize("path", PATHS)
def test_anonymous_may_not_read_the_log(scene: Scene, path: str) -> None:
    assert scene.program.anonymous.get(path).status_code == 401


def test_members_and_publishable_keys_may_not_read_the_log(scene: Scene) -> None:
    scene.program.client.post("/v1/members", {"external_id": "ada"})
    assert scene.program.member("ext:ada").get("/v1/messages").status_code == 403


def test_another_programs_message_is_not_found(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "a")
    [message] = scene.program.client.get("/v1/messages").json["data"]
    other = make_program(scene.program.app)
    assert other.client.get("/v1/messages").json["data"] == []
    assert other.client.get(f"/v1/messages/{message['id']}").status_code == 404
    assert other.staff("operator").post(f"/v1/messages/{message['id']}/resend").status_code == 404
    assert other.client.get(f"/v1/messages?group_id={message['group_id']}").status_code == 404
    assert scene.program.client.get("/v1/messages/ext:a").status_code == 404


def test_the_log_shows_what_was_said_and_every_try(scene: Scene) -> None:
    scene.group("one")
    scene.server.scripts["one"].append("refuse")
    scene.tell("one", *[f"{number}" for number in range(7)])
    scene.send()
    [newest, *_] = scene.program.client.get("/v1/messages?limit=1").json["data"]
    assert (newest["text"], newest["status"], newest["folded"]) == ("6", "refused", True)
    whole = scene.program.client.get(f"/v1/messages/{newest['id']}").json
    [attempt] = whole["attempts"]
    assert attempt["text"] == "0\n1\n2\n3\n4\n… and 2 more"
    assert (attempt["number"], attempt["status"], attempt["messages"]) == (1, "refused", 7)
    assert attempt["reason"].startswith("wrong_target")


def test_the_log_is_paged_and_filtered(scene: Scene) -> None:
    scene.group("one", external_id="E-1")
    scene.group("two")
    scene.tell("one", "a", "b", "c", fold_key=None)
    scene.tell("two", "d", topic="member")
    client = scene.program.client
    seen, cursor = [], ""
    while cursor is not None:
        found = client.get(f"/v1/messages?limit=3&cursor={cursor}" if cursor else "/v1/messages?limit=3").json
        seen += [one["text"] for one in found["data"]]
        cursor = found["next_cursor"]
    assert seen == ["d", "c", "b", "a"]

    def texts(query: str) -> list[str]:
        return [one["text"] for one in client.get(f"/v1/messages?{query}").json["data"]]

    assert texts("group_id=ext:E-1") == ["c", "b", "a"]
    assert texts(f"group_id={public_id('grp', scene.groups['two'])}") == ["d"]
    assert texts("topic=member") == ["d"]
    assert texts("status=waiting&topic=order") == ["c", "b", "a"]
    assert texts("status=sent") == []
    assert client.get("/v1/messages?status=lost").status_code == 422
    assert client.get("/v1/messages?group_id=ext:none").status_code == 404


def test_a_refused_message_is_sent_again_once_for_each_time_it_is_asked_for(scene: Scene) -> None:
    scene.group("one")
    scene.server.scripts["one"].extend(["refuse", "refuse"])
    scene.tell("one", "a")
    scene.send()
    operator = scene.program.staff("operator")
    [message] = operator.get("/v1/messages").json["data"]
    path = f"/v1/messages/{message['id']}/resend"
    assert operator.post(path).json["status"] == "waiting"
    again = operator.post(path)
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")
    run_jobs(scene.program.id)
    assert operator.post(path).json["status"] == "waiting"
    run_jobs(scene.program.id)
    assert scene.texts("one") == ["a"]
    assert [one["status"] for one in operator.get(f"/v1/messages/{message['id']}").json["attempts"]] == [
        "refused", "refused", "sent",
    ]  # fmt: skip
    assert operator.post(path).status_code == 409


def test_who_may_only_read_may_not_send_again(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "a", expires_at=now())
    run_jobs(scene.program.id)
    [message] = scene.program.client.get("/v1/messages").json["data"]
    assert message["status"] == "expired"
    for client in (scene.program.client, scene.program.staff("viewer"), scene.program.staff("finance")):
        assert client.post(f"/v1/messages/{message['id']}/resend").status_code == 403
    assert scene.program.staff("operator").post(f"/v1/messages/{message['id']}/resend").status_code == 200
    run_jobs(scene.program.id)
    assert scene.texts("one") == ["a"]


def test_the_log_forgets_after_ninety_days(scene: Scene) -> None:
    scene.group("one")
    scene.tell("one", "old", image=b"\x89PNG\r\n\x1a\n", fold_key=None)
    scene.send()
    with frozen_at(now() + KEPT + timedelta(minutes=1)):
        scene.tell("one", "new")
        with transaction(scene.program.id):
            prune(scene.program.id)
        assert [one.key for one in scene.told("one")] == ["new"]
        assert scene.tries("one") == []
        with transaction(scene.program.id, read_only=True):
            assert scalar("SELECT count(*) FROM message_images WHERE program_id = %(p)s", p=scene.program.id) == 0


def test_an_erased_members_name_is_blanked_and_what_waits_about_him_is_not_said(scene: Scene) -> None:
    scene.group("one")
    answer = scene.program.client.post("/v1/members", {"external_id": "ada", "name": "Ada"})
    with transaction(scene.program.id, read_only=True):
        member_id = scalar("SELECT id FROM members WHERE program_id = %(p)s", p=scene.program.id)
    scene.tell("one", "Ada sold", about=(member_id,))
    scene.tell("one", "Bob sold")
    scene.send()
    scene.tell("one", "Ada sold again", about=(member_id,))
    with transaction(scene.program.id):
        erase(scene.program.id, member_id)
    scene.send()
    assert scene.texts("one") == ["Ada sold\nBob sold"]
    with transaction(scene.program.id, read_only=True):
        texts = scalars("SELECT text FROM messages WHERE program_id = %(p)s", p=scene.program.id)
        sent = scalars("SELECT text FROM dispatches WHERE program_id = %(p)s", p=scene.program.id)
    assert (sorted(texts), sent) == (["", "", "Bob sold"], [""])
    assert scene.statuses("one") == ["sent", "sent", "canceled"]
    assert answer.status_code == 201


def test_what_waits_shows_in_the_metrics(scene: Scene) -> None:
    scene.group("robot-one", "wecom")
    with frozen_at(now() - timedelta(hours=1)):
        scene.tell("robot-one", "a", "b")
    shown = scene.program.anonymous.get("/metrics").text
    assert 'banyan_messages_waiting{platform="wecom"}' in shown
    [age] = re.findall(r'banyan_messages_oldest_seconds{platform="wecom"} (\S+)', shown)
    assert float(age) >= 3600
    scene.send()
    assert 'banyan_dispatches_total{outcome="sent",platform="wecom"}' in scene.program.anonymous.get("/metrics").text
