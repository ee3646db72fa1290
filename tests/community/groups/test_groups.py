"""Groups: made, shown, changed, paused, resumed, ended; their addresses are nobody's to read."""

import pytest
from cryptography.exceptions import InvalidTag

from community.groups.service import find_group, group_keys, groups_by_key, groups_of, targets_of
from core.db import scalar, transaction
from core.encryption import decrypt
from core.errors import NotFound
from core.ids import ExternalRef
from tests.clients import ApiClient, TestProgram
from tests.community.groups.conftest import SECRET, TOKEN, Desk, group_body, group_uuid, target
from tests.threads import together


def test_anonymous_and_keys_may_not_make_groups(program: TestProgram) -> None:
    assert program.anonymous.post("/v1/groups", group_body()).status_code == 401
    assert program.client.post("/v1/groups", group_body()).status_code == 403
    assert program.staff("finance").post("/v1/groups", group_body()).status_code == 403


def test_a_group_is_made_and_shown(desk: Desk) -> None:
    quiet = {"from": "22:00", "to": "08:00"}
    made = desk.group(external_id="tg-1", topics=["order", "coupon", "order"], quiet_hours=quiet, digest_at="20:00")
    assert desk.shown(made) == made
    assert made["topics"] == ["coupon", "order"]
    assert (made["quiet_hours"], made["digest_at"], made["timezone"]) == (quiet, "20:00", "UTC")
    assert (made["status"], made["scope"], made["show_amounts"]) == ("active", "program", False)
    assert made["health"] == {
        "last_sent_at": None, "refusals_in_a_row": 0, "last_error": None, "paused_at": None, "paused_reason": None,
    }  # fmt: skip
    assert desk.operator.get("/v1/groups/ext:tg-1").json == made
    assert desk.operator.get("/v1/groups?platform=telegram&external_id=tg-1").json["data"] == [made]  # type: ignore[index]
    assert desk.operator.get("/v1/groups?status=paused").json["data"] == []  # type: ignore[index]


