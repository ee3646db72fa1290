"""The text to share: link and coupon code together, in two languages, and no name can break it."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import now
from core.ids import new_id
from coupons.links.service import Link, Offer, readable, share_text
from referral.members.service import Member
from tests.clients import ApiClient, TestProgram, make_program
from tests.coupons.links.links import faults, join, make, seed_coupon

TEA = {"sku": "T-1", "title": "煎茶 Sencha", "price": 129_900}


def text_of(client: ApiClient, link: dict[str, Any], query: str = "") -> str:
    answer = client.get(f"/v1/links/{link['id']}/share-text?{query}")
    assert answer.status_code == 200, answer.text
    return str(answer.json["text"])


def test_the_chinese_text_says_title_price_code_and_link(program: TestProgram) -> None:
    chinese = make_program(program.app, currency="CNY", timezone="Asia/Shanghai")
    join(chinese.client, "ada", name="艾达")
    seed_coupon(chinese, ["TEA10"], amount=1000, min_spend=10_000)
    link = make(chinese.client, product=TEA, coupon_code="TEA10")
    answer = chinese.client.get(f"/v1/links/{link['id']}/share-text").json
    assert answer == {
        "text": "【煎茶 Sencha】\n¥1299.00\n艾达推荐\n优惠码：TEA10（满 ¥100.00 减 ¥10.00）\n"
        f"自购省钱，分享赚钱\n{link['short_url']}",
        "short_url": link["short_url"], "coupon_code": "TEA10", "language": "zh", "template": "standard",
    }  # fmt: skip
    assert text_of(chinese.client, link, "template=short&language=zh") == (
        f"【煎茶 Sencha】 ¥1299.00 优惠码：TEA10（满 ¥100.00 减 ¥10.00） {link['short_url']}"
    )


def test_the_english_text_says_the_same(program: TestProgram) -> None:
    join(program.client, "ada", name="Ada")
    seed_coupon(program, ["TEA12"], amount=None, percent_bps=1250)
    link = make(program.client, product=TEA, coupon_code="TEA12")
    assert text_of(program.client, link, "language=en") == (
        "煎茶 Sencha\n£1299.00\nRecommended by Ada\nCoupon code: TEA12 (12.5% off)\n"
        f"Buy for yourself and save, share and earn\n{link['short_url']}"
    )


def test_what_the_link_does_not_have_is_left_out(program: TestProgram) -> None:
    join(program.client, "ada")
    link = make(program.client)
    assert text_of(program.client, link) == f"自购省钱，分享赚钱\n{link['short_url']}"
    assert text_of(program.client, link, "template=short") == link["short_url"]
    free = make(program.client, product={"title": "Sample", "price": 0})
    assert text_of(program.client, free, "template=short&language=en") == f"Sample £0.00 {free['short_url']}"


@pytest.mark.parametrize(
    ("currency", "language", "price"),
    [
        ("CNY", "zh", "¥1299.00"), ("CNY", "en", "CN¥1299.00"), ("JPY", "zh", "JP¥129900"), ("JPY", "en", "¥129900"),
        ("KWD", "en", "KWD 129.900"), ("USD", "zh", "$1299.00"), ("CHF", "zh", "CHF 1299.00"),
        ("CLF", "en", "CLF 12.9900"),
    ],
)  # fmt: skip
def test_a_price_has_its_currencys_sign_and_decimals(
    program: TestProgram, currency: str, language: str, price: str
) -> None:
    abroad = make_program(program.app, currency=currency)
    join(abroad.client, "ada")
    link = make(abroad.client, product=TEA)
    assert text_of(abroad.client, link, f"language={language}").splitlines()[1] == price


@pytest.mark.parametrize(
    ("query", "pointer"), [("language=fr", "/language"), ("template=none", "/template"), ("colour=red", "/colour")]
)
def test_other_languages_and_templates_are_refused(program: TestProgram, query: str, pointer: str) -> None:
    join(program.client, "ada")
    assert faults(program.client.get(f"/v1/links/{make(program.client)['id']}/share-text?{query}")) == [pointer]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada", "Ada"), (" Ada \t B\r\nC ", "Ada B C"), ("A\u2028B\u2029C", "A B C"), ("\u202eevil\u202c", "evil"),
        ("A\x00\x1b[31mB", "A [31mB"), ("A\u200bB\ufeffC\u2066", "A B C"), ("\u061c\u200e", ""), (None, ""), ("", ""),
        ("👩\u200d👧", "👩\u200d👧"), ("茶\u3000艺", "茶 艺"), ("A\x85B", "A B"), ("{0}{x}%s", "{0}{x}%s"),
    ],
)  # fmt: skip
def test_a_name_is_one_readable_line(name: str | None, shown: str) -> None:
    assert readable(name) == shown


def offer_with(title: str, name: str) -> Offer:
    at, member_id = now(), new_id()
    link = Link(
        id=new_id(), code="c", member_id=member_id, destination_url="", mini_program_path=None, campaign_id=None,
        group_id=None, content_id=None, session_id=None, channel=None, sub_ids=[], coupon_code=None,
        product={"title": title, "price": 5}, expires_at=None, deleted_at=None, created_at=at, updated_at=at,
    )  # fmt: skip
    return Offer(link, member(member_id, name), None)


def member(member_id: UUID, name: str) -> Member:
    nothing = dict.fromkeys(Member._fields)
    return Member(**nothing | {"id": member_id, "name": name})  # type: ignore[arg-type]  # only these two are read


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_name_breaks_a_line_or_the_link(title: str, name: str) -> None:
    lines = share_text(offer_with(title, name), "https://x.example/r/c", "GBP", "en", "standard").split("\n")
    assert lines[-1] == "https://x.example/r/c"
    assert len(lines) == 3 + bool(readable(title)) + bool(readable(name))
    assert all(line.splitlines() == [line] for line in lines)
    short = share_text(offer_with(title, name), "https://x.example/r/c", "GBP", "zh", "short")
    assert len(short.splitlines()) == 1
    assert short.endswith("£0.05 https://x.example/r/c")
