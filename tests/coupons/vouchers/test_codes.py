"""Codes of coupons over HTTP: chosen, made, by the thousand, owned; listed, taken away as a file, disabled."""

import csv
import io
import re
import zipfile
from functools import partial
from typing import Any

import pytest
from flask import Flask

from core.db import execute, scalar, transaction
from core.ids import parse_public_id
from coupons.vouchers.code_texts import new_codes
from coupons.vouchers.codes import WantedCode, make_unique_codes
from coupons.vouchers.codes import make_code as make_one
from coupons.vouchers.schemas import CouponCodeShape
from coupons.vouchers.service import cards_of_codes, find_codes
from tests.clients import ApiClient, TestProgram
from tests.coupons.vouchers.offering import AMOUNT, PERCENT, make_code, make_coupon, member_of, pointers
from tests.coupons.vouchers.quantities import assert_quantities
from tests.coupons.vouchers.sweeping import sweep
from tests.threads import together

NOBODY = "cod_00000000000000000000000000"
MADE = re.compile(r"[2-9A-HJKMNP-TV-Z]{12}")


@pytest.fixture
def operator(program: TestProgram) -> ApiClient:
    return program.staff("operator")


@pytest.fixture
def coupon(operator: ApiClient) -> dict[str, Any]:
    return make_coupon(operator)


def codes_path(coupon: dict[str, Any]) -> str:
    return f"/v1/coupons/{coupon['id']}/codes"


def count_of(program: TestProgram) -> int:
    with transaction(program.id):
        return scalar("SELECT count(*) FROM coupon_codes WHERE program_id = %(p)s", p=program.id)  # type: ignore[no-any-return]


def test_anonymous_is_refused_and_another_program_finds_nothing(
    program: TestProgram, operator: ApiClient, other_program: TestProgram, coupon: dict[str, Any]
) -> None:
    code = make_code(operator, coupon, code="ONE")
    calls: list[tuple[str, str, Any]] = [
        ("POST", "", {"code": "TWO"}), ("GET", "", None), ("GET", "/export", None), ("DELETE", f"/{code['id']}", None),
    ]  # fmt: skip
    stranger = other_program.staff("operator")
    for method, path, body in calls:
        assert program.anonymous.call(method, codes_path(coupon) + path, body).status_code == 401
        assert stranger.call(method, codes_path(coupon) + path, body).status_code == 404
        if method != "GET":
            assert program.client.call(method, codes_path(coupon) + path, body).status_code == 403
            assert program.staff("viewer").call(method, codes_path(coupon) + path, body).status_code == 403
        else:
            assert program.client.call(method, codes_path(coupon) + path, body).status_code == 200
    assert operator.get(codes_path(coupon)).json["data"] == [code]  # type: ignore[index]
    assert count_of(program) == 1


def test_a_chosen_code_is_stored_in_capitals(operator: ApiClient, coupon: dict[str, Any]) -> None:
    code = make_code(operator, coupon, code="Summer_10-x")
    assert set(code) == set(CouponCodeShape().fields)
    expected = {
        "code": "SUMMER_10-X", "coupon_id": coupon["id"], "kind": "shared", "member_id": None, "status": "active",
        "expires_at": None,
    }  # fmt: skip
    assert {name: code[name] for name in expected} == expected
    assert code["id"].startswith("cod_")


@pytest.mark.parametrize("text", ["AB", "A" * 41, "A B", "ÄÖÜ", "A.B", " ABC", "ABC\n", "ABC ", "ſABC", ""])
def test_what_is_no_code_is_refused(
    program: TestProgram, operator: ApiClient, coupon: dict[str, Any], text: str
) -> None:
    assert pointers(operator.post(codes_path(coupon), {"code": text})) == ["/code"]
    assert count_of(program) == 0


def test_the_same_code_for_the_same_coupon_and_owner_again_is_the_same(
    program: TestProgram, operator: ApiClient, coupon: dict[str, Any]
) -> None:
    member_id = member_of(program)
    code = make_code(operator, coupon, code="LI-HUA", member_id=member_id)
    assert code["member_id"] == member_id
    again = operator.post(codes_path(coupon), {"code": "li-hua", "member_id": member_id})
    assert (again.status_code, again.json) == (200, code)
    other = make_coupon(operator)
    for path, body in (
        (codes_path(coupon), {"code": "LI-HUA"}),
        (codes_path(coupon), {"code": "LI-HUA", "member_id": member_of(program, "another")}),
        (codes_path(other), {"code": "Li-Hua", "member_id": member_id}),
    ):
        answer = operator.post(path, body)
        assert (answer.status_code, answer.json["code"]) == (409, "already_exists")  # type: ignore[index]
    assert count_of(program) == 1


