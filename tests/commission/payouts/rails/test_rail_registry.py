"""The registry of rails: asked by kind, silent about nothing."""

import pytest

from commission.payouts import rails
from commission.payouts.rails.protocol import Rail


def test_a_registered_rail_is_found_by_its_kind(rail_at):
    rail: Rail = rail_at("http://127.0.0.1:9")
    before = dict(rails._rails)
    try:
        rails.register(rail)
        assert rails.rail_for("sandbox") is rail
        assert "sandbox" in rails.registered_kinds()
    finally:
        rails._rails.clear()
        rails._rails.update(before)


def test_a_kind_without_rail_is_named():
    with pytest.raises(rails.NoSuchRail) as refused:
        rails.rail_for("carrier_pigeon")
    assert (refused.value.code, refused.value.extra) == ("no_such_rail", {"kind": "carrier_pigeon"})


def test_the_sandbox_takes_keys_of_32_letters_and_digits_for_ever(rail_at):
    promised = rail_at("http://127.0.0.1:9").capabilities
    assert (promised.key_max_length, promised.query_window_days, promised.resend_window_days) == (32, None, None)
