"""Shows how long work goes: bars on a terminal, otherwise plain lines. Knows nothing of what is done."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

LINE_SECONDS = 10.0  # without a terminal: a sign of life now and then, and a line at the end


class Step:
    """One piece of work under way. `note` is what its last line says, looked at when it is written."""

    def __init__(self, show: "Show", title: str, total: int | None) -> None:
        self.note: object = ""
        self.done = 0
        self._show, self._title, self._total = show, title, total
        self._started = self._told = time.monotonic()
        self._ended = False
        self._bar = None if show.bars is None else show.bars.add_task(title, total=total, visible=False)

    def advance(self, count: int) -> None:
        """So much more is done; ends the step when that is all."""
        if count:
            self.reach(self.done + count, self._total)
            if self.done == self._total:
                self.end()

    def reach(self, done: int, total: int | None) -> None:
        """So much is done in all, of so much."""
        if self._ended:
            return
        self.done, self._total = done, total
        if self._bar is not None:
            self._show.draw(self._bar, done, total)
        elif time.monotonic() - self._told >= LINE_SECONDS:
            self._told = time.monotonic()
            self._show.line(f"  {self._title}: {done:,}" + (f" of {total:,}" if total is not None else ""))

    def end(self) -> None:
        """Replace the bar by a line, once."""
        if self._ended:
            return
        self._ended = True
        if self._show.bars is not None and self._bar is not None:
            self._show.bars.remove_task(self._bar)
        seconds = time.monotonic() - self._started
        self._show.line(f"✓ {self._title}: {str(self.note) or f'{self.done:,}'} ({seconds:.1f} s)")


class Show:
    """Where it is shown; open it with `showing`."""

    def __init__(self, console: Console, bars: Progress | None) -> None:
        self.console = console
        self.bars = bars

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Step]:
        """A piece of work; its last line comes only when it succeeded."""
        with self.steps((title, total)) as (step,):
            yield step

    @contextmanager
    def steps(self, *wanted: tuple[str, int | None]) -> Iterator[list[Step]]:
        """Pieces of work that go on beside each other."""
        begun = [Step(self, title, total) for title, total in wanted]
        begun[0].reach(0, wanted[0][1])
        yield begun
        for step in begun:
            step.end()

    def draw(self, bar: TaskID, done: int, total: int | None) -> None:
        """This bar and no other: the supervisor's terminal clears one line when another process prints."""
        if self.bars is not None:
            for task in self.bars.tasks:
                task.visible = task.id == bar
            self.bars.update(bar, completed=done, total=total)

    def lines(self, texts: Iterable[str]) -> None:
        """Lines as they come."""
        for text in texts:
            self.line(text)

    def line(self, text: str) -> None:
        """A line of its own, as it stands."""
        self.console.print(text, markup=False, emoji=False, highlight=False, soft_wrap=True)


@contextmanager
def showing(console: Console) -> Iterator[Show]:
    """Bars where the console is a terminal."""
    if not console.is_terminal:
        yield Show(console, None)
        return
    columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=5) as bars:
        yield Show(console, bars)
