"""Five thousand levels deep: nothing recurses, nothing is quadratic, nothing gives up."""

from core.db import transaction
from core.ids import public_id
from referral.tree.service import chains_of, depths_of
from tests.clients import TestProgram
from tests.referral.growing import assert_forest, chain_of, fold, join, standings

DEPTH = 5000


def test_a_chain_of_five_thousand_works_like_any_other(program: TestProgram) -> None:
    members = chain_of(program, DEPTH)
    root, end = (public_id("mem", member) for member in (members[0], members[-1]))
    fold(program)
    client = program.client

    assert client.get(f"/v1/members/{end}").json["depth"] == DEPTH - 1
    upline = client.get(f"/v1/members/{end}/upline?levels=1000").json["data"]
    assert [row["member"]["depth"] for row in upline] == list(range(DEPTH - 2, DEPTH - 1002, -1))
    team = client.get(f"/v1/members/{root}/team").json
    assert (team["direct_count"], team["total_count"], team["max_depth"]) == (1, DEPTH - 1, DEPTH - 1)
    deepest = client.get(f"/v1/members/{root}/downline?level={DEPTH - 1}").json["data"]
    assert [row["member"]["id"] for row in deepest] == [end]
    page = client.get(f"/v1/members/{root}/downline?limit=200").json["data"]
    assert [row["level"] for row in page] == list(range(1, 201))

    operator = program.staff("operator")
    ring = operator.put(f"/v1/members/{root}/inviter", {"inviter_id": end, "reason": "ring"})
    assert (ring.status_code, ring.json["code"]) == (409, "referral_cycle")
    join(client, "top")
    moved = operator.put(f"/v1/members/{root}/inviter", {"inviter_external_id": "top", "reason": "team"})
    assert moved.status_code == 200
    fold(program)
    assert client.get("/v1/members/ext:top/team").json["total_count"] == DEPTH
    assert_forest(standings(program))


def test_many_of_a_deep_chain_are_read_at_once(program: TestProgram) -> None:
    members = chain_of(program, DEPTH)
    with transaction(program.id, read_only=True):
        depths = depths_of(program.id, members[-1000:])
        chains = chains_of(program.id, members[-500:], 3, enrolment="open")
    assert [depths[member] for member in members[-1000:]] == list(range(DEPTH - 1000, DEPTH))
    assert [one.id for one in chains[members[-1]]] == members[:-4:-1]
