"""Payout methods: stored encrypted, shown masked, frozen when they are not the first."""

from datetime import timedelta

import pytest

from commission.payouts.methods import methods_for
from core.clock import frozen_at, now
from core.db import scalar, transaction
from core.ids import parse_public_id
from tests.factories import add_payout_method, member_ref, seed_members
from tests.threads import together

BODY = {"kind": "sandbox", "account": "6222000011112222", "account_name": "王小明"}


@pytest.fixture
def member(program):
    return seed_members(program)[0]


@pytest.fixture
def path(member):
    return f"/v1/members/{member_ref(member)}/payout-methods"


def add(client, path, **changes):
    answer = client.post(path, BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json


def test_anonymous_is_refused(program, path):
    assert program.anonymous.get(path).status_code == 401
    assert program.anonymous.post(path, BODY).status_code == 401


def test_another_programs_member_is_not_found(program, other_program, path):
    assert other_program.client.get(path).status_code == 404
    assert other_program.client.post(path, BODY).status_code == 404


def test_another_programs_or_members_method_is_not_found(program, other_program, client, path):
    method = add(client, path)
    other = seed_members(program, prefix="other")[0]
    assert other_program.client.delete(f"{path}/{method['id']}").status_code == 404
    assert client.delete(f"/v1/members/{member_ref(other)}/payout-methods/{method['id']}").status_code == 404
    assert client.delete(f"{path}/pm_{'0' * 26}").status_code == 404
    assert client.delete(f"{path}/rubbish").status_code == 404
    assert len(client.get(path).json["data"]) == 1


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 403), ("finance", 201), ("owner", 201)])
def test_who_may_add(program, path, role, status):
    assert program.staff(role).post(path, BODY).status_code == status


def test_a_member_uses_his_own_surface_only(program, member, path):
    mine = program.member(member_ref(member))
    assert mine.post(path, BODY).status_code == 403
    assert add(mine, "/v1/me/payout-methods")["default"] is True
    assert len(mine.get("/v1/me/payout-methods").json["data"]) == 1
    stranger = program.member(member_ref(seed_members(program, prefix="stranger")[0]))
    method = mine.get("/v1/me/payout-methods").json["data"][0]
    assert stranger.get("/v1/me/payout-methods").json["data"] == []
    assert stranger.delete(f"/v1/me/payout-methods/{method['id']}").status_code == 404
    assert mine.delete(f"/v1/me/payout-methods/{method['id']}").status_code == 204
    assert mine.get("/v1/me/payout-methods").json["data"] == []


def test_the_account_is_masked_in_answers_and_encrypted_at_rest(client, program, path):
    method = add(client, path)
    assert (method["account"], method["account_name"]) == ("********2222", "王**")
    assert BODY["account"] not in client.get(path).text
    with transaction(program.id, read_only=True):
        stored = scalar("SELECT to_jsonb(m)::text FROM payout_methods m WHERE program_id = %(p)s", p=program.id)
    assert BODY["account"] not in stored
    assert BODY["account_name"] not in stored


def test_the_first_is_usable_at_once_and_the_default(client, path):
    method = add(client, path)
    assert (method["default"], method["frozen"]) == (True, False)


def test_a_later_one_is_frozen_for_the_programs_hours(client, path):
    add(client, path)
    later = add(client, path, account="6222000011113333")
    assert (later["default"], later["frozen"]) == (False, True)
    with frozen_at(now() + timedelta(hours=24, seconds=1)):
        assert [one["frozen"] for one in client.get(path).json["data"]] == [False, False]


def test_deleting_the_first_does_not_make_the_next_one_usable_at_once(client, path):
    first = add(client, path)
    assert client.delete(f"{path}/{first['id']}").status_code == 204
    second = add(client, path, account="6222000011113333")
    assert (second["default"], second["frozen"]) == (True, True)
    again = add(client, path)
    assert (again["default"], again["frozen"]) == (False, True)


def test_the_same_again_is_the_same_method(client, path):
    first = add(client, path)
    answer = client.post(path, BODY)
    assert (answer.status_code, answer.json["id"]) == (200, first["id"])
    assert len(client.get(path).json["data"]) == 1


