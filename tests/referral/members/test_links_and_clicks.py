"""Registration by link and by click: who the inviter is, what is refused, and whose device it was."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import pytest

from core.clock import frozen_at, now
from core.db import fetch_all, transaction
from core.encryption import lookup_hash
from core.ids import new_id, public_id
from coupons.clicks.tokens import visitor_key_of
from referral.members.new_member import Identity, InviterName, NewMember, content_hash
from referral.members.service import customers_for
from tests.clients import TestProgram, make_program
from tests.coupons.clicks.clicking import Clicked, clicked, make_link, token_of
from tests.referral.growing import assert_forest, id_in, join, standings
from tests.referral.statements import counted_statements
from tests.threads import together

DAY = timedelta(days=1)


class Joined(NamedTuple):
    """A visitor who is known to be a member."""

    visitor_key: bytes
    member_id: UUID
    source: str


class Way(NamedTuple):
    """A sharer's link with a fresh click on it."""

    owner: str  # public id
    code: str
    link_id: UUID
    click: Clicked
    token: str

    def named_by(self, field: str) -> dict[str, str]:
        return {field: {"link_code": self.code, "click_id": self.token}[field]}


def way_of(program: TestProgram, owner: Mapping[str, Any], **ends: Any) -> Way:
    code = f"w-{new_id().hex[-16:]}"
    link_id = make_link(program, id_in(owner), code, **ends)
    click = clicked(program, link_id, "device", now())
    return Way(owner["id"], code, link_id, click, token_of(program, click))


@pytest.fixture
def way(program: TestProgram) -> Way:
    return way_of(program, join(program.client, "sharer"))


def joined(program: TestProgram) -> list[Joined]:
    with transaction(program.id, read_only=True):
        return fetch_all(
            Joined,
            "SELECT visitor_key, member_id, source FROM visitor_members WHERE program_id = %(p)s ORDER BY member_id",
            p=program.id,
        )


def register(program: TestProgram, external_id: str, **fields: Any) -> Any:
    return program.client.post("/v1/members", {"external_id": external_id} | fields)


SOURCES = pytest.mark.parametrize(("field", "source"), [("link_code", "link"), ("click_id", "click")])


@SOURCES
def test_the_inviter_is_the_links_owner(program: TestProgram, way: Way, field: str, source: str) -> None:
    made = register(program, "new", **way.named_by(field))
    assert (made.status_code, made.json["inviter_id"], made.json["binding"]["source"]) == (201, way.owner, source)
    (row,) = program.client.get("/v1/members/ext:new/inviter-history").json["data"]
    assert (row["source"], row["inviter_id"], row["actor"]["kind"], row["reason"]) == (source, way.owner, "key", None)


@SOURCES
def test_the_same_again_is_found_however_the_inviter_is_named(
    program: TestProgram, way: Way, field: str, source: str
) -> None:
    first = register(program, "new", name="N", **way.named_by(field))
    for again in (way.named_by(field), {"inviter_id": way.owner}, {"inviter_external_id": "sharer"}):
        assert (register(program, "new", name="N", **again).status_code, source) == (200, source)
    assert register(program, "new", name="other", **way.named_by(field)).json["code"] == "already_exists"
    assert program.client.get("/v1/members/ext:new").json == first.json


def test_a_repeat_after_the_link_ended_is_still_a_repeat(program: TestProgram) -> None:
    way = way_of(program, join(program.client, "sharer"), expires_at=now() + DAY)
    assert register(program, "new", link_code=way.code).status_code == 201
    with frozen_at(now() + 2 * DAY):
        assert register(program, "new", link_code=way.code).status_code == 200
        assert register(program, "new", name="x", link_code=way.code).json["code"] == "already_exists"
        assert register(program, "newer", link_code=way.code).json["code"] == "inviter_not_found"


