"""Bindings' terms, rings and depths."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.programs.settings import BindingSettings
from referral.tree.rules import Binding, closes_ring, depths, may_change, new_binding

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
A, B, C, D = (UUID(int=number) for number in range(1, 5))
PERMANENT = BindingSettings()
EXPIRING = BindingSettings(mode="expiring", expires_after_days=30)
OPEN = BindingSettings(mode="open", protected_days=7)


def test_a_binding_ends_only_where_bindings_expire() -> None:
    assert new_binding(A, PERMANENT, NOW) == Binding(A, None, None)
    assert new_binding(A, EXPIRING, NOW) == Binding(A, None, NOW + 30 * DAY)
    assert new_binding(A, OPEN, NOW) == Binding(A, NOW + 7 * DAY, None)
    assert new_binding(None, OPEN, NOW) == Binding(None)


@pytest.mark.parametrize(
    ("binding", "settings", "allowed"),
    [
        (Binding(None), PERMANENT, True),
        (Binding(A), PERMANENT, False),
        (Binding(A, expires_at=NOW + DAY), EXPIRING, False),
        (Binding(A, expires_at=NOW), EXPIRING, True),
        (Binding(A), EXPIRING, False),
        (Binding(A), OPEN, True),
        (Binding(A, protected_until=NOW + DAY), OPEN, False),
        (Binding(A, protected_until=NOW), OPEN, True),
        (Binding(A, expires_at=NOW), PERMANENT, True),
    ],
)
def test_the_mode_says_when_a_binding_may_go(binding: Binding, settings: BindingSettings, allowed: bool) -> None:
    assert may_change(binding, settings, NOW) is allowed


def test_a_ring_is_seen_at_any_distance() -> None:
    inviter_of = {A: None, B: A, C: B}
    assert closes_ring(A, C, inviter_of)
    assert closes_ring(A, A, inviter_of)
    assert not closes_ring(C, A, inviter_of)
    assert not closes_ring(D, C, inviter_of)


def test_depths_are_counted_from_the_root_however_deep() -> None:
    assert depths([C, A], {A: None, B: A, C: B}) == {A: 0, B: 1, C: 2}
    chain = [UUID(int=number) for number in range(1, 20_001)]
    inviter_of = dict(zip(chain, [None, *chain[:-1]], strict=True))
    assert depths([chain[-1], *chain[:10]], inviter_of)[chain[-1]] == 19_999