def test_there_is_one_default_and_it_can_move(client, path):
    first = add(client, path)
    second = add(client, path, account="2", default=True)
    assert [one["default"] for one in client.get(path).json["data"]] == [False, True]
    client.post(path, BODY | {"default": True})
    assert [one["default"] for one in client.get(path).json["data"]] == [True, False]
    client.delete(f"{path}/{first['id']}")
    assert [(one["id"], one["default"]) for one in client.get(path).json["data"]] == [(second["id"], True)]


@pytest.mark.parametrize("kind", ["wechat", "alipay", "bank", "carrier_pigeon", "", 5])
def test_what_is_not_built_is_refused_by_its_pointer(client, path, kind):
    answer = client.post(path, BODY | {"kind": kind})
    assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, ["/kind"])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"account": ""}, "/account"),
        ({"account": "a\nb"}, "/account"),
        ({"account": "1" * 201}, "/account"),
        ({"account_name": None}, "/account_name"),
        ({"default": "yes"}, "/default"),
        ({"surprise": 1}, "/surprise"),
    ],
)
def test_what_a_method_cannot_be(client, path, change, pointer):
    answer = client.post(path, BODY | change)
    assert (answer.status_code, [error["pointer"] for error in answer.json["errors"]]) == (422, [pointer])


def test_many_first_methods_at_once_leave_one_that_is_usable(app, program, client, path):
    def first(number):
        return program.client_with(program.api_key).post(path, BODY | {"account": f"acct-{number}"}).status_code

    answers = together(app, *[lambda n=n: first(n) for n in range(8)])
    assert set(answers) == {201}
    methods = client.get(path).json["data"]
    assert len(methods) == 8
    assert [sum(not one["frozen"] for one in methods), sum(one["default"] for one in methods)] == [1, 1]


def test_many_defaults_at_once_leave_one(app, program, client, path):
    for number in range(4):
        add(client, path, account=f"acct-{number}")

    def choose(number):
        body = BODY | {"account": f"acct-{number}", "default": True}
        return program.client_with(program.api_key).post(path, body).status_code

    assert set(together(app, *[lambda n=n: choose(n) for n in range(8)])) <= {200, 201}
    assert sum(one["default"] for one in client.get(path).json["data"]) == 1


def choices(program, member_ids, rails=None, at=None):
    with transaction(program.id, read_only=True):
        return methods_for(program.id, member_ids, rails=rails, at=at or now())


def test_where_members_are_to_be_paid(program):
    usable, frozen, manual, none = seed_members(program, 4)
    first = add_payout_method(program, usable)
    add_payout_method(program, frozen, default=False)
    later = add_payout_method(program, frozen, default=True)
    by_hand = add_payout_method(program, manual, kind="manual")
    assert choices(program, [usable, frozen, manual, none], ["sandbox"]) == {
        usable: (first, "sandbox", None),
        frozen: (None, None, "method_frozen"),
        manual: (None, None, "rail_not_chosen"),
        none: (None, None, "no_payout_method"),
    }
    everybody = choices(program, [usable, frozen, manual], at=now() + timedelta(hours=25))
    assert [one.method_id for one in everybody.values()] == [first, later, by_hand]


def test_another_programs_methods_are_no_choice(program, other_program, member):
    add_payout_method(program, member)
    assert choices(other_program, [member])[member].refused == "no_payout_method"


def test_erasure_blanks_the_accounts_and_keeps_the_rows(client, program, member, path):
    method = add(client, path)
    answer = program.staff("owner").post(f"/v1/members/{member_ref(member)}/erasure", {})
    assert answer.status_code == 200, answer.text
    with transaction(program.id, read_only=True):
        left = scalar(
            """SELECT id FROM payout_methods WHERE program_id = %(p)s AND account IS NULL AND account_name IS NULL
               AND deleted_at IS NOT NULL""",
            p=program.id,
        )
    assert left == parse_public_id("pm", method["id"])
    again = client.post(path, BODY)
    assert (again.status_code, again.json["code"]) == (409, "member_erased")


def test_an_erasure_and_a_new_method_at_once_leave_no_account(app, program, member, path):
    owner = program.staff("owner")
    together(
        app,
        lambda: owner.post(f"/v1/members/{member_ref(member)}/erasure", {}),
        *[lambda n=n: program.client_with(program.api_key).post(path, BODY | {"account": f"a-{n}"}) for n in range(4)],
    )
    with transaction(program.id, read_only=True):
        left = scalar(
            "SELECT count(*) FROM payout_methods WHERE program_id = %(p)s AND account IS NOT NULL", p=program.id
        )
    assert left == 0