def test_a_target_is_stored_sealed_and_never_shown(
    desk: Desk, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    made = desk.group()
    secret_part = TOKEN.partition(":")[2]
    changed = desk.operator.patch(f"/v1/groups/{made['id']}", {"target": target(token=TOKEN[:-1] + "x")})
    answers = [
        str(made),
        changed.text,
        desk.operator.get("/v1/groups").text,
        desk.operator.get("/v1/audit-events").text,
    ]
    with transaction(desk.program.id):
        stored = scalar("SELECT to_jsonb(g)::text FROM groups g WHERE program_id = %(p)s", p=desk.program.id)
        opened = targets_of(desk.program.id, [group_uuid(made)])[group_uuid(made)]
    assert (opened.token, opened.chat, opened.callback_secret) == (TOKEN[:-1] + "x", "-1001", SECRET)
    logged = caplog.text + "".join(capsys.readouterr())
    for text in [*answers, stored, repr(opened), logged]:
        assert secret_part not in text
        assert secret_part[:-1] + "x" not in text
        assert SECRET not in text


def test_a_target_of_one_group_cannot_be_read_as_another_groups(desk: Desk) -> None:
    first, second = desk.group(), desk.group(name="Coffee", target=target("-1002"))
    with transaction(desk.program.id):
        sealed = "SELECT target_sealed FROM groups WHERE program_id = %(p)s AND id = %(id)s"
        stolen = scalar(sealed, p=desk.program.id, id=group_uuid(first))
    with pytest.raises(InvalidTag):
        decrypt(stolen, group_uuid(second))


def test_the_same_external_id_again_is_the_same_group(desk: Desk) -> None:
    body = group_body(external_id="tg-1", quiet_hours={"from": "22:00", "to": "08:00"})
    first, second = (desk.operator.post("/v1/groups", body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json == second.json
    other = desk.operator.post("/v1/groups", body | {"name": "Other"})
    assert (other.status_code, other.json["code"]) == (409, "already_exists")  # type: ignore[index]
    other_secret = desk.operator.post("/v1/groups", body | {"target": target("-1002")})
    assert other_secret.status_code == 409


def test_two_who_make_the_same_group_at_once_make_one(desk: Desk) -> None:
    body = group_body(external_id="tg-1")
    clients = [desk.program.staff("operator") for _ in range(4)]
    answers = together(desk.program.app, *[lambda one=one: one.post("/v1/groups", body) for one in clients])
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json["id"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"platform": "icq"}, "/platform"),
        ({"target": {"token": "nonsense", "chat_id": "1"}}, "/target/token"),
        ({"target": {}}, "/target/token"),
        ({"topics": ["gossip"]}, "/topics/0"),
        ({"scope": "team"}, "/owner_member_id"),
        ({"owner_member_id": "mem_00000000000000000000000000"}, "/owner_member_id"),
        ({"quiet_hours": {"from": "25:00", "to": "08:00"}}, "/quiet_hours/from"),
        ({"quiet_hours": {"from": "08:00", "to": "08:00"}}, "/quiet_hours/to"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"timezone": "../../etc/passwd"}, "/timezone"),
        ({"digest_at": "8pm"}, "/digest_at"),
        ({"external_id": "grp_01kbt1wz00fcyry88y1p63pagn"}, "/external_id"),
        ({"secret": "x"}, "/secret"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(desk: Desk, change: dict[str, object], pointer: str) -> None:
    answer = desk.operator.post("/v1/groups", group_body() | change)
    assert answer.status_code == 422
    assert pointer in [fault["pointer"] for fault in answer.json["errors"]]  # type: ignore[index]


def test_another_programs_group_is_not_found(desk: Desk, other_program: TestProgram) -> None:
    made = desk.group(external_id="tg-1")
    stranger = other_program.staff("owner")
    path = f"/v1/groups/{made['id']}"
    for answer in (
        stranger.get(path), stranger.get("/v1/groups/ext:tg-1"), stranger.patch(path, {"name": "x"}),
        stranger.delete(path), stranger.post(f"{path}/resume"), stranger.post(f"{path}/pause", {}),
        stranger.post(f"{path}/test-message"), stranger.get(f"{path}/stats"), stranger.get(f"{path}/members"),
        other_program.client.post(f"{path}/members", {"member_external_id": "x"}),
        other_program.client.delete(f"{path}/members/ext:x"),
    ):  # fmt: skip
        assert answer.status_code == 404, answer.text
    assert stranger.get("/v1/groups").json["data"] == []  # type: ignore[index]


def test_a_change_changes_what_it_names(desk: Desk) -> None:
    made = desk.group(topics=["order"], quiet_hours={"from": "22:00", "to": "08:00"}, welcome="Hello {name}")
    answer = desk.operator.patch(
        f"/v1/groups/{made['id']}", {"name": "New", "quiet_hours": None, "topics": ["payout"], "language": "zh"}
    )
    expected = made | {"name": "New", "quiet_hours": None, "topics": ["payout"], "language": "zh"}
    assert {**answer.json, "updated_at": None} == {**expected, "updated_at": None}  # type: ignore[dict-item]


def test_a_team_needs_its_owner_also_when_changed(desk: Desk) -> None:
    owner = desk.member("ada")
    made = desk.group()
    path = f"/v1/groups/{made['id']}"
    assert desk.operator.patch(path, {"scope": "team"}).status_code == 422
    assert desk.operator.patch(path, {"scope": "team", "owner_member_id": owner}).status_code == 200
    assert desk.operator.patch(path, {"owner_member_id": None}).status_code == 422


def test_an_ended_group_forgets_its_target_and_stays_readable(desk: Desk) -> None:
    made = desk.group()
    path = f"/v1/groups/{made['id']}"
    assert [desk.operator.delete(path).status_code for _ in range(2)] == [204, 204]
    shown = desk.shown(made)
    assert (shown["status"], shown["target"]) == ("ended", None)
    with transaction(desk.program.id):
        assert targets_of(desk.program.id, [group_uuid(made)]) == {}
        assert groups_of(desk.program.id) == []
    for answer in (
        desk.operator.patch(path, {"name": "x"}), desk.operator.post(f"{path}/resume"),
        desk.operator.post(f"{path}/pause", {}), desk.operator.post(f"{path}/test-message"),
    ):  # fmt: skip
        assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")  # type: ignore[index]


def test_pause_and_resume(desk: Desk) -> None:
    made = desk.group()
    path = f"/v1/groups/{made['id']}"
    paused = [desk.operator.post(f"{path}/pause", {"reason": "stocktaking"}).json for _ in range(2)]
    assert paused[0] == paused[1]
    assert (paused[0]["status"], paused[0]["health"]["paused_reason"]) == ("paused", "stocktaking")  # type: ignore[index]
    assert desk.events("group.paused") == [{"group_id": str(group_uuid(made)), "reason": "staff"}]
    resumed = [desk.operator.post(f"{path}/resume").json for _ in range(2)]
    assert resumed[0] == resumed[1]
    assert (resumed[0]["status"], resumed[0]["health"]["paused_at"]) == ("active", None)  # type: ignore[index]


def test_groups_are_found_by_every_name(desk: Desk, other_program: TestProgram) -> None:
    made = desk.group(external_id="tg-1", topics=["order"])
    desk.group(name="Coffee", target=target("-1002"), topics=["payout"])
    program_id, group_id = desk.program.id, group_uuid(made)
    with transaction(program_id):
        group = find_group(program_id, ExternalRef("tg-1"))
        assert group_keys(group) == {"tg-1", made["id"]}
        assert groups_by_key(program_id, ["tg-1", made["id"], "nobody", "grp_x"]) == {
            "tg-1": group_id, made["id"]: group_id,
        }  # fmt: skip
        assert [one.id for one in groups_of(program_id, topics=["order", "board"])] == [group_id]
        assert len(groups_of(program_id)) == 2
    with transaction(other_program.id):
        assert groups_by_key(other_program.id, ["tg-1", made["id"]]) == {}
        with pytest.raises(NotFound):
            find_group(other_program.id, group_id)


def test_a_list_is_paged(operator: ApiClient) -> None:
    for number in range(3):
        assert operator.post("/v1/groups", group_body(name=f"g{number}")).status_code == 201
    first = operator.get("/v1/groups?limit=2").json
    second = operator.get(f"/v1/groups?limit=2&cursor={first['next_cursor']}").json  # type: ignore[index]
    assert [one["name"] for one in first["data"] + second["data"]] == ["g2", "g1", "g0"]  # type: ignore[index]
    assert second["next_cursor"] is None  # type: ignore[index]
