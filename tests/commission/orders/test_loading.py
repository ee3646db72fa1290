"""The fast way in accepts nothing that the shapes refuse, and means the same by what it accepts."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import ValidationError

from commission.orders.loading import OrderBatchLoader, load_order
from commission.orders.new_order import NewLine, NewOrder, ToldDiscount
from commission.orders.schemas import NewOrderBody
from core.errors import DomainError, Invalid
from tests.commission.orders.conftest import order_body

SHAPE = NewOrderBody()

odd_values: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from([10**15, 10**15 + 1, 2**63, 2**70, 1.0, 2.5]),
    st.sampled_from(["", " ", "x" * 200, "x" * 201, "a\nb", "a\x00b", "\x7f", "ä", "券码", "\U0001f600", 'q"\\']),
    st.sampled_from(
        ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00", "2026-03-01 10:00:00+08:00", "2026-03-01t10:00:00z",
         "2026-02-30T10:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "2026-03-01T10:00:00.1234567Z"]
    ),
    st.lists(st.integers(), max_size=2), st.just({}), st.just({"k": "v\n"}), st.just({"k": {"k": {"k": {"k": 1}}}}),
    st.just({"k": 2**70}), st.just({"k": "x\x00"}), st.just({"k" * 9000: 1}),
)  # fmt: skip
ORDER_FIELDS = [*NewOrder.__struct_fields__, "colour"]
CODE_FIELDS = ["coupon_codes", "coupon_policy", "coupon_discounts", "sub_ids"]
codes = st.sampled_from(["A", "a", "B ", "summer", "ß", "", "x" * 64, "x" * 65, "a\nb", "\x7f", "券码", 'q"\\'])
told = st.lists(
    st.one_of(
        st.fixed_dictionaries({"code": codes, "amount": st.sampled_from([0, 1, 500, -1, 10**15 + 1, True, 1.0, None])}),
        st.fixed_dictionaries({"code": codes, "amount": st.just(1)}),
        st.sampled_from([{"code": "A"}, {"amount": 1}, {"code": "A", "amount": 1, "more": 1}, None, "A"]),
    ),
    max_size=3,
)  # fmt: skip
code_values: st.SearchStrategy[Any] = st.one_of(
    st.lists(codes, max_size=6), st.just(["A"] * 21), st.sampled_from(["redeem", "record", "Record"]), told, st.none()
)
LINE_FIELDS = [*NewLine.__struct_fields__, "colour"]


@st.composite
def mangled_orders(draw: st.DrawFn) -> dict[str, Any]:
    """A good order with some fields replaced, added or missing."""
    order = order_body()
    order["items"] = [dict(item) for item in order["items"]]
    for name in draw(st.lists(st.sampled_from(ORDER_FIELDS), max_size=3)):
        order[name] = draw(odd_values)
    for name in draw(st.lists(st.sampled_from(CODE_FIELDS), max_size=3)):
        order[name] = draw(code_values)
    if draw(st.booleans()):
        order |= {"coupon_policy": "record", "coupon_discounts": draw(told)}
    if isinstance(order["items"], list) and order["items"] and isinstance(order["items"][0], dict):
        for name in draw(st.lists(st.sampled_from(LINE_FIELDS), max_size=2)):
            order["items"][0][name] = draw(odd_values)
    for name in draw(st.lists(st.sampled_from(ORDER_FIELDS), max_size=1)):
        order.pop(name, None)
    return order


def through_the_shape(document: Any) -> NewOrder | None:
    try:
        loaded = SHAPE.load(document)
    except ValidationError:
        return None
    discounts = loaded.pop("coupon_discounts")
    return NewOrder(
        items=[NewLine(**item) for item in loaded.pop("items")],
        coupon_discounts=None if discounts is None else [ToldDiscount(**one) for one in discounts],
        **loaded,
    )


@given(mangled_orders())
@example(order_body(attributes={"k": ["a", {"b": 1}]}))
@example(order_body(coupon_codes=["a", "B "], sub_ids=["x", "y"], click_id="c", link_code="l", visitor_id="v"))
@example(order_body(coupon_codes=["c"], coupon_policy="record", coupon_discounts=[{"code": "a", "amount": 1}]))
@example(order_body(coupon_policy="record", coupon_discounts=[{"code": "a", "amount": 1}, {"code": "A", "amount": 1}]))
@example(order_body(paid_at=None, placed_at="2026-03-01T10:00:00+08:00"))
def test_both_ways_agree(document: dict[str, Any]) -> None:
    raw = orjson.dumps(document) if _fits_orjson(document) else json.dumps(document).encode()
    assert through_the_fast_way(raw) == through_the_shape(orjson.loads(raw))


def through_the_fast_way(raw: bytes) -> NewOrder | None:
    try:
        return load_order(raw)
    except Invalid:
        return None


def _fits_orjson(document: Any) -> bool:
    try:
        orjson.dumps(document)
    except TypeError:
        return False
    return True


def test_a_bad_order_in_a_batch_is_told_and_the_others_are_loaded() -> None:
    bodies = [order_body("a"), order_body("b", currency="pounds"), 7, order_body("c")]
    loaded = OrderBatchLoader().load(orjson.dumps({"orders": bodies}))
    assert [item.external_id for item in loaded] == ["a", "b", None, "c"]
    assert [item.refused is None for item in loaded] == [True, False, False, True]
    assert isinstance(loaded[1].refused, Invalid)
    assert loaded[1].refused.faults[0].pointer == "/currency"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"orders": 1}', b'{"orders": []}', b'{"orders": [], "x": 1}', b"{"])
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(DomainError):
        OrderBatchLoader().load(body)


def test_too_many_orders_are_refused() -> None:
    with pytest.raises(Invalid):
        OrderBatchLoader().load(orjson.dumps({"orders": [order_body(str(n)) for n in range(501)]}))
