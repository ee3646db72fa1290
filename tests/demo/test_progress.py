"""Lines without a terminal, one bar at a time on one."""

import io

import pytest
from rich.console import Console

from demo import progress
from demo.progress import showing


def test_without_a_terminal_there_are_plain_lines_only() -> None:
    output = io.StringIO()
    with showing(Console(file=output, width=200)) as show, show.step("orders 订单", 10) as step:
        step.note = "10 created"
        step.advance(4)
        step.advance(6)
        step.advance(0)
    assert output.getvalue().startswith("✓ orders 订单: 10 created (0.")
    assert output.getvalue().count("\n") == 1
    assert "\x1b" not in output.getvalue()


def test_long_work_gives_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    output = io.StringIO()
    with showing(Console(file=output, width=200)) as show, show.step("orders", 1000) as step:
        step.advance(400)
    assert "orders: 400 of 1,000" in output.getvalue()


def test_on_a_terminal_one_bar_is_drawn_at_a_time() -> None:
    output = io.StringIO()
    console = Console(file=output, width=100, force_terminal=True, color_system=None)
    with showing(console) as show, show.steps(("orders", 10), ("refunds", 5)) as (orders, refunds):
        assert show.bars is not None
        assert [task.description for task in show.bars.tasks if task.visible] == ["orders"]
        orders.advance(4)
        refunds.advance(1)
        assert [task.description for task in show.bars.tasks if task.visible] == ["refunds"]
        orders.advance(6)
        assert [task.description for task in show.bars.tasks] == ["refunds"]
    assert "✓ orders: 10" in output.getvalue()
    assert "✓ refunds: 1" in output.getvalue()


def test_work_that_failed_is_not_said_to_be_done() -> None:
    output = io.StringIO()
    with pytest.raises(ValueError, match="no"), showing(Console(file=output)) as show, show.step("orders", 10):
        raise ValueError("no")
    assert "✓" not in output.getvalue()


def test_texts_stand_as_they_are() -> None:
    output = io.StringIO()
    with showing(Console(file=output, width=20)) as show:
        show.line("curl [red] :smile: " + "x" * 100)
    assert output.getvalue() == "curl [red] :smile: " + "x" * 100 + "\n"
