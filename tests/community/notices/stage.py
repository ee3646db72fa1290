"""A program in which things happen and are told: groups by name, members by external id, what each heard."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from community.notices.service import Notice, tell
from core.auth.access import Role
from core.db import fetch_all, transaction
from core.events.reading import number_events
from core.events.service import Event, announce
from core.ids import parse_public_id
from core.jobs.registry import JOBS
from tests.clients import ApiClient, TestProgram
from tests.factories import OrderBody

_TARGET = {"url": "https://chats.example/hook", "secret": "whsec_" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="}
KINDS = ("notices.count", "notices.tell")


class Line(NamedTuple):
    """A line to a group as it waits to be sent."""

    group: str
    topic: str
    priority: int
    text: str
    markdown: str | None
    about: list[UUID]


class Stage:
    """Things happen through the API; `tell` lets the consumers read the log as the worker does."""

    def __init__(self, program: TestProgram) -> None:
        self.program = program
        self.members: dict[str, UUID] = {}

    @cached_property
    def operator(self) -> ApiClient:
        return self.program.staff(Role.OPERATOR)

    @cached_property
    def owner(self) -> ApiClient:
        return self.program.staff(Role.OWNER)

    def group(self, name: str, *topics: str, **fields: Any) -> UUID:
        body = {
            "external_id": name, "name": name, "platform": "webhook", "target": _TARGET, "topics": list(topics),
            "language": "en", "show_amounts": True,
        } | fields  # fmt: skip
        answer = self.operator.post("/v1/groups", body)
        assert answer.status_code == 201, answer.text
        return UUID(str(parse_public_id("grp", answer.json["id"])))

    def member(self, external_id: str, inviter: str | None = None, **fields: Any) -> UUID:
        body = {"external_id": external_id, "name": external_id.title(), "inviter_external_id": inviter} | fields
        answer = self.program.client.post("/v1/members", body)
        assert answer.status_code == 201, answer.text
        self.members[external_id] = UUID(str(parse_public_id("mem", answer.json["id"])))
        return self.members[external_id]

    def plan(self, *rates: int) -> None:
        """A commission plan from long ago on."""
        levels = [{"rate_bps": rate} for rate in rates]
        body = {"name": "plan", "effective_from": "2020-01-01T00:00:00Z", "levels": levels}
        assert self.owner.post("/v1/plans", body).status_code == 201

    def order(self, customer: str, **fields: Any) -> Any:
        answer = self.program.client.post("/v1/orders", OrderBody(customer_external_id=customer, **fields))
        assert answer.status_code == 201, answer.text
        return answer.json

    def happen(self, *events: Event) -> None:
        with transaction(self.program.id):
            announce(self.program.id, list(events))

    def tell(self) -> None:
        """Until nothing is left to be read."""
        for _ in range(2):  # what is told may be told of
            for name in KINDS:
                with transaction(self.program.id):
                    while number_events(self.program.id):
                        pass
                    JOBS[name].handler(self.program.id)

    def notify(self, *notices: Notice) -> None:
        """As a feature tells that knows something better than the log."""
        program = self.program.now()
        with transaction(self.program.id):
            tell(program, notices)

    def lines(self, group: str | None = None) -> list[Line]:
        """What waits for groups, by group and then in the order of telling."""
        with transaction(self.program.id, read_only=True):
            rows = fetch_all(
                Line,
                """SELECT g.name, m.topic, m.priority, m.text, m.markdown, m.about
                   FROM messages m JOIN groups g ON g.program_id = m.program_id AND g.id = m.group_id
                   WHERE m.program_id = %(p)s ORDER BY g.name, m.id""",
                p=self.program.id,
            )  # fmt: skip
        return [row for row in rows if group in (None, row.group)]

    def texts(self, group: str) -> list[str]:
        return [line.text for line in self.lines(group)]

    def inbox(self, member: str, **query: str) -> list[Any]:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        answer = self.program.member(f"ext:{member}").get(f"/v1/me/notices?{asked}")
        assert answer.status_code == 200, answer.text
        return answer.json["data"]

    def heard(self, member: str) -> list[str]:
        """The texts of a member's inbox, oldest first."""
        return [one["text"] for one in reversed(self.inbox(member))]

    def put_text(self, topic: str, text: str, language: str = "en", markdown: str | None = None) -> None:
        answer = self.operator.put(f"/v1/notice-templates/{topic}/{language}", {"text": text, "markdown": markdown})
        assert answer.status_code == 200, answer.text


def names(stage: Stage, ids: Sequence[UUID]) -> list[str]:
    by_id = {member_id: name for name, member_id in stage.members.items()}
    return [by_id[one] for one in ids]
