"""The measurement of what a click costs ships everything it writes, so that its figures mean something."""

from pathlib import Path

import pytest

from bench.clicks import print_cost
from tests.clients import TestProgram
from tests.coupons.clicks.making import agree


def test_the_measurement_ships_all_of_its_clicks(
    program: TestProgram, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_cost(program.id, tmp_path, 700)
    told = capsys.readouterr().out
    assert "700 clicks of 700 stored, 700 summed" in told
    assert "CPU seconds a million" in told
    agree(program.id)
