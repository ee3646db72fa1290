"""Links, members and coupon codes for these tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from core.bulk import insert_rows
from core.clock import now
from core.db import fetch_all, scalars, transaction
from core.ids import new_id, parse_public_id
from coupons.vouchers.models import CouponCodeRow, CouponRow
from tests.clients import ApiClient, TestProgram

SHOP = "https://shop.example/tea?utm_source=ada"
PAST = datetime(2026, 1, 1, tzinfo=UTC)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


def body(**fields: Any) -> dict[str, Any]:
    """The body of a new link of member `ada`."""
    return {"member_external_id": "ada", "destination_url": SHOP} | fields


def join(client: ApiClient, *external_ids: str, **fields: Any) -> list[str]:
    """Register members; their ids."""
    answers = [client.post("/v1/members", {"external_id": one} | fields) for one in external_ids]
    assert {answer.status_code for answer in answers} == {201}
    return [answer.json["id"] for answer in answers]


def make(client: ApiClient, **fields: Any) -> dict[str, Any]:
    """A link made over HTTP."""
    answer = client.post("/v1/links", body(**fields))
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def batch(client: ApiClient, *links: Any) -> list[dict[str, Any]]:
    """The results of a batch."""
    answer = client.post("/v1/links/batch", {"links": list(links)})
    assert answer.status_code == 200, answer.text
    return list(answer.json["results"])


def faults(answer: Any) -> list[str]:
    """The pointers of a 422."""
    assert answer.status_code == 422, answer.text
    return [fault["pointer"] for fault in answer.json["errors"]]


def link_id(shown: dict[str, Any]) -> UUID:
    found = parse_public_id("lnk", shown["id"])
    assert found is not None
    return found


def codes_in_table(program: TestProgram) -> list[str]:
    """The codes of all links of the program."""
    with transaction(program.id, read_only=True):
        return scalars("SELECT code FROM links WHERE program_id = %(p)s ORDER BY code", p=program.id)


class Announced(NamedTuple):
    topic: str
    key: str


def announced(code: str) -> int:
    """How often every process was told that a code changed."""
    with transaction(read_only=True):
        rows = fetch_all(Announced, "SELECT topic, key FROM cache_changes WHERE key = %(code)s", code=code)
    assert {row.topic for row in rows} <= {"link"}
    return len(rows)


class _Coupon(NamedTuple):
    id: UUID
    name: str
    kind: str
    amount: int | None
    percent_bps: int | None
    min_spend: int
    stackable: bool
    give_back: str
    status: str
    valid_to: datetime | None
    created_at: datetime
    updated_at: datetime


class _Code(NamedTuple):
    id: UUID
    coupon_id: UUID
    code: str
    kind: str
    status: str
    created_at: datetime
    updated_at: datetime


def seed_coupon(
    program: TestProgram,
    codes: Sequence[str],
    *,
    amount: int | None = 1000,
    percent_bps: int | None = None,
    min_spend: int = 0,
    valid_to: datetime | None = None,
) -> None:
    """A coupon with shared codes."""
    at = now() - timedelta(days=1)
    kind = "amount" if percent_bps is None else "percent"
    terms = (None if percent_bps else amount, percent_bps, min_spend)
    coupon = _Coupon(new_id(), "Tea", kind, *terms, True, "never", "active", valid_to, at, at)  # noqa: FBT003 -- a column
    rows = [_Code(new_id(), coupon.id, code, "shared", "active", at, at) for code in codes]
    with transaction(program.id):
        insert_rows(CouponRow, [coupon], program_id=program.id)
        insert_rows(CouponCodeRow, rows, program_id=program.id)
