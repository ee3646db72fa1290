"""Groups with members, red packets as staff make them, and the books that must be true of them."""

from collections.abc import Sequence
from time import sleep
from typing import Any, NamedTuple
from uuid import UUID

from community.groups.changes import create_group
from community.groups.members import Joining, join
from community.groups.schemas import NewGroupBody
from community.groups.service import find_group
from community.red_packets.tasks import advance_packets
from core.auth.service import program_of
from core.clock import now
from core.db import execute, fetch_all, fetch_one, scalar, transaction
from core.ids import parse_public_id, public_id
from tests.clients import ApiClient, TestProgram
from tests.factories import member_ref, seed_members
from tests.jobs import run_jobs

_HOOK = {"url": "https://chat.example/hook", "secret": "whsec_" + "dGVzdHMh" * 4}
_GROUP = {"name": "Tea lovers", "platform": "webhook", "target": _HOOK, "language": "en", "show_amounts": True}


def seed_group(program: TestProgram, members: Sequence[UUID] = (), **changes: Any) -> UUID:
    """A group with these members in it."""
    with transaction(program.id):
        group, _ = create_group(program_of(program.id), NewGroupBody().load(_GROUP | changes))
    let_in(program, group.id, members)
    return group.id


def let_in(program: TestProgram, group_id: UUID, members: Sequence[UUID]) -> None:
    with transaction(program.id):
        group = find_group(program.id, group_id)
        join(program_of(program.id), group, [Joining(member) for member in members])


def let_out(program: TestProgram, group_id: UUID, member: UUID) -> None:
    with transaction(program.id):
        execute(
            """UPDATE group_members SET left_at = %(at)s
               WHERE program_id = %(p)s AND group_id = %(group_id)s AND member_id = %(member)s""",
            p=program.id, group_id=group_id, member=member, at=now(),
        )  # fmt: skip


