"""The program's mini-program: its owner sets it, nobody reads its secret again."""

from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from core.db import execute, scalar, transaction
from coupons.sharing.mini_programs import find_mini_program
from tests.clients import TestProgram
from tests.coupons.sharing.shop import Shop

BODY = {"app_id": "wx0123456789abcdef", "app_secret": "0123456789abcdef0123456789ab9f3e"}
PATH = "/v1/mini-program"


def test_only_the_owner_may_see_and_set_it(shop: Shop) -> None:
    for method in ("GET", "PUT", "DELETE"):
        body = BODY if method == "PUT" else None
        assert shop.program.anonymous.call(method, PATH, body).status_code == 401
        for client in (shop.client, *map(shop.program.staff, ("viewer", "operator", "finance")), shop.member("ada")):
            assert client.call(method, PATH, body).status_code == 403


def test_it_is_set_shown_masked_replaced_and_taken_away(shop: Shop) -> None:
    assert shop.owner.get(PATH).status_code == 404
    put = shop.owner.put(PATH, BODY)
    assert put.status_code == 200
    assert put.json["app_secret"] == "********9f3e"
    assert put.json["env_version"] == "release"
    assert shop.owner.get(PATH).json == put.json
    other = shop.owner.put(PATH, BODY | {"app_id": "wxffffffffffffffff", "env_version": "trial"})
    assert (other.json["app_id"], other.json["env_version"]) == ("wxffffffffffffffff", "trial")
    assert shop.owner.get(PATH).json == other.json
    assert shop.owner.delete(PATH).status_code == 204
    assert shop.owner.delete(PATH).status_code == 204
    assert shop.owner.get(PATH).status_code == 404


def test_another_program_has_its_own(shop: Shop, other_program: TestProgram) -> None:
    shop.set_mini_program()
    owner = other_program.staff("owner")
    assert owner.get(PATH).status_code == 404
    assert owner.delete(PATH).status_code == 204
    assert shop.owner.get(PATH).status_code == 200


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"app_id": "wx123"}, "/app_id"), ({"app_id": "wx0123456789ABCDEF"}, "/app_id"), ({"app_id": None}, "/app_id"),
        ({"app_id": "wx0123456789abcdef\n"}, "/app_id"), ({"app_secret": "short"}, "/app_secret"),
        ({"app_secret": "x" * 129}, "/app_secret"), ({"app_secret": "0123456789abcdef\x00"}, "/app_secret"),
        ({"env_version": "beta"}, "/env_version"), ({"name": "x"}, "/name"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_written(shop: Shop, change: dict[str, Any], pointer: str) -> None:
    answer = shop.owner.put(PATH, BODY | change)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert shop.owner.get(PATH).status_code == 404


def test_the_secret_is_encrypted_for_its_row_and_in_no_record(
    shop: Shop, other_program: TestProgram, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.set_mini_program(app_secret=BODY["app_secret"])
    with transaction(shop.program.id, read_only=True):
        sealed = scalar("SELECT secret_sealed FROM mini_programs WHERE program_id = %(p)s", p=shop.program.id)
        audited = scalar("SELECT string_agg(a::text, ' ') FROM audit_events a WHERE program_id = %(p)s",
                         p=shop.program.id)  # fmt: skip
    assert BODY["app_secret"] not in sealed
    assert "sharing.put_mini_program" in audited
    assert BODY["app_secret"] not in audited
    owner = other_program.staff("owner")
    owner.put(PATH, BODY)
    with transaction(other_program.id):
        execute("UPDATE mini_programs SET secret_sealed = %(s)s WHERE program_id = %(p)s", s=sealed, p=other_program.id)
    with transaction(other_program.id, read_only=True), pytest.raises(InvalidTag):
        find_mini_program(other_program.id)
    assert BODY["app_secret"] not in capsys.readouterr().err