@pytest.mark.parametrize("field", ["link_code", "click_id"])
def test_an_unknown_name_is_pointed_at_and_nothing_is_written(program: TestProgram, way: Way, field: str) -> None:
    abroad = make_program(program.app)
    stranger = way_of(abroad, join(abroad.client, "sharer"))
    forged = way.token[:-1] + ("A" if way.token[-1] != "A" else "B")
    invite_code = program.client.get("/v1/members/ext:sharer").json["invite_code"]
    names = {"link_code": ["no-such", stranger.code, invite_code], "click_id": ["clk_", forged, stranger.token]}
    before = standings(program)
    for name in names[field]:
        answer = register(program, "new", **{field: name})
        assert (answer.status_code, answer.json["code"]) == (422, "inviter_not_found")
        assert answer.json["errors"][0]["pointer"] == f"/{field}"
    assert (standings(program), joined(program)) == (before, [])


@pytest.mark.parametrize("end", ["expires_at", "deleted_at"])
def test_a_link_counts_until_it_ends_and_its_clicks_for_ever(program: TestProgram, end: str) -> None:
    way = way_of(program, join(program.client, "sharer"), **{end: now()})
    assert register(program, "late", link_code=way.code).json["code"] == "inviter_not_found"
    long_ago = (now() - DAY).isoformat()
    assert register(program, "early", link_code=way.code, joined_at=long_ago).status_code == 201
    assert register(program, "clicked", click_id=way.token).status_code == 201


def test_an_erased_sharer_invites_nobody(program: TestProgram, way: Way) -> None:
    assert program.client.post("/v1/members/ext:sharer/erasure", {}).status_code == 200
    for field in ("link_code", "click_id"):
        assert register(program, "new", **way.named_by(field)).json["code"] == "inviter_not_found"


def test_the_inviter_is_named_in_one_way_only(program: TestProgram, way: Way) -> None:
    ways = {"inviter_external_id": "sharer", "inviter_id": way.owner, "invite_code": "X"}
    for field in ("link_code", "click_id"):
        for other, value in ways.items():
            answer = register(program, "new", **way.named_by(field), **{other: value})
            assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, f"/{field}")
    both = register(program, "new", link_code=way.code, click_id=way.token)
    assert (both.status_code, both.json["errors"][0]["pointer"]) == (422, "/click_id")


@pytest.mark.parametrize("field", ["link_code", "click_id"])
def test_nobody_comes_by_his_own_link(program: TestProgram, field: str) -> None:
    with transaction(program.id):
        customer = customers_for(program.id, ["new"])["new"]
    way = way_of(program, {"id": public_id("mem", customer)})
    answer = register(program, "new", **way.named_by(field))
    assert (answer.status_code, answer.json["code"]) == (409, "referral_cycle")
    assert joined(program) == []


def test_a_ring_by_link_is_refused(program: TestProgram) -> None:
    with transaction(program.id):
        top = customers_for(program.id, ["top"])["top"]
    below = join(program.client, "below", inviter_id=public_id("mem", top), inviter_external_id=None)
    way = way_of(program, below)
    answer = register(program, "top", link_code=way.code)
    assert (answer.status_code, answer.json["code"]) == (409, "referral_cycle")
    assert_forest(standings(program))


def test_a_click_tells_whose_device_it_was(program: TestProgram, way: Way) -> None:
    made = register(program, "new", click_id=way.token)
    assert joined(program) == [Joined(visitor_key_of(program.id, "device"), id_in(made.json), "registration")]
    assert register(program, "new", click_id=way.token).status_code == 200
    assert len(joined(program)) == 1


def test_a_link_tells_nothing_of_the_device_but_the_shop_may(program: TestProgram, way: Way) -> None:
    register(program, "a", link_code=way.code)
    assert joined(program) == []
    made = register(program, "b", link_code=way.code, visitor_id="phone")
    assert joined(program) == [Joined(visitor_key_of(program.id, "phone"), id_in(made.json), "registration")]
    assert register(program, "b", link_code=way.code, visitor_id="phone").status_code == 200