def test_programs_do_not_share_codes(operator: ApiClient, coupon: dict[str, Any], other_program: TestProgram) -> None:
    make_code(operator, coupon, code="SUMMER")
    elsewhere = other_program.staff("operator")
    make_code(elsewhere, make_coupon(elsewhere), code="SUMMER")


def test_made_codes_cannot_be_guessed_or_misread(operator: ApiClient, coupon: dict[str, Any]) -> None:
    made = [make_code(operator, coupon)["code"] for _ in range(2)]
    assert made[0] != made[1]
    assert all(MADE.fullmatch(code) for code in [*made, *new_codes(1000)])
    letters = set("".join(new_codes(1000)))
    assert len(letters) == 30
    assert len(letters) ** 12 >= 2**50


def test_an_owner_must_be_a_living_member_of_the_program(
    program: TestProgram, operator: ApiClient, coupon: dict[str, Any], other_program: TestProgram
) -> None:
    gone = member_of(program, "gone")
    assert operator.post(f"/v1/members/{gone}/erasure").status_code == 200
    for member_id in (member_of(other_program), "mem_00000000000000000000000000", gone):
        assert pointers(operator.post(codes_path(coupon), {"member_id": member_id})) == ["/member_id"]
        assert pointers(operator.post(codes_path(coupon), {"member_id": member_id, "quantity": 2})) == ["/member_id"]
    assert pointers(operator.post(codes_path(coupon), {"member_id": "ord_1"})) == ["/member_id"]
    assert count_of(program) == 0


def test_an_ended_coupon_gets_no_codes(program: TestProgram, operator: ApiClient, coupon: dict[str, Any]) -> None:
    operator.patch(f"/v1/coupons/{coupon['id']}", {"status": "ended"})
    for body in ({}, {"code": "LATE"}, {"quantity": 3}):
        answer = operator.post(codes_path(coupon), body)
        assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")  # type: ignore[index]
    assert count_of(program) == 0


def test_many_codes_at_once_are_unique_ones(program: TestProgram, operator: ApiClient, coupon: dict[str, Any]) -> None:
    member_id = member_of(program)
    made = make_code(operator, coupon, quantity=1001, member_id=member_id)
    assert made["count"] == 1001
    assert len(made["codes"]) == len(set(made["codes"])) == 1000
    assert set(made) == {"count", "codes"}
    shown = operator.get(f"{codes_path(coupon)}?limit=200&kind=unique").json["data"]  # type: ignore[index]
    assert {(one["kind"], one["status"], one["member_id"]) for one in shown} == {("unique", "active", member_id)}
    assert count_of(program) == 1001


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"quantity": 0}, "/quantity"),
        ({"quantity": 100_001}, "/quantity"),
        ({"quantity": True}, "/quantity"),
        ({"quantity": 2, "code": "ABC"}, "/quantity"),
        ({"coupon_id": "x"}, "/coupon_id"),
    ],
)
def test_how_many_and_what_else_is_checked(
    program: TestProgram, operator: ApiClient, coupon: dict[str, Any], body: dict[str, Any], pointer: str
) -> None:
    assert pointers(operator.post(codes_path(coupon), body)) == [pointer]
    assert count_of(program) == 0


def test_a_made_text_that_exists_is_made_anew(
    program: TestProgram, coupon: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = iter([["AAA", "BBB"], ["BBB"], ["CCC"]])
    monkeypatch.setattr("coupons.vouchers.codes.new_codes", lambda count: next(texts))
    coupon_id = parse_public_id("cpn", coupon["id"])
    assert coupon_id is not None
    with transaction(program.id):
        make_one(program.id, coupon_id, WantedCode("BBB"))
        made = make_unique_codes(program.id, coupon_id, 2, None)
    assert [one.code for one in made] == ["AAA", "CCC"]


def test_two_who_choose_the_same_code_at_once_get_one(app: Flask, program: TestProgram, coupon: dict[str, Any]) -> None:
    operators = [program.staff("operator") for _ in range(6)]
    other = make_coupon(operators[0])
    calls = [(client, (coupon, other)[number % 2]) for number, client in enumerate(operators)]
    answers = together(app, *[partial(client.post, codes_path(which), {"code": "RACE"}) for client, which in calls])
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 200, 201, 409, 409, 409]
    assert count_of(program) == 1