class Giving:
    """A program with a group, an operator who makes packets, and somebody of finance who approves them."""

    def __init__(self, program: TestProgram, members: int = 3) -> None:
        self.program = program
        self.operator, self.finance = program.staff("operator"), program.staff("finance")
        self.members = seed_members(program, members)
        self.group = seed_group(program, self.members)

    def body(self, **changes: Any) -> dict[str, Any]:
        return {"total": 1000, "count": 3, "split": "random", "group_id": public_id("grp", self.group)} | changes

    def draft(self, **changes: Any) -> dict[str, Any]:
        answer = self.operator.post("/v1/red-packets", self.body(**changes))
        assert answer.status_code == 201, answer.text
        return answer.json  # type: ignore[return-value]

    def packet(self, **changes: Any) -> dict[str, Any]:
        """A funded packet."""
        made = self.draft(**changes)
        return made if made["status"] != "draft" else self.approved(made)

    def approved(self, made: dict[str, Any]) -> dict[str, Any]:
        answer = self.finance.post(f"/v1/red-packets/{made['id']}/approve")
        assert answer.status_code == 200, answer.text
        return answer.json  # type: ignore[return-value]

    def claim(self, packet: dict[str, Any], member: UUID, client: ApiClient | None = None, **options: Any) -> Any:
        path = f"/v1/red-packets/{packet['id']}/claims"
        return (client or self.program.client).post(path, {"member_id": member_ref(member)}, **options)

    def shown(self, packet: dict[str, Any]) -> dict[str, Any]:
        answer = self.program.client.get(f"/v1/red-packets/{packet['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json  # type: ignore[return-value]

    def available(self, member: UUID) -> int:
        found: dict[str, Any] = self.program.client.get(f"/v1/members/{member_ref(member)}/balance").json
        return int(found["available"])


def id_of(packet: dict[str, Any]) -> UUID:
    found = parse_public_id("rpk", packet["id"])
    assert found is not None
    return found


class Pool(NamedTuple):
    """Accounts that red packets move, as the ledger has them."""

    pool: int
    expense: int
    budget: int


def accounts(program: TestProgram) -> Pool:
    totals = {one["code"]: one["balance"] for one in program.client.get("/v1/ledger/trial-balance").json["accounts"]}
    return Pool(*[totals.get(code, 0) for code in ("red_packet_pool", "campaign_expense", "activity_budget")])


class Shares(NamedTuple):
    """How many shares of a packet there are, and their sums, by status."""

    free: int
    claimed: int
    returned: int
    claimed_amount: int


def shares_of(program: TestProgram, packet: dict[str, Any]) -> Shares:
    with transaction(program.id, read_only=True):
        found = fetch_one(
            Shares,
            """SELECT count(*) FILTER (WHERE status = 'free'), count(*) FILTER (WHERE status = 'claimed'),
                      count(*) FILTER (WHERE status = 'returned'),
                      coalesce(sum(amount) FILTER (WHERE status = 'claimed'), 0)::bigint
               FROM red_packet_shares WHERE program_id = %(p)s AND red_packet_id = %(id)s""",
            p=program.id, id=id_of(packet),
        )  # fmt: skip
    assert found is not None
    return found


class Told(NamedTuple):
    """An event of the log."""

    kind: str
    facts: dict[str, Any]


def told(program: TestProgram) -> list[Told]:
    with transaction(program.id, read_only=True):
        return fetch_all(
            Told,
            "SELECT kind, facts FROM events WHERE program_id = %(p)s AND kind LIKE 'red_packet.%%' ORDER BY id",
            p=program.id,
        )


def audit(program: TestProgram) -> dict[str, Any]:
    """The outcome of a whole audit of the ledger."""
    finance = program.staff("finance")
    asked = finance.post("/v1/ledger/audits")
    assert asked.status_code == 202, asked.text
    run_jobs(program.id)
    found: dict[str, Any] = finance.get(f"/v1/ledger/audits/{asked.json['id']}").json  # type: ignore[index,assignment]
    assert found["status"] == "completed"
    return found


def assert_sound(program: TestProgram) -> None:
    """The ledger and the packets agree, and finance's sums are what members have."""
    found = audit(program)
    assert found["ok"], found["problems"]
    assert "red_packets" in found["checked"]
    money = program.client.get("/v1/finance/summary").json
    owed = sum(money[name] for name in ("accrued", "adjustments", "rewards", "red_packets")) - money["reversed"]
    held = sum(money[name] for name in ("pending", "payable", "in_payout", "paid")) - money["debt"]["amount"]
    assert owed == held


def set_expiry(program: TestProgram, packet: dict[str, Any], at: Any) -> None:
    """Move the end of a packet, as if time had passed."""
    with transaction(program.id):
        execute(
            """UPDATE red_packets SET expires_at = %(at)s, opens_at = least(opens_at, %(at)s - interval '1 hour')
               WHERE program_id = %(p)s AND id = %(id)s""",
            p=program.id, id=id_of(packet), at=at,
        )  # fmt: skip


def ledger_count(program: TestProgram, kind: str) -> int:
    with transaction(program.id, read_only=True):
        return int(
            scalar("SELECT count(*) FROM ledger_transactions WHERE program_id = %(p)s AND kind = %(kind)s",
                   p=program.id, kind=kind)
        )  # fmt: skip


def advance(program: TestProgram) -> None:
    """One turn of the job that opens, finishes and expires."""
    with transaction(program.id):
        advance_packets(program.id)


def until_somebody_waits() -> None:
    """Return when a transaction waits for another's lock."""
    for _ in range(1000):
        with transaction():
            if scalar("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                return
        sleep(0.005)
    raise AssertionError("nobody waits")


class Said(NamedTuple):
    """A message that waits for a group."""

    key: str
    text: str


def said_to(program: TestProgram, group_id: UUID) -> list[str]:
    """What the group is told of red packets, in order."""
    with transaction(program.id, read_only=True):
        rows = fetch_all(
            Said,
            """SELECT key, text FROM messages
               WHERE program_id = %(p)s AND group_id = %(group_id)s AND topic = 'red_packet' ORDER BY id""",
            p=program.id, group_id=group_id,
        )  # fmt: skip
    return [row.text for row in rows]
