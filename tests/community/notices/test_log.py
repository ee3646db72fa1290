"""What was told to anybody, for staff and the shop."""

from datetime import UTC, datetime
from uuid import UUID

from community.notices.service import Notice
from core.auth.access import Role
from core.ids import public_id
from tests.clients import TestProgram
from tests.community.notices.stage import Stage

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def told(stage: Stage, count: int = 3) -> UUID:
    group_id = stage.group("tea", "order")
    ada = stage.member("ada")
    facts = {"member_id": str(ada), "amount": 1250}
    stage.notify(*(Notice("order", f"k-{n}", facts, AT, [group_id], [ada]) for n in range(count)))
    return group_id


def test_the_log_is_for_those_who_may_read_notices(program: TestProgram) -> None:
    for path in ("/v1/notices", f"/v1/notices/{public_id('ntc', UUID(int=1))}"):
        assert program.anonymous.get(path).status_code == 401
    assert program.staff(Role.VIEWER).get("/v1/notices").status_code == 200
    assert program.client.get("/v1/notices").status_code == 200


def test_groups_and_members_notices_are_one_list_newest_first(stage: Stage) -> None:
    told(stage)
    client = stage.program.client
    seen, cursor = [], ""
    while cursor is not None:
        answer = client.get(f"/v1/notices?limit=4{cursor and '&cursor=' + cursor}").json
        seen += answer["data"]
        cursor = answer["next_cursor"]
    assert len({one["id"] for one in seen}) == len(seen) == 6
    assert [one["id"] for one in seen] == sorted((one["id"] for one in seen), reverse=True)
    of_group = [one for one in seen if one["group_id"]]
    of_ada = [one for one in seen if one["member_id"]]
    assert {one["text"] for one in of_group} == {"A∗∗ sold an order of £12.50."}
    assert {one["text"] for one in of_ada} == {"You sold an order of £12.50."}
    assert {(one["status"], one["message_id"] is None) for one in of_group} == {("waiting", False)}
    assert {one["status"] for one in of_ada} == {"sent"}


def test_the_log_is_filtered(stage: Stage) -> None:
    told(stage)
    client = stage.program.client

    def count(query: str) -> int:
        return len(client.get(f"/v1/notices?{query}").json["data"])

    assert (count("group_id=ext:tea"), count("member_id=ext:ada")) == (3, 3)
    assert (count("status=waiting"), count("status=sent"), count("status=refused")) == (3, 3, 0)
    assert (count("topic=order"), count("topic=board")) == (6, 0)
    assert client.get("/v1/notices?group_id=ext:no").status_code == 404
    assert client.get("/v1/notices?member_id=ext:no").status_code == 404
    for bad in ("group_id=ext:tea&member_id=ext:ada", "status=lost", "group_id=x", "unread=true", "cursor=x"):
        assert client.get(f"/v1/notices?{bad}").status_code == 422


def test_one_notice_is_shown_by_its_id_of_either_kind(stage: Stage, other_program: TestProgram) -> None:
    told(stage, 1)
    client = stage.program.client
    listed = client.get("/v1/notices").json["data"]
    assert len(listed) == 2
    for one in listed:
        assert client.get(f"/v1/notices/{one['id']}").json == one
        assert other_program.client.get(f"/v1/notices/{one['id']}").status_code == 404
    for wrong in (public_id("ntc", UUID(int=5)), public_id("ntc", UUID(int=(1 << 128) - 1)), "x", "ext:tea"):
        assert client.get(f"/v1/notices/{wrong}").status_code == 404
    assert other_program.client.get("/v1/notices").json["data"] == []
