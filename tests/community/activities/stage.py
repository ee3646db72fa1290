"""The calls that an activity sees in its life, with sensible defaults; time passes where a test says so."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

from werkzeug.test import TestResponse

from commission.ledger import audits
from core.auth.actor import Actor, ActorKind
from core.db import fetch_all, scalar, transaction
from core.ids import new_id, parse_public_id
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.clients import ApiClient, TestProgram
from tests.jobs import run_jobs

START = datetime(2026, 5, 1, tzinfo=UTC)
END = START + timedelta(days=7)
NOON = START + timedelta(hours=12)
AFTER = END + timedelta(minutes=2)
_numbers = count(1)
_SWEEPS = ("events.number", "activities.follow_orders", "activities.advance", "activities.release",
           "activities.settle", "activities.pay", "activities.follow_guard", "activities.tell")  # fmt: skip
POINTS = {"kind": "points", "amount": 10}
POINTS_BUDGET = {"currency": "PTS", "amount": 100_000}
CASH = {"kind": "cash", "amount": 250}
CASH_BUDGET = {"currency": "GBP", "amount": 100_000}
GOALS: dict[str, dict[str, Any]] = {
    "share": {"clicks": 3},
    "group_buy": {"sku": "TEA", "price": 990, "buyers": 3},
    "engagement": {"likes": 2},
    "poll": {"options": [{"id": "tea", "text": "Tea"}, {"id": "mate", "text": "Mate"}]},
    "member_day": {"multiplier_bps": 20_000},
}


class Sum(NamedTuple):
    """What stands on an account of the ledger."""

    account: str
    amount: int


class Stage:
    """One program and what is done in it."""

    def __init__(self, program: TestProgram) -> None:
        self.program = program
        self.client: ApiClient = program.client

    def make(self, kind: str = "check_in", status: int = 201, **more: Any) -> dict[str, Any]:
        """An activity from START to END, made by an operator of its own."""
        answer = self.program.staff("operator").post("/v1/activities", activity_body(kind, **more))
        assert answer.status_code == status, answer.text
        return answer.json  # type: ignore[no-any-return]

    def run(self, kind: str = "check_in", **more: Any) -> dict[str, Any]:
        """One that runs already; money in its budget is approved. The clock stands at START or later."""
        activity = self.make(kind, **more)
        if activity["budget"] and activity["budget"]["currency"] != "PTS":
            assert self.approve(activity).status_code == 200
        self.sweep()
        shown = self.show(activity)
        assert shown["status"] == "running"
        return shown

    def approve(self, activity: dict[str, Any]) -> TestResponse:
        return self.program.staff("finance").post(f"/v1/activities/{activity['id']}/budget-approval")

    def show(self, activity: dict[str, Any]) -> dict[str, Any]:
        return self.client.get(f"/v1/activities/{activity['id']}").json  # type: ignore[no-any-return]

    def join(self, activity: dict[str, Any], member: str, **more: Any) -> TestResponse:
        """A member takes part, as the shop tells it."""
        body = {"member_external_id": member} | more
        return self.client.post(f"/v1/activities/{activity['id']}/participations", body)

    def take_part(self, activity: dict[str, Any], member: str, **more: Any) -> TestResponse:
        """A member takes part himself."""
        client = self.program.member(f"ext:{member}")
        return client.post("/v1/me/activity-participations", {"activity_id": activity["id"]} | more)

    def publish(self, *names: str) -> None:
        """These sweeps come round, where they have work."""
        publish_where_due(self.program.id, [SCHEDULES[name] for name in names])

    def sweep(self) -> None:
        """Everything that comes round by itself comes round until there is nothing to do."""
        for _ in range(50):
            self.publish(*_SWEEPS)
            if not run_jobs(self.program.id):
                return
        raise AssertionError("it does not come to rest")

    def settle(self, activity: dict[str, Any]) -> dict[str, Any]:
        """To the end, at the moment the clock stands at."""
        self.sweep()
        shown = self.show(activity)
        assert shown["status"] == "settled", shown
        return shown

    def participations(self, activity: dict[str, Any], **query: str) -> list[dict[str, Any]]:
        return self._list(activity, "participations", query)

    def rewards(self, activity: dict[str, Any], **query: str) -> list[dict[str, Any]]:
        return self._list(activity, "rewards", query)

    def teams(self, activity: dict[str, Any]) -> list[dict[str, Any]]:
        return self._list(activity, "teams", {})

    def _list(self, activity: dict[str, Any], what: str, query: dict[str, str]) -> list[dict[str, Any]]:
        answer = self.client.get(f"/v1/activities/{activity['id']}/{what}", query_string={"limit": "200"} | query)
        assert answer.status_code == 200, answer.text
        return answer.json["data"]  # type: ignore[index, no-any-return]

    def member(self, external_id: str, inviter: str | None = None, **more: Any) -> str:
        """A member's public id."""
        body = {"external_id": external_id} | ({"inviter_external_id": inviter} if inviter else {}) | more
        answer = self.client.post("/v1/members", body)
        assert answer.status_code == 201, answer.text
        return answer.json["id"]  # type: ignore[index, no-any-return]

    def order(self, customer: str, external_id: str | None = None, sku: str = "TEA", **more: Any) -> str:
        """A paid order of one product; its external id."""
        name = external_id or f"order-{next(_numbers)}"
        items = [{"sku": sku, "quantity": 1, "unit_price": 990}]
        body = {"external_id": name, "currency": "GBP", "paid_at": NOON.isoformat(), "items": items,
                "customer_external_id": customer}  # fmt: skip
        answer = self.client.post("/v1/orders", body | more)
        assert answer.status_code == 201, answer.text
        return name

    def refund(self, order: str, amount: int = 990) -> None:
        body = {"external_id": f"refund-{next(_numbers)}", "refunded_at": NOON.isoformat(), "amount": amount}
        answer = self.client.post(f"/v1/orders/ext:{order}/refunds", body)
        assert answer.status_code == 201, answer.text

    def available(self, member: str) -> int:
        return self.client.get(f"/v1/members/ext:{member}/balance").json["available"]  # type: ignore[index, no-any-return]

    def points(self, member: str) -> int:
        """By the ledger's balances."""
        member_id = self.client.get(f"/v1/members/ext:{member}").json["id"]  # type: ignore[index]
        with transaction(self.program.id, read_only=True):
            found = scalar(
                """SELECT available FROM member_balances
                   WHERE program_id = %(p)s AND member_id = %(id)s AND currency = 'PTS'""",
                p=self.program.id, id=parse_public_id("mem", member_id),
            )  # fmt: skip
        return found or 0

    def books(self) -> dict[str, int]:
        """What stands on the accounts that activities move, without empty ones."""
        with transaction(self.program.id, read_only=True):
            rows = fetch_all(
                Sum,
                """SELECT account, sum(amount)::bigint FROM ledger_postings
                   WHERE program_id = %(p)s AND currency <> 'PTS' GROUP BY account HAVING sum(amount) <> 0""",
                p=self.program.id,
            )  # fmt: skip
        return dict(rows)

    def assert_sound(self, *, without: str | None = None) -> None:
        """An audit of everything (`without` one check) finds nothing; debits equal credits."""
        trial: Any = self.client.get("/v1/ledger/trial-balance").json
        assert trial["balanced"]
        assert [one for one in self.problems() if one["check"] != without] == []

    def problems(self) -> list[dict[str, str | None]]:
        """What an audit of everything finds."""
        actor = Actor(self.program.now(), ActorKind.STAFF, new_id())
        with transaction(self.program.id):
            audit_id = audits.request_audit(actor).id
        run_jobs(self.program.id)
        with transaction(self.program.id, read_only=True):
            audit = audits.audit_of(self.program.id, audit_id)
        assert audit.status == "completed"
        assert "activities" in audit.progress.checked
        return audit.progress.problems

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Facts of events of these kinds, oldest first."""
        with transaction(self.program.id, read_only=True):
            rows = fetch_all(
                _Told,
                "SELECT kind, facts FROM events WHERE program_id = %(p)s AND kind = ANY(%(kinds)s) ORDER BY id",
                p=self.program.id, kinds=list(kinds),
            )  # fmt: skip
        return [row.facts for row in rows]


class _Told(NamedTuple):
    kind: str
    facts: dict[str, Any]


def activity_body(kind: str = "check_in", **more: Any) -> dict[str, Any]:
    """The body of `POST /v1/activities`."""
    body = {
        "kind": kind, "name": f"An activity of {kind}", "starts_at": START.isoformat(), "ends_at": END.isoformat(),
        "goal": GOALS.get(kind, {}),
    }  # fmt: skip
    return body | more


def uuid_of(prefix: str, text: str) -> UUID:
    found = parse_public_id(prefix, text)
    assert found is not None
    return found
