"""The people's part: calls through the API's own edge in this process, so that roles are asked and the audit log tells.

Jobs are done by the workers; this only looks until they are through.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from demo.accounts import Access, LogIn
from demo.progress import Show, Step

PATIENCE_SECONDS = 300.0  # nothing moved for so long, beside two leases of a job: the workers are not at work
PAUSE_SECONDS = 0.2

Pause = Callable[[], None]


class OfficeError(Exception):
    """It cannot go on; says what to look at."""


class Caller:
    """Calls the API with one credential."""

    def __init__(self, app: Flask, credential: str | None) -> None:
        self._client = app.test_client()
        self._headers = {"Authorization": f"Bearer {credential}"} if credential else {}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer.

        Raises:
            OfficeError: it is not a 2xx.
        """
        options = {} if body is None else {"json": body}
        answer = self._client.open(path, method=method, headers=self._headers, **options)  # type: ignore[arg-type]
        if not 200 <= answer.status_code < 300:
            raise OfficeError(f"{method} {path.partition('?')[0]} was answered {answer.status_code}: {answer.text}")
        found: dict[str, Any] = answer.get_json()
        return found


def signed_in(app: Flask, who: LogIn) -> Caller:
    """Raises: OfficeError: the password was changed."""
    token = Caller(app, None).call("POST", "/v1/auth/staff", {"email": who.email, "password": who.password})
    return Caller(app, token["access_token"])


class Office:
    """Two people of finance: one makes settlements, the other approves them."""

    def __init__(self, app: Flask, access: Access, show: Show, pause: Pause | None = None) -> None:
        self.maker, self.checker = (signed_in(app, who) for who in access.finance)
        self._show = show
        self._patience = PATIENCE_SECONDS + 2 * app.config["SETTINGS"].job_lease_seconds
        self._pause = pause or (lambda: time.sleep(PAUSE_SECONDS))

    def settle(self, as_of: datetime) -> dict[str, Any]:
        """Mature, settle and pay out all that is due at an instant; goes on with the run that is there. The run."""
        run = self._first_run() or self._new_run(as_of)
        run = self._until(run, "settlement 结算批次", {"preparing"}, _prepared)
        if run["status"] == "draft":
            run = self.checker.call("POST", f"/v1/settlements/{run['id']}/approve", {"digest": run["digest"]})
        if run["status"] == "approved":
            run = self.maker.call("POST", f"/v1/settlements/{run['id']}/execute")
        run = self._until(run, "payouts 打款", {"executing"}, _paid)
        if run["status"] != "completed":
            raise OfficeError(f"the settlement {run['id']} is {run['status']}: it was stopped by somebody")
        return run

    def _first_run(self) -> dict[str, Any] | None:
        runs = self.maker.call("GET", "/v1/settlements?limit=200")["data"]
        return self._run(runs[-1]["id"]) if runs else None

    def _run(self, run_id: str) -> dict[str, Any]:
        return self.maker.call("GET", f"/v1/settlements/{run_id}")

    def _new_run(self, as_of: datetime) -> dict[str, Any]:
        instant = as_of.astimezone(UTC).isoformat().replace("+00:00", "Z")
        maturation = self.maker.call("POST", "/v1/maturations", {"as_of": instant})
        self._until(maturation, "maturation 解冻", {"running"}, _matured)
        return self.maker.call("POST", "/v1/settlements", {"as_of": instant})

    def _until(
        self, found: dict[str, Any], title: str, states: set[str], tell: Callable[[dict[str, Any], Step], Any]
    ) -> dict[str, Any]:
        """Look again until the resource has left the states; `tell` shows it and returns what must move meanwhile."""
        path = f"/v1/{'maturations' if found['id'].startswith('mat_') else 'settlements'}/{found['id']}"
        with self._show.step(title) as step:
            found = self.maker.call("GET", path)
            seen, moved_at = tell(found, step), time.monotonic()
            while found["status"] in states:
                self._pause()
                found = self.maker.call("GET", path)
                if (now_seen := tell(found, step)) != seen:
                    seen, moved_at = now_seen, time.monotonic()
                if time.monotonic() - moved_at > self._patience:
                    raise OfficeError(f"{path} is {found['status']} and does not move: do the workers run? ({seen})")
        return found


def _matured(maturation: dict[str, Any], step: Step) -> Any:
    count = maturation["commission_count"]
    step.reach(count, None)
    step.note = f"{count:,} commissions"
    return count


def _prepared(run: dict[str, Any], step: Step) -> Any:
    count = run["totals"]["payout_count"]
    step.reach(count, None)
    step.note = f"{count:,} payouts, made by one person, approved by another"
    return count


def _paid(run: dict[str, Any], step: Step) -> Any:
    by_status = {one["status"]: one["count"] for one in run["progress"]}
    ended = sum(by_status.get(status, 0) for status in ("paid", "failed", "returned"))
    step.reach(ended, run["totals"]["payout_count"])
    step.note = ", ".join(f"{count:,} {status}" for status, count in by_status.items())
    return by_status
