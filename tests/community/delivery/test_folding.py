"""Bursts become one message: nothing is lost in it, nothing overtakes, and it fits."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from community.delivery.folding import MOST_LINES, Composed, Waiting, compose
from community.delivery.rules import MONEY, NEWS


def waiting(number: int, fold_key: str | None = "order", **given: object) -> Waiting:
    values = {
        "id": UUID(int=number), "priority": NEWS, "text": f"line {number}", "markdown": None, "image_hash": None,
        "fold_key": fold_key, "summary": None, "language": "en",
    } | given  # fmt: skip
    return Waiting(**values)  # type: ignore[arg-type]


def composed(messages: list[Waiting], longest: int = 4000) -> Composed:
    return compose(messages, lambda text: len(text) <= longest, lambda text: text[: longest - 1] + "…")


def numbers(ids: list[UUID]) -> list[int]:
    return [one.int for one in ids]


def test_one_message_is_said_as_it_is() -> None:
    found = composed([waiting(1, markdown="**line** 1")])
    assert (found.text, found.markdown, numbers(found.shown), found.counted) == ("line 1", "**line** 1", [1], [])


def test_a_burst_is_its_first_lines_and_a_count() -> None:
    found = composed([waiting(number) for number in range(1, 43)])
    assert found.text == "line 1\nline 2\nline 3\nline 4\nline 5\n… and 37 more"
    assert numbers(found.shown) == [1, 2, 3, 4, 5]
    assert numbers(found.counted) == list(range(6, 43))


def test_the_count_is_said_in_the_language_of_the_messages() -> None:
    found = composed([waiting(number, language="zh") for number in range(1, 8)])
    assert found.text.endswith("\n……还有 2 条")


def test_the_count_is_said_as_the_sender_of_the_messages_wants() -> None:
    messages = [waiting(number, summary="{n} other orders {not a field}") for number in range(1, 8)]
    assert composed(messages).text.endswith("\n2 other orders {not a field}")


def test_several_kinds_share_a_message_each_with_its_lines() -> None:
    found = composed([waiting(1), waiting(2, "member"), waiting(3), waiting(4, "member")])
    assert found.text == "line 1\nline 3\n\nline 2\nline 4"


def test_what_stands_alone_neither_joins_nor_is_overtaken() -> None:
    messages = [waiting(1), waiting(2), waiting(3, None), waiting(4)]
    assert numbers(composed(messages).shown) == [1, 2]
    assert numbers(composed(messages[2:]).shown) == [3]


def test_a_picture_stands_alone() -> None:
    found = composed([waiting(1, image_hash=b"hash"), waiting(2)])
    assert (found.image_hash, numbers(found.shown)) == (b"hash", [1])
    assert numbers(composed([waiting(1), waiting(2, image_hash=b"hash")]).shown) == [1]


def test_money_and_news_do_not_share_a_message() -> None:
    assert numbers(composed([waiting(1, priority=MONEY), waiting(2)]).shown) == [1]


def test_a_message_stops_where_the_next_line_would_not_fit() -> None:
    found = composed([waiting(number, text="x" * 30) for number in range(1, 5)], longest=100)
    assert numbers(found.shown) == [1, 2, 3]
    assert len(found.text) == 92


def test_a_single_text_that_is_too_long_is_shortened_and_its_markdown_left_out() -> None:
    found = composed([waiting(1, text="x" * 30, markdown="x" * 30), waiting(2)], longest=10)
    assert (found.text, found.markdown, numbers(found.shown)) == ("xxxxxxxxx…", None, [1])


def test_there_is_markdown_only_when_every_line_has_some() -> None:
    both = [waiting(1, markdown="*1*"), waiting(2, markdown="*2*")]
    assert composed(both).markdown == "*1*\n*2*"
    assert composed([*both, waiting(3)]).markdown is None


messages_of_a_lane = st.lists(
    st.tuples(st.sampled_from(["order", "member", "coupon", None]), st.sampled_from([MONEY, NEWS]), st.integers(1, 40)),
    min_size=1,
    max_size=80,
)


@given(messages_of_a_lane, st.integers(20, 400))
def test_a_lane_is_said_completely_and_in_order_whatever_waits(
    kinds: list[tuple[str | None, int, int]], longest: int
) -> None:
    """Message by message until nothing waits: each is a beginning of what is left, and in each kind's order."""
    kinds.sort(key=lambda kind: kind[1])  # money first, as it is read
    left = [
        waiting(number, fold_key, priority=priority, text="x" * length)
        for number, (fold_key, priority, length) in enumerate(kinds)
    ]
    while left:
        found = composed(left, longest)
        taken = {*found.shown, *found.counted}
        assert taken == {one.id for one in left[: len(taken)]}
        assert len(found.shown) + len(found.counted) == len(taken) >= 1
        assert len(found.text) <= longest
        for fold_key in {one.fold_key for one in left[: len(taken)]}:
            lines = [one.id for one in left[: len(taken)] if one.fold_key == fold_key]
            assert [one for one in found.shown if one in lines] == lines[:MOST_LINES]
        left = left[len(taken) :]
