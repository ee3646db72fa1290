"""Many links at once: in a few statements, in the order of the request, and none harms another."""

from typing import Any

import pytest

from tests.clients import TestProgram
from tests.coupons.links.links import SHOP, batch, body, codes_in_table, join, make, seed_coupon
from tests.referral.statements import counted_statements


def own(program: TestProgram, name: str) -> str:
    """A code that no other test chooses."""
    return f"{name}-{program.id.hex[-12:]}"


def test_every_item_has_its_result_in_request_order(program: TestProgram) -> None:
    (member_id,) = join(program.client, "ada")
    code = own(program, "tea")
    results = batch(program.client, body(), body(code=code), body(member_external_id=None, member_id=member_id))
    assert [(result["external_id"], result["status"], result["error"]) for result in results] == [
        (None, "created", None), (code, "created", None), (None, "created", None),
    ]  # fmt: skip
    shown = [program.client.get(f"/v1/links/{result['id']}").json for result in results]
    assert shown[1]["code"] == code
    assert len({link["code"] for link in shown}) == 3
    assert {link["member_id"] for link in shown} == {member_id}


def test_a_bad_item_never_harms_the_others(program: TestProgram, other_program: TestProgram) -> None:
    join(program.client, "ada")
    join(other_program.client, "ada")
    seed_coupon(program, ["TEA10"])
    make(program.client, code=own(program, "mine"))
    make(other_program.client, code=own(program, "theirs"))
    results = batch(
        program.client,
        body(), 7, {"code": "no-more"}, body(code=8), body(member_external_id="nobody", code=own(program, "a")),
        body(destination_url="javascript:alert(1)"), body(coupon_code="NO"), body(expires_at="2020-01-01T00:00:00Z"),
        body(code=own(program, "mine"), channel="x"), body(code=own(program, "theirs")), body(coupon_code="tea10"),
    )  # fmt: skip
    assert [result["error"] and result["error"]["code"] for result in results] == [
        None, "invalid", "invalid", "invalid", "invalid", "invalid", "invalid", "invalid", "already_exists",
        "already_exists", None,
    ]  # fmt: skip
    assert [result["error"]["errors"][0]["pointer"] for result in results[4:8]] == [
        "/member_external_id", "/destination_url", "/coupon_code", "/expires_at",
    ]  # fmt: skip
    assert results[8]["error"] == results[9]["error"]
    assert results[8]["id"] is results[9]["id"] is None
    assert [result["external_id"] for result in results[1:5]] == [None, "no-more", None, own(program, "a")]
    assert len(codes_in_table(program)) == 3


def test_a_code_of_a_refused_item_stays_free(program: TestProgram) -> None:
    join(program.client, "ada")
    code = own(program, "tea")
    batch(program.client, body(code=code, coupon_code="NO"))
    assert make(program.client, code=code)["code"] == code


def test_a_code_repeated_in_the_batch_is_judged_like_a_second_request(program: TestProgram) -> None:
    join(program.client, "ada")
    code = own(program, "tea")
    results = batch(
        program.client,
        body(code=code, coupon_code="NO"),
        body(code=code),
        body(code=code),
        body(code=code, channel="x"),
    )
    assert [result["status"] for result in results] == ["error", "created", "exists", "error"]
    assert results[1]["id"] == results[2]["id"]
    assert results[3]["error"]["code"] == "already_exists"
    assert codes_in_table(program) == [code]


def test_the_same_batch_again_finds_everything(program: TestProgram) -> None:
    join(program.client, "ada")
    links = [body(code=own(program, str(number))) for number in range(20)]
    first, again = batch(program.client, *links), batch(program.client, *links)
    assert {result["status"] for result in again} == {"exists"}
    assert [result["id"] for result in again] == [result["id"] for result in first]


@pytest.mark.parametrize("wrong", [{}, {"links": []}, {"links": {}}, {"links": [{}] * 1001}, {"links": [], "x": 1}, []])
def test_a_body_that_is_no_batch_is_refused_whole(program: TestProgram, wrong: Any) -> None:
    answer = program.client.post("/v1/links/batch", wrong)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/links")


def test_a_thousand_links_take_a_handful_of_statements(program: TestProgram) -> None:
    names = [f"m-{number}" for number in range(500)]
    program.client.post("/v1/members/batch", {"members": [{"external_id": name} for name in names]})
    seed_coupon(program, ["TEA10", "TEA20"])
    links = [
        body(
            member_external_id=names[number // 2], coupon_code=f"TEA{1 + number % 2}0", sub_ids=["a", f"{number}"],
            code=own(program, f"c{number}") if number % 2 else None, product={"sku": f"{number}"},
        )
        for number in range(1000)
    ]  # fmt: skip
    with counted_statements() as statements:
        results = batch(program.client, *links)
    assert {result["status"] for result in results} == {"created"}
    # credential, members, codes taken, coupon codes, names, number, links, what is told
    assert len(statements) <= 8, statements
    with counted_statements() as statements:
        again = batch(program.client, *links)
    assert [result["status"] for result in again] == ["created", "exists"] * 500
    assert len(statements) <= 9, statements
    shown = program.client.get(f"/v1/links/{results[999]['id']}").json
    assert (shown["sub_ids"], shown["product"]["sku"], shown["destination_url"]) == (["a", "999"], "999", SHOP)


def test_one_link_takes_five_statements(program: TestProgram) -> None:
    join(program.client, "ada")
    with counted_statements() as statements:
        make(program.client)
    # credential, member, number, link, what is told
    assert len(statements) <= 5, statements


def test_a_batch_of_nothing_but_faults_reads_nothing(program: TestProgram) -> None:
    join(program.client, "ada")
    with counted_statements() as statements:
        results = batch(program.client, {}, 7)
    assert [result["status"] for result in results] == ["error", "error"]
    assert len(statements) == 1
