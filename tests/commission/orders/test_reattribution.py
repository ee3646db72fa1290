"""An order attributed anew: the old commissions are reversed, new ones accrued, and the books stay sound."""

from functools import partial
from typing import Any, NamedTuple

import pytest
from werkzeug.test import TestResponse

from core.db import fetch_all, transaction
from tests.clients import ApiClient, TestProgram, make_program
from tests.commission.orders.books import assert_sound
from tests.commission.orders.conftest import REFUNDED_AT, Shop, pointers
from tests.threads import together


@pytest.fixture
def finance(shop: Shop) -> ApiClient:
    return shop.program.staff("finance")


@pytest.fixture
def members(shop: Shop) -> dict[str, str]:
    """Ids by external id; x stands under y, apart from a → b → c."""
    shop.member("y")
    shop.member("x", "y")
    return {name: shop.client.get(f"/v1/members/ext:{name}").json["id"] for name in "abcxy"}  # type: ignore[index]


def attribute(client: ApiClient, member_id: str | None, order: str = "o1", **more: Any) -> TestResponse:
    body = {"member_id": member_id, "reason": "the link was in his post"} | more
    return client.post(f"/v1/orders/ext:{order}/attribution", body)


def living(order: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Member, level and what is kept of commissions that are not wholly reversed."""
    return [
        (one["member_id"], one["level"], one["amount"] - one["reversed"])
        for one in order["commissions"]
        if one["amount"] > one["reversed"]
    ]


def test_anonymous_is_refused(shop: Shop) -> None:
    assert attribute(shop.program.anonymous, None).status_code == 401


def test_keys_and_operators_may_not(shop: Shop) -> None:
    shop.order()
    assert attribute(shop.client, None).status_code == 403
    assert attribute(shop.program.staff("operator"), None).status_code == 403


def test_another_programs_order_is_not_found(shop: Shop, app: Any) -> None:
    shop.order()
    stranger: TestProgram = make_program(app)
    assert attribute(stranger.staff("finance"), None).status_code == 404


def test_the_old_commissions_are_reversed_and_new_ones_accrued(
    shop: Shop, finance: ApiClient, members: dict[str, str]
) -> None:
    shop.order()
    assert shop.pending("b", "a") == [110, 55]
    answer = attribute(finance, members["x"])
    assert answer.status_code == 200, answer.text
    order: Any = answer.json
    assert order["attribution"]["source"] == "staff"
    assert order["attribution"]["member_id"] == members["x"]
    assert living(order) == [(members["x"], 1, 110), (members["y"], 2, 55)]
    assert shop.pending("b", "a", "x", "y") == [0, 0, 110, 55]
    assert_sound(shop.program.id)


def test_it_may_belong_to_nobody(shop: Shop, finance: ApiClient, members: dict[str, str]) -> None:
    shop.order()
    order: Any = attribute(finance, None).json
    assert order["attribution"]["source"] == "none"
    assert living(order) == []
    assert_sound(shop.program.id)
    assert living(attribute(finance, members["b"]).json) == [  # type: ignore[arg-type]
        (members["b"], 1, 110),
        (members["a"], 2, 55),
    ]
    assert_sound(shop.program.id)


def test_the_same_member_again_changes_nothing(shop: Shop, finance: ApiClient, members: dict[str, str]) -> None:
    shop.order()
    attribute(finance, members["x"])
    again: Any = attribute(finance, members["x"]).json
    assert len(again["commissions"]) == 4
    assert shop.pending("x", "y") == [110, 55]


def test_what_was_refunded_stays_refunded(shop: Shop, finance: ApiClient, members: dict[str, str]) -> None:
    shop.order()
    shop.refund("o1", "r1", items=[{"sku": "x", "quantity": 1}])
    kept = [kept for _, _, kept in living(shop.shown())]
    order: Any = attribute(finance, members["x"]).json
    assert [kept for _, _, kept in living(order)] == kept
    assert shop.pending("b", "a") == [0, 0]
    assert_sound(shop.program.id)
    shop.refund("o1", "r2", items=[{"sku": "x", "quantity": 2}, {"sku": "y", "quantity": 1}])
    assert shop.pending("x", "y", "b", "a") == [0, 0, 0, 0]
    assert_sound(shop.program.id)


def test_what_matured_becomes_debt_of_the_old_member(shop: Shop, finance: ApiClient, members: dict[str, str]) -> None:
    shop.order()
    shop.complete()
    shop.mature()
    assert shop.available("b") == [110]
    attribute(finance, members["x"])
    assert shop.available("b", "a") == [0, 0]
    assert shop.pending("x", "y") == [110, 55]
    shop.mature()
    assert shop.available("x", "y") == [110, 55]
    assert_sound(shop.program.id)


def test_a_canceled_or_unpaid_order_is_refused(shop: Shop, finance: ApiClient, members: dict[str, str]) -> None:
    shop.order("o1", paid_at=None)
    assert attribute(finance, members["x"]).status_code == 409
    shop.order("o2")
    shop.cancel("o2")
    answer = attribute(finance, members["x"], "o2")
    assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")  # type: ignore[index]


def test_who_cannot_be_paid_is_refused(shop: Shop, finance: ApiClient, members: dict[str, str]) -> None:
    shop.order()
    shop.client.patch("/v1/members/ext:x", {"status": "suspended"})
    for nobody in (members["x"], members["c"]):
        answer = attribute(finance, nobody)
        assert (answer.status_code, answer.json["code"]) == (409, "member_not_payable")  # type: ignore[index]
    assert shop.pending("b", "a") == [110, 55]


def test_a_member_who_is_not_there_is_a_mistake(shop: Shop, finance: ApiClient) -> None:
    shop.order()
    answer = attribute(finance, "mem_00000000000000000000000000")
    assert (answer.status_code, pointers(answer)) == (422, ["/member_id"])


def test_a_reason_is_needed(shop: Shop, finance: ApiClient, members: dict[str, str]) -> None:
    shop.order()
    answer = finance.post("/v1/orders/ext:o1/attribution", {"member_id": members["x"]})
    assert (answer.status_code, pointers(answer)) == (422, ["/reason"])


class Step(NamedTuple):
    """One row of the history."""

    version: int
    source_before: str


def test_the_history_keeps_every_step(shop: Shop, finance: ApiClient, members: dict[str, str]) -> None:
    shop.order()
    attribute(finance, members["x"])
    attribute(finance, None)
    explained = shop.explained()
    assert [one["reason"] for one in explained["evidence_refused"]][:2] == ["reattributed", "reattributed"]
    with transaction(shop.program.id, read_only=True):
        rows = fetch_all(
            Step,
            "SELECT version, source_before FROM order_attributions WHERE program_id = %(p)s ORDER BY version",
            p=shop.program.id,
        )
    assert rows == [(2, "binding"), (3, "staff")]


def test_a_commission_of_the_old_attribution_is_explained_as_reversed(
    shop: Shop, finance: ApiClient, members: dict[str, str]
) -> None:
    shop.order()
    attribute(finance, members["x"])
    explained = shop.explained()
    assert [(one["attribution_version"], one["member_id"], one["kept"]) for one in explained["commissions"]] == [
        (2, members["x"], 110),
        (2, members["y"], 55),
        (1, members["b"], 0),
        (1, members["a"], 0),
    ]
    assert [sum(r["amount"] for r in one["reversals"]) for one in explained["commissions"]] == [0, 0, 110, 55]
    (before,) = explained["attributions_before"]
    assert (before["version"], before["member_id"], before["source"]) == (1, members["b"], "binding")


def test_a_commission_that_was_taken_away_is_explained_to_its_member(
    shop: Shop, finance: ApiClient, members: dict[str, str]
) -> None:
    shop.order()
    attribute(finance, None)
    b = shop.program.member("ext:b")
    (mine,) = b.get("/v1/me/commissions").json["data"]  # type: ignore[index]
    explained: Any = b.get(f"/v1/me/commissions/{mine['id']}/explanation").json
    assert [(one["id"], one["amount"], one["kept"]) for one in explained["commissions"]] == [(mine["id"], 110, 0)]


def test_an_after_sale_case_holds_the_new_ones_too(shop: Shop, finance: ApiClient, members: dict[str, str]) -> None:
    shop.order()
    shop.after_sale(is_open=True)
    order: Any = attribute(finance, members["x"]).json
    assert {one["held_reason"] for one in order["commissions"] if one["member_id"] == members["x"]} == {"after_sale"}


def test_two_at_once_leave_one_winner_and_sound_books(shop: Shop, members: dict[str, str]) -> None:
    shop.order()
    staff = [shop.program.staff("finance") for _ in range(4)]
    targets = [members["x"], members["y"], members["x"], None]
    jobs = [partial(attribute, one, to) for one, to in zip(staff, targets, strict=True)]
    answers = together(shop.program.app, *jobs)
    assert {answer.status_code for answer in answers} == {200}
    assert_sound(shop.program.id)


def test_refund_and_reattribution_at_once_keep_the_books(
    shop: Shop, finance: ApiClient, members: dict[str, str]
) -> None:
    shop.order()
    refund = {"external_id": "r1", "refunded_at": REFUNDED_AT, "items": [{"sku": "x", "quantity": 2}]}
    together(
        shop.program.app,
        lambda: attribute(finance, members["x"]),
        lambda: shop.client.post("/v1/orders/ext:o1/refunds", refund),
    )
    assert_sound(shop.program.id)
    assert sum(shop.pending("b", "a")) == 0