def test_codes_are_paged_newest_first_and_filtered(
    program: TestProgram, operator: ApiClient, coupon: dict[str, Any]
) -> None:
    member_id = member_of(program)
    one, two, owned = (make_code(operator, coupon, **body) for body in ({}, {}, {"member_id": member_id}))
    make_code(operator, make_coupon(operator), code="ELSEWHERE")
    first = operator.get(f"{codes_path(coupon)}?limit=2").json
    assert first["data"] == [owned, two]  # type: ignore[index]
    rest = operator.get(f"{codes_path(coupon)}?limit=2&cursor={first['next_cursor']}").json  # type: ignore[index]
    assert rest == {"data": [one], "next_cursor": None}
    assert operator.get(f"{codes_path(coupon)}?member_id={member_id}").json["data"] == [owned]  # type: ignore[index]
    assert operator.get(f"{codes_path(coupon)}?kind=unique").json["data"] == []  # type: ignore[index]
    operator.delete(f"{codes_path(coupon)}/{two['id']}")
    assert operator.get(f"{codes_path(coupon)}?status=active").json["data"] == [owned, one]  # type: ignore[index]


def test_the_export_as_csv_has_every_code(program: TestProgram, operator: ApiClient, coupon: dict[str, Any]) -> None:
    member_id = member_of(program)
    shared = make_code(operator, coupon, code="-MINUS", member_id=member_id)
    made = make_code(operator, coupon, quantity=300)
    make_code(operator, make_coupon(operator), code="ELSEWHERE")
    answer = program.client.get(f"{codes_path(coupon)}/export")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{coupon["id"]}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0] == {
        "code_id": shared["id"], "code": "'-MINUS", "kind": "shared", "member_id": member_id, "status": "active",
        "expires_at": "", "created_at": rows[0]["created_at"],
    }  # fmt: skip
    assert rows[0]["created_at"][:19] == shared["created_at"][:19]
    assert sorted(row["code"] for row in rows[1:]) == sorted(made["codes"])


