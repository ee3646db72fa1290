"""Programs: settings in versions, of which only the committed ones count."""

from typing import Any

import pytest

from core.auth.access import Role
from core.auth.actor import Actor, ActorKind
from core.auth.service import program_of
from core.db import transaction
from core.ids import new_id
from core.programs import service
from tests.clients import TestProgram
from tests.threads import together


def _owner(program: TestProgram) -> Actor:
    return Actor(program.now(), ActorKind.STAFF, new_id(), role=Role.OWNER)


def _change(program: TestProgram, **changes: Any) -> None:
    with transaction(program.id):
        service.change_program(_owner_inside(program), None, changes)


def _owner_inside(program: TestProgram) -> Actor:
    return Actor(program_of(program.id), ActorKind.STAFF, new_id(), role=Role.OWNER)


def test_a_change_that_was_rolled_back_is_forgotten_everywhere(program: TestProgram) -> None:
    """The next change gets the same version number; nobody may remember the settings that never were."""
    with pytest.raises(ZeroDivisionError), transaction(program.id):  # noqa: PT012 -- the block is what is rolled back
        service.change_program(_owner_inside(program), None, {"hold_days": 1})
        _ = 1 // 0
    _change(program, hold_days=99)
    assert program.now().settings.hold_days == 99
    assert program.client.get("/v1/program").json["hold_days"] == 99


def test_a_version_never_changes(program: TestProgram) -> None:
    before = program.now()
    _change(program, hold_days=3)
    with transaction(program.id, read_only=True):
        assert service.settings_at(program.id, before.settings_version) == before.settings
        assert service.settings_at(program.id, before.settings_version + 1).hold_days == 3


def test_changes_at_once_are_all_kept(program: TestProgram) -> None:
    owner = program.staff("owner")
    fields = {"hold_days": 1, "min_payout": 2, "max_levels": 3, "payout_cap_bps": 4, "method_freeze_hours": 5}
    answers = together(
        program.app, *[lambda one=one: owner.patch("/v1/program", dict([one])) for one in fields.items()]
    )
    assert {answer.status_code for answer in answers} == {200}
    shown = program.client.get("/v1/program").json
    assert {name: shown[name] for name in fields} == fields


def test_the_same_settings_again_make_no_version(program: TestProgram) -> None:
    before = program.now().settings_version
    _change(program, hold_days=7)
    assert program.now().settings_version == before


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"currency": "XXX"}, "/currency"),
        ({"currency": "gbp"}, "/currency"),
        ({"timezone": "Nowhere/City"}, "/timezone"),
        ({"timezone": "../etc/passwd"}, "/timezone"),
        ({"max_levels": 4}, "/max_levels"),
        ({"attribution": {"order": ["click", "click"]}}, "/attribution/order"),
        ({"binding": {"mode": "expiring"}}, "/binding/expires_after_days"),
        ({"payout_cap_bps": 10_001}, "/payout_cap_bps"),
        ({"hold_days": True}, "/hold_days"),
        ({"link_hosts": ["x" * 254]}, "/link_hosts/0"),
        ({"name": None}, "/name"),
    ],
)
def test_a_setting_that_cannot_be_is_named(program: TestProgram, change: dict[str, Any], pointer: str) -> None:
    answer = program.staff("owner").patch("/v1/program", change)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)
    assert program.now().settings_version == 1


def test_the_currency_is_fixed_once_a_gate_says_so(program: TestProgram) -> None:
    owner = program.staff("owner")
    assert owner.patch("/v1/program", {"currency": "EUR"}).json["currency"] == "EUR"
    gate = program.id.__eq__
    service.register_money_gate(gate)
    try:
        answer = owner.patch("/v1/program", {"currency": "USD"})
    finally:
        service._money_gates.remove(gate)
    assert (answer.status_code, answer.json["code"]) == (409, "currency_fixed")