def test_a_completed_customer_is_joined_and_a_refused_one_is_not(program: TestProgram, way: Way) -> None:
    join(program.client, "other")
    with transaction(program.id):
        customers_for(program.id, ["free", "bound"])
    program.client.put("/v1/members/ext:bound/inviter", {"inviter_external_id": "other"})
    refused = register(program, "bound", click_id=way.token)
    assert (refused.status_code, refused.json["code"], joined(program)) == (409, "already_bound", [])
    batch = [{"external_id": name, "click_id": way.token} for name in ("bound", "free")]
    refused, made = program.client.post("/v1/members/batch", {"members": batch}).json["results"]
    assert (refused["error"]["code"], made["status"]) == ("already_bound", "created")
    assert program.client.get("/v1/members/ext:free").json["binding"]["source"] == "click"
    assert [one.member_id for one in joined(program)] == [id_in(made)]


def test_a_batch_takes_every_way_in_a_few_statements(program: TestProgram) -> None:
    owners = [join(program.client, f"o-{n}") for n in range(5)]
    ways = [way_of(program, owner) for owner in owners]
    members = [{"external_id": f"l-{n}", "link_code": ways[n % 5].code} for n in range(100)]
    members += [{"external_id": f"c-{n}", "click_id": ways[n % 5].token} for n in range(100)]
    members += [
        {"external_id": "none", "link_code": "nope"}, {"external_id": "forged", "click_id": "clk_x"},
        {"external_id": "child", "inviter_external_id": "l-0"},
    ]  # fmt: skip
    with counted_statements() as statements:
        answer = program.client.post("/v1/members/batch", {"members": members})
    # credential, begin, links by code, links by id, inviters, known, members, history, marks, visitors, commit
    assert len(statements) <= 11, statements
    results = answer.json["results"]
    assert [result["status"] for result in results] == ["created"] * 200 + ["error"] * 2 + ["created"]
    assert [result["error"]["errors"][0]["pointer"] for result in results[200:202]] == ["/link_code", "/click_id"]
    for n in (0, 7, 107):
        shown = program.client.get(f"/v1/members/{results[n]['id']}").json
        assert shown["inviter_id"] == ways[n % 5].owner
    assert len(joined(program)) == 100


def test_two_registrations_with_one_click_at_once_both_come_by_it(program: TestProgram, way: Way) -> None:
    def one(name: str) -> int:
        return int(program.client_with(program.api_key).post("/v1/members", named(name)).status_code)

    def named(name: str) -> dict[str, str]:
        return {"external_id": name, "click_id": way.token}

    for n in range(5):
        twins = together(program.app, *[lambda n=n: one(f"twin-{n}")] * 2, lambda n=n: one(f"other-{n}"))
        assert (sorted(twins[:2]), twins[2]) == ([200, 201], 201)
    assert len(joined(program)) == len({one.member_id for one in joined(program)}) == 10
    assert_forest(standings(program))


def test_erasure_forgets_the_members_devices(program: TestProgram, way: Way) -> None:
    register(program, "gone", click_id=way.token)
    stays = register(program, "stays", click_id=way.token)
    assert program.client.post("/v1/members/ext:gone/erasure", {}).status_code == 200
    assert [one.member_id for one in joined(program)] == [id_in(stays.json)]


def test_the_hash_of_older_content_still_matches(program: TestProgram) -> None:
    """Rows written before links and clicks existed: these are the keys and the writing they were hashed with."""
    member = NewMember(
        "c-1", "Chen", InviterName("invite_code", "ABC"), now(), "gold", "+441", "https://x.example/a.png",
        (Identity("openid", "o-2"), Identity("openid", "o-1")), {"city": "Leeds"},
    )  # fmt: skip
    inviter = new_id()
    content = {
        "external_id": "c-1", "name": "Chen", "inviter": inviter, "joined_at": member.joined_at, "grade": "gold",
        "phone": "+441", "avatar_url": "https://x.example/a.png", "identities": [["openid", "o-1"], ["openid", "o-2"]],
        "attributes": {"city": "Leeds"},
    }  # fmt: skip
    written = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
    assert content_hash(member, inviter) == lookup_hash("member content", written)
    assert content_hash(member._replace(visitor_id="v"), inviter) != content_hash(member, inviter)
