"""The small memory of a process: what it keeps, and what makes room."""

import time

from coupons.sharing.recent import Recent


def test_what_is_kept_comes_back_until_its_time_is_over() -> None:
    recent: Recent[str, int] = Recent(most=9, weight=9)
    recent.put("a", 1, weight=1, seconds=60)
    recent.put("b", 2, weight=1, seconds=0)
    time.sleep(0.01)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, None)
    recent.clear()
    assert recent.get("a") is None


def test_those_not_used_for_longest_make_room() -> None:
    recent: Recent[str, int] = Recent(most=2, weight=99)
    for name in "ab":
        recent.put(name, 1, weight=1, seconds=60)
    assert recent.get("a") == 1
    recent.put("c", 1, weight=1, seconds=60)
    assert [recent.get(name) for name in "abc"] == [1, None, 1]


def test_weight_is_bounded_and_given_back() -> None:
    recent: Recent[str, int] = Recent(most=99, weight=10)
    for number in range(5):
        recent.put("same", number, weight=9, seconds=60)
    assert recent.get("same") == 4
    recent.put("huge", 0, weight=11, seconds=60)
    assert (recent.get("huge"), recent.get("same")) == (None, 4)
    recent.put("other", 5, weight=2, seconds=60)
    assert (recent.get("same"), recent.get("other")) == (None, 5)
    recent.put("more", 6, weight=8, seconds=60)
    assert (recent.get("other"), recent.get("more")) == (5, 6)