def test_the_export_reads_on_where_it_stopped(
    program: TestProgram, operator: ApiClient, coupon: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coupons.vouchers.code_export._ROWS_AT_ONCE", 7)
    made = make_code(operator, coupon, quantity=21)
    text = program.client.get(f"{codes_path(coupon)}/export?format=csv").data.decode("utf-8-sig")
    assert sorted(row["code"] for row in csv.DictReader(io.StringIO(text))) == sorted(made["codes"])


def test_the_export_as_spreadsheet_has_no_formulas(operator: ApiClient, coupon: dict[str, Any]) -> None:
    make_code(operator, coupon, code="-1-1")
    answer = operator.get(f"{codes_path(coupon)}/export?format=xlsx")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<t>-1-1</t>" in sheet
    assert pointers(operator.get(f"{codes_path(coupon)}/export?format=pdf")) == ["/format"]


def test_a_disabled_code_is_expired_and_stays_so(
    program: TestProgram, operator: ApiClient, coupon: dict[str, Any]
) -> None:
    code = make_code(operator, coupon, code="GONE")
    for _ in range(2):
        assert operator.delete(f"{codes_path(coupon)}/{code['id']}").status_code == 204
        (shown,) = operator.get(codes_path(coupon)).json["data"]  # type: ignore[index]
        assert shown == code | {"status": "expired"}
    answer = program.client.post("/v1/coupon-quotes", {"items": [{"sku": "a", "unit_price": 1}], "codes": ["gone"]})
    assert answer.json["refused"] == [{"code": "GONE", "reason": "expired"}]  # type: ignore[index]


def test_only_the_coupons_own_codes_are_disabled(operator: ApiClient, coupon: dict[str, Any]) -> None:
    elsewhere = make_code(operator, make_coupon(operator))
    for code_id in (elsewhere["id"], NOBODY, "cod_1", "ELSEWHERE", "ext:x"):
        assert operator.delete(f"{codes_path(coupon)}/{code_id}").status_code == 404


@pytest.mark.parametrize("status", ["reserved", "redeemed"])
def test_a_unique_code_that_an_order_has_is_not_disabled(
    program: TestProgram, operator: ApiClient, coupon: dict[str, Any], status: str
) -> None:
    make_code(operator, coupon, quantity=1)
    (code,) = operator.get(codes_path(coupon)).json["data"]  # type: ignore[index]
    _set(program, "UPDATE coupon_codes SET status = %(status)s WHERE program_id = %(p)s", status=status)
    answer = operator.delete(f"{codes_path(coupon)}/{code['id']}")
    assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")  # type: ignore[index]
    (shown,) = operator.get(codes_path(coupon)).json["data"]  # type: ignore[index]
    assert shown["status"] == status


def test_an_erased_members_codes_go_on_and_attribute_to_nobody(
    program: TestProgram, operator: ApiClient, coupon: dict[str, Any]
) -> None:
    erased, other = member_of(program, "erased"), member_of(program, "other")
    make_code(operator, coupon, code="HERS", member_id=other)
    make_code(operator, coupon, code="HIS", member_id=erased)
    assert operator.post(f"/v1/members/{erased}/erasure").status_code == 200
    shown = {one["code"]: one for one in operator.get(codes_path(coupon)).json["data"]}  # type: ignore[index]
    assert (shown["HIS"]["member_id"], shown["HERS"]["member_id"]) == (None, other)
    assert shown["HIS"]["status"] == "active"


def test_codes_are_found_however_they_are_typed(
    program: TestProgram, operator: ApiClient, coupon: dict[str, Any]
) -> None:
    member_id = member_of(program)
    made = make_code(operator, coupon, code="SUMMER", member_id=member_id)
    with transaction(program.id, read_only=True):
        found = find_codes(program.id, ["summer ", "Summer", "WINTER", "", "x" * 100, "a'b\0"])
        assert find_codes(program.id, []) == {}
    assert set(found) == {"SUMMER"}
    assert found["SUMMER"].id == parse_public_id("cod", made["id"])
    assert found["SUMMER"].member_id == parse_public_id("mem", member_id)
    assert (found["SUMMER"].coupon.id, found["SUMMER"].coupon.amount) == (parse_public_id("cpn", coupon["id"]), 1000)


def test_cards_show_what_can_still_be_used(program: TestProgram, operator: ApiClient) -> None:
    late, soon = "2020-01-01T00:00:00Z", "2900-01-01T00:00:00Z"
    coupons: dict[str, dict[str, Any]] = {
        "GOOD": make_coupon(operator, PERCENT, min_spend=5000, valid_to=soon),
        "SOON": make_coupon(operator, AMOUNT, valid_from=soon),
        "LATE": make_coupon(operator, AMOUNT, valid_to=late),
        "ENDED": make_coupon(operator),
        "OFF": make_coupon(operator),
    }
    made = {code: make_code(operator, coupon, code=code) for code, coupon in coupons.items()}
    operator.patch(f"/v1/coupons/{coupons['ENDED']['id']}", {"status": "ended"})
    operator.delete(f"{codes_path(coupons['OFF'])}/{made['OFF']['id']}")
    with transaction(program.id, read_only=True):
        cards = cards_of_codes(program.id, [code.lower() for code in coupons])
    assert set(cards) == {"GOOD", "SOON"}
    assert cards["GOOD"][:6] == ("GOOD", PERCENT["name"], "percent", None, 1000, 5000)
    assert cards["GOOD"].valid_to is not None


def _set(program: TestProgram, statement: Any, **values: Any) -> None:
    with transaction(program.id):
        execute(statement, p=program.id, **values)


def test_a_disabled_claim_returns_to_the_quantity(program: TestProgram, operator: ApiClient) -> None:
    coupon = make_coupon(operator, AMOUNT, total_quantity=1, per_customer_limit=1)
    claimed = program.client.post(f"/v1/coupons/{coupon['id']}/claims", {"customer_external_id": "c"})
    assert claimed.status_code == 201
    (code,) = operator.get(codes_path(coupon)).json["data"]  # type: ignore[index]
    assert operator.delete(f"{codes_path(coupon)}/{code['id']}").status_code == 204
    body = {"items": [{"sku": "a", "unit_price": 1}], "codes": [code["code"]], "customer_external_id": "c"}
    answer = program.client.post("/v1/coupon-quotes", body)
    assert answer.json["refused"] == [{"code": code["code"], "reason": "expired"}]  # type: ignore[index]
    for _ in range(2):
        (shown,) = operator.get(codes_path(coupon)).json["data"]  # type: ignore[index]
        assert shown["status"] == "expired", "before the sweep and after it"
        sweep(program)
    assert assert_quantities(program, coupon).left == 1
    again = program.client.post(f"/v1/coupons/{coupon['id']}/claims", {"customer_external_id": "c"})
    assert again.status_code == 201
