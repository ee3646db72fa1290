"""Ids: what goes out comes back, and sorts by the time it was made."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotFound
from core.ids import ExternalRef, base32_of, new_id, parse_public_id, parse_ref, public_id


@given(st.uuids())
def test_a_public_id_comes_back(value: UUID) -> None:
    assert parse_public_id("mem", public_id("mem", value)) == value
    assert parse_public_id("ord", public_id("mem", value)) is None


@given(st.uuids(), st.uuids())
def test_public_ids_sort_like_ids(left: UUID, right: UUID) -> None:
    assert (left < right) == (base32_of(left) < base32_of(right))


def test_new_ids_sort_by_time() -> None:
    made = [new_id() for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


@given(st.text(max_size=40))
def test_any_text_is_read_or_is_nothing(text: str) -> None:
    parsed = parse_public_id("mem", text)
    assert parsed is None or public_id("mem", parsed) == text


@pytest.mark.parametrize("text", ["mem_" + "z" * 26, "mem_" + "8" + "0" * 25, "mem_", "mem", "", "MEM_" + "0" * 26])
def test_what_is_no_id_is_none(text: str) -> None:
    assert parse_public_id("mem", text) is None


@pytest.mark.parametrize("external", ["a", "a/b", "ext:a", "张三", "x" * 200, " ", "?&#%"])
def test_an_external_reference_is_whatever_follows(external: str) -> None:
    assert parse_ref("mem", f"ext:{external}") == ExternalRef(external)


@pytest.mark.parametrize("text", ["ext:", "ext:" + "x" * 201, "ext:a\x00b", "ext:a\n", "a", "", "mem_x"])
def test_what_is_no_reference_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        parse_ref("mem", text)
