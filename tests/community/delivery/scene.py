"""A program with groups on a played server: told things, sent to, looked at."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from community.delivery.claiming import Sending, claim
from community.delivery.sending import send_ready
from community.delivery.service import NEWS, Outgoing, enqueue
from community.platforms.service import target_from, target_json
from core.clock import frozen_at, now
from core.db import execute, fetch_all, transaction
from core.encryption import encrypt
from core.ids import new_id
from tests.clients import TestProgram
from tests.community.delivery.chats import Chats

SECRET = "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
TOKEN = "4711:" + "A" * 35


class Told(NamedTuple):
    """A message as it is stored."""

    key: str
    status: str
    folded: bool
    tries: int


class Tried(NamedTuple):
    """A dispatch as it is stored."""

    number: int
    status: str
    reason: str | None


class Scene:
    """Groups by their chat's name."""

    def __init__(self, program: TestProgram, server: Chats) -> None:
        self.program, self.server = program, server
        self.groups: dict[str, UUID] = {}

    def group(self, chat: str, platform: str = "webhook", **columns: Any) -> UUID:
        """A group whose chat is named so; columns of its row as given."""
        group_id, at = new_id(), now()
        given = {
            "webhook": {"url": f"{self.server.url}/webhook/{chat}", "secret": SECRET},
            "wecom": {"url": f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={chat}"},
            "telegram": {"token": TOKEN, "chat_id": chat},
        }[platform]
        sealed = encrypt(orjson.dumps(target_json(target_from(platform, given))).decode(), group_id)
        row = {
            "id": group_id, "content_hash": b"", "name": chat, "platform": platform, "target_sealed": sealed,
            "callback_token": str(group_id), "topics": ["order"], "scope": "program", "show_amounts": True,
            "language": "en", "status": "active", "refusals_in_a_row": 0, "created_at": at, "updated_at": at,
        } | columns  # fmt: skip
        names = ", ".join(row)
        marks = ", ".join(f"%({name})s" for name in row)
        with transaction(self.program.id):
            execute(
                f"INSERT INTO groups (program_id, {names}) VALUES (%(program_id)s, {marks})",  # type: ignore[arg-type]
                program_id=self.program.id, **row,
            )  # fmt: skip
        self.groups[chat] = group_id
        return group_id

    def set_group(self, chat: str, **columns: Any) -> None:
        sets = ", ".join(f"{name} = %({name})s" for name in columns)
        with transaction(self.program.id):
            execute(
                f"UPDATE groups SET {sets} WHERE program_id = %(program_id)s AND id = %(id)s",  # type: ignore[arg-type]
                program_id=self.program.id, id=self.groups[chat], **columns,
            )  # fmt: skip

    def aim(self, chat: str, url: str) -> None:
        """Another address for a webhook's group."""
        target = target_json(target_from("webhook", {"url": url, "secret": SECRET}))
        self.set_group(chat, target_sealed=encrypt(orjson.dumps(target).decode(), self.groups[chat]))

    def tell(self, chat: str, *texts: str, **given: Any) -> None:
        """Messages with their texts as keys; they fold unless told otherwise."""
        values = {"topic": "order", "priority": NEWS, "fold_key": "order", "language": "en"} | given
        with transaction(self.program.id):
            enqueue(
                self.program.id,
                [Outgoing(self.groups[chat], key=f"{chat}/{text}", text=text, **values) for text in texts],
            )

    def send(self, seconds: float = 2.0) -> None:
        """A delivery of the sender's job."""
        send_ready(self.program.id, seconds=seconds)

    def send_at(self, at: datetime) -> None:
        with frozen_at(at):
            self.send()

    def claim(self, most: int = 100) -> list[Sending]:
        """Claims that are committed, by a sender that does nothing more."""
        with transaction(self.program.id):
            return claim(self.program.id, most)

    def told(self, chat: str) -> list[Told]:
        """A group's messages in order."""
        with transaction(self.program.id, read_only=True):
            return fetch_all(
                Told,
                """SELECT split_part(key, '/', 2), status, folded,
                          cardinality(earlier_dispatch_ids) + (dispatch_id IS NOT NULL)::int
                   FROM messages WHERE program_id = %(program_id)s AND group_id = %(group_id)s ORDER BY priority, id""",
                program_id=self.program.id, group_id=self.groups[chat],
            )  # fmt: skip

    def statuses(self, chat: str) -> list[str]:
        return [one.status for one in self.told(chat)]

    def tries(self, chat: str) -> list[Tried]:
        """A group's dispatches in order."""
        with transaction(self.program.id, read_only=True):
            return fetch_all(
                Tried,
                """SELECT number, status, reason FROM dispatches
                   WHERE program_id = %(program_id)s AND group_id = %(group_id)s ORDER BY id""",
                program_id=self.program.id, group_id=self.groups[chat],
            )  # fmt: skip

    def texts(self, chat: str) -> list[str]:
        return self.server.texts(chat)


def soon() -> datetime:
    """A whole millisecond that everything told before lies behind."""
    at = now() + timedelta(seconds=1)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
