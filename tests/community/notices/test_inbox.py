"""A member's inbox: what he is told, in his language, read and unread, and what he does not want to hear."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from community.notices import inbox
from community.notices.service import Notice
from core.auth.access import Role
from core.clock import frozen_at, now
from core.db import scalar, transaction
from core.ids import public_id
from core.jobs.registry import JOBS
from tests.clients import ApiClient, TestProgram
from tests.community.notices.stage import Stage

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)
PATHS = [
    ("GET", "/v1/me/notices", None),
    ("GET", "/v1/me/notices/unread-count", None),
    ("POST", "/v1/me/notices/read", {"ids": [public_id("ntc", UUID(int=1))]}),
    ("GET", "/v1/me/notice-settings", None),
    ("PUT", "/v1/me/notice-settings", {}),
    ("GET", "/v1/me/notice-grants", None),
    ("POST", "/v1/me/notice-grants", {"template_id": "t"}),
]


@pytest.mark.parametrize(("method", "path", "body"), PATHS)
def test_only_members_have_an_inbox(program: TestProgram, method: str, path: str, body: Any) -> None:
    assert program.anonymous.call(method, path, body).status_code == 401
    assert program.client.call(method, path, body).status_code == 403
    assert program.staff(Role.OWNER).call(method, path, body).status_code == 403


@pytest.fixture
def ada(stage: Stage) -> ApiClient:
    stage.member("ada")
    return stage.program.member("ext:ada")


def told(stage: Stage, *topics: str, member: str = "ada") -> None:
    member_id = stage.members[member]
    facts = {"member_id": str(member_id), "amount": 500, "count": 1, "change": "orders"}
    stage.notify(*(Notice(topic, f"{n}:{topic}", facts, AT, (), [member_id]) for n, topic in enumerate(topics)))


def test_notices_are_paged_newest_first_and_filtered(stage: Stage, ada: ApiClient) -> None:
    told(stage, "commission", "order", "commission", "matured")
    first = ada.get("/v1/me/notices?limit=3").json
    assert [one["topic"] for one in first["data"]] == ["matured", "commission", "order"]
    told(stage, *["payout"] * 5)
    rest = ada.get(f"/v1/me/notices?limit=3&cursor={first['next_cursor']}").json
    assert ([one["topic"] for one in rest["data"]], rest["next_cursor"]) == (["commission"], None)
    assert len(ada.get("/v1/me/notices?topic=commission").json["data"]) == 2
    for bad in ("topic=nothing", "unread=maybe", "cursor=x", "limit=0"):
        assert ada.get(f"/v1/me/notices?{bad}").status_code == 422


def test_reading_some_or_all_up_to_one_counts_down(stage: Stage, ada: ApiClient) -> None:
    told(stage, "commission", "order", "matured", "payout")
    ids = [one["id"] for one in reversed(ada.get("/v1/me/notices").json["data"])]
    assert ada.get("/v1/me/notices/unread-count").json == {"unread": 4}
    assert ada.post("/v1/me/notices/read", {"ids": [ids[3], ids[3]]}).json == {"newly_read": 1, "unread": 3}
    assert ada.post("/v1/me/notices/read", {"ids": [ids[3]]}).json == {"newly_read": 0, "unread": 3}
    assert ada.post("/v1/me/notices/read", {"up_to": ids[1]}).json == {"newly_read": 2, "unread": 1}
    assert [one["id"] for one in ada.get("/v1/me/notices?unread=true").json["data"]] == [ids[2]]
    read = ada.get("/v1/me/notices?unread=false").json["data"]
    assert len(read) == 3
    assert all(one["read_at"] for one in read)


@pytest.mark.parametrize(
    "body",
    [{}, {"ids": []}, {"ids": ["x"]}, {"ids": None}, {"up_to": 5}, {"all": True}, {"ids": ["mem_" + "0" * 26]},
     {"ids": [public_id("ntc", UUID(int=1))], "up_to": public_id("ntc", UUID(int=1))}],
)  # fmt: skip
def test_what_is_read_is_named_in_one_way(ada: ApiClient, body: Any) -> None:
    assert ada.post("/v1/me/notices/read", body).status_code == 422


def test_nobody_sees_or_reads_anothers_notices(stage: Stage, ada: ApiClient, other_program: TestProgram) -> None:
    told(stage, "commission")
    notice_id = ada.get("/v1/me/notices").json["data"][0]["id"]
    stage.member("bob")
    there = Stage(other_program)
    there.member("ada")
    for stranger in (stage.program.member("ext:bob"), other_program.member("ext:ada")):
        assert stranger.get("/v1/me/notices").json["data"] == []
        assert stranger.post("/v1/me/notices/read", {"ids": [notice_id]}).json == {"newly_read": 0, "unread": 0}
        assert stranger.post("/v1/me/notices/read", {"up_to": notice_id}).json == {"newly_read": 0, "unread": 0}
    assert ada.get("/v1/me/notices/unread-count").json == {"unread": 1}


def test_a_topic_that_is_off_is_not_told_by_that_way(stage: Stage, ada: ApiClient) -> None:
    settings = ada.put("/v1/me/notice-settings", {"topics": {"order": {"inbox": False}}}).json
    assert settings["topics"]["order"] == {"inbox": False, "mini_program": True}
    assert settings["topics"]["commission"] == {"inbox": True, "mini_program": True}
    assert ada.get("/v1/me/notice-settings").json == settings
    told(stage, "order", "commission")
    assert [one["topic"] for one in ada.get("/v1/me/notices").json["data"]] == ["commission"]
    ada.put("/v1/me/notice-settings", {})
    told(stage, *["matured"] * 4, "order")
    assert len(ada.get("/v1/me/notices?topic=order").json["data"]) == 1


@pytest.mark.parametrize(
    "body",
    [{"language": "fr"}, {"topics": {"nothing": {}}}, {"topics": {"order": {"sms": True}}}, {"topics": []},
     {"topics": {"order": {"inbox": "no"}}}, {"loud": True}],
)  # fmt: skip
def test_bad_settings_are_refused(ada: ApiClient, body: Any) -> None:
    assert ada.put("/v1/me/notice-settings", body).status_code == 422


def test_a_member_reads_his_language_even_what_was_told_before(stage: Stage, ada: ApiClient) -> None:
    told(stage, "commission")
    assert stage.heard("ada") == ["You earned a commission of £5.00."]
    assert ada.put("/v1/me/notice-settings", {"language": "zh"}).json["language"] == "zh"
    assert stage.heard("ada") == ["你获得佣金 £5.00。"]


def test_an_inbox_costs_the_same_statements_however_long_it_is(stage: Stage, ada: ApiClient) -> None:
    from tests.referral.statements import counted_statements

    told(stage, "commission")
    with counted_statements() as few:
        ada.get("/v1/me/notices")
    told(stage, *["commission", "order", "matured"] * 20)
    with counted_statements() as many:
        assert len(ada.get("/v1/me/notices").json["data"]) == 50
    assert len(many) == len(few)


def test_unread_ones_are_counted_up_to_a_thousand(stage: Stage, ada: ApiClient) -> None:
    told(stage, *["order"] * (inbox.MOST_COUNTED + 5))
    assert ada.get("/v1/me/notices/unread-count").json == {"unread": inbox.MOST_COUNTED}


def test_old_notices_are_forgotten(stage: Stage, ada: ApiClient) -> None:
    told(stage, "order", "commission")
    assert not _any_old(stage)
    with frozen_at(now() + inbox.KEPT + timedelta(days=1)):
        assert _any_old(stage)
        with transaction(stage.program.id):
            JOBS["notices.prune"].handler(stage.program.id)
        assert not _any_old(stage)
    assert ada.get("/v1/me/notices").json["data"] == []


def _any_old(stage: Stage) -> bool:
    with transaction(stage.program.id, read_only=True):
        return inbox.any_old(stage.program.id)


def test_what_is_kept_of_a_member_goes_with_him_and_his_name_from_others(stage: Stage, ada: ApiClient) -> None:
    stage.member("carl", "ada")
    stage.tell()
    assert stage.heard("ada") == ["C∗∗ joined through you."]
    ada.put("/v1/me/notice-settings", {"language": "en"})
    client = stage.program.client
    assert client.post("/v1/members/ext:carl/erasure").status_code == 200
    assert stage.heard("ada") == ["a member joined through you."]
    assert client.post("/v1/members/ext:ada/erasure").status_code == 200
    with transaction(stage.program.id, read_only=True):
        for table in ("notices", "notice_settings"):
            left = scalar(f"SELECT count(*) FROM {table} WHERE program_id = %(p)s", p=stage.program.id)
            assert left == 0, table
