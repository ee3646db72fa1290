"""What a visitor is shown behind a code."""

from datetime import timedelta

import pytest

from core.clock import now
from core.db import execute, transaction
from tests.clients import ApiClient, TestProgram
from tests.coupons.links.links import SHOP, body, faults, join, make, seed_coupon


def resolved(client: ApiClient, query: str) -> object:
    answer = client.get(f"/v1/links/resolve?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_visitor_sees_where_it_leads_who_shares_and_what_is_offered(program: TestProgram) -> None:
    join(program.client, "ada", name="Ada 艾达", avatar_url="https://img.example/ada.png")
    seed_coupon(program, ["TEA10"], amount=1000, min_spend=5000)
    product = {"sku": "T-1", "title": "Sencha", "image_url": "https://img.example/t.png", "price": 1250}
    link = make(
        program.client, coupon_code="tea10", product=product, mini_program_path="pages/tea?id=7", campaign_id="spring",
        group_id="g", content_id="c", session_id="s", channel="wechat", sub_ids=["secret"],
        expires_at="2100-01-01T00:00:00Z",
    )  # fmt: skip
    expected = {
        "destination": SHOP, "mini_program_path": "pages/tea?id=7", "product": product, "code": link["code"],
        "sharer": {"name": "Ada 艾达", "avatar_url": "https://img.example/ada.png"},
        "coupon": {
            "code": "TEA10", "name": "Tea", "kind": "amount", "amount": 1000, "percent_bps": None, "min_spend": 5000,
            "valid_to": None,
        },
        "expires_at": "2100-01-01T00:00:00Z", "short_url": link["short_url"], "campaign_id": "spring", "group_id": "g",
        "content_id": "c", "session_id": "s", "channel": "wechat",
    }  # fmt: skip
    assert resolved(program.client, f"code={link['code']}") == expected
    assert resolved(program.client, f"scene={link['scene']}") == expected


def test_a_plain_link_offers_nothing_but_its_destination(program: TestProgram) -> None:
    join(program.client, "ada")
    link = make(program.client)
    shown = resolved(program.client, f"code={link['code']}")
    assert isinstance(shown, dict)
    assert shown["sharer"] == {"name": None, "avatar_url": None}
    assert {name for name, value in shown.items() if value is None} == {
        "mini_program_path", "coupon", "product", "expires_at", "campaign_id", "group_id", "content_id", "session_id",
        "channel",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("", "/code"), ("code=a&scene=a", "/code"), ("code=", "/code"), ("scene=" + "x" * 101, "/scene"), ("id=x", "/id")],
)
def test_exactly_one_name_is_needed(program: TestProgram, query: str, pointer: str) -> None:
    assert pointer in faults(program.client.get(f"/v1/links/resolve?{query}"))


@pytest.mark.parametrize("code", ["nobody-has-this", "11234567890", "x", "%27"])
def test_an_unknown_code_is_not_found(program: TestProgram, code: str) -> None:
    answer = program.client.get(f"/v1/links/resolve?code={code}")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_another_programs_code_is_not_found(program: TestProgram, other_program: TestProgram) -> None:
    join(other_program.client, "ada")
    link = make(other_program.client)
    assert program.client.get(f"/v1/links/resolve?code={link['code']}").status_code == 404


def test_an_ended_link_is_gone(program: TestProgram) -> None:
    join(program.client, "ada")
    expired, deleted = make(program.client), make(program.client)
    program.client.patch(f"/v1/links/{expired['id']}", {"expires_at": "2026-01-01T00:00:00Z"})
    program.client.delete(f"/v1/links/{deleted['id']}")
    for link in (expired, deleted):
        for path in (f"resolve?scene={link['code']}", f"{link['id']}/share-text"):
            answer = program.client.get(f"/v1/links/{path}")
            assert (answer.status_code, answer.json["code"]) == (410, "link_ended")


def test_a_coupon_that_has_ended_is_offered_no_more(program: TestProgram) -> None:
    join(program.client, "ada")
    seed_coupon(program, ["OLD10"], valid_to=now() + timedelta(hours=1))
    answer = program.client.post("/v1/links", body(coupon_code="OLD10")).json
    with transaction(program.id):
        execute("UPDATE coupons SET valid_to = now() - interval '1 day' WHERE program_id = %(p)s", p=program.id)
    shown = program.client.get(f"/v1/links/resolve?code={answer['code']}").json
    assert shown["coupon"] is None
    assert program.client.get(f"/v1/links/{answer['id']}").json["coupon_code"] == "OLD10"
    assert "OLD10" not in program.client.get(f"/v1/links/{answer['id']}/share-text").json["text"]
