"""One message out of a burst. Pure.

What is composed is always a beginning of what waits, in order: nothing that came later overtakes. Within it, messages
with the same fold key stand together, the first lines written out and the rest counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

MOST_LINES = 5  # of one kind that are written out
SUMMARIES = {"zh": "……还有 {n} 条", "en": "… and {n} more"}


class Waiting(NamedTuple):
    """What folding needs to know of a message."""

    id: UUID
    priority: int
    text: str
    markdown: str | None
    image_hash: bytes | None
    fold_key: str | None
    summary: str | None
    language: str


class Composed(NamedTuple):
    """What is sent, and which messages are in it: written out, and only counted."""

    text: str
    markdown: str | None
    image_hash: bytes | None
    shown: list[UUID]
    counted: list[UUID]


Fits = Callable[[str], bool]


def compose(waiting: Sequence[Waiting], fits: Fits, shorten: Callable[[str], str]) -> Composed:
    """The next message of a lane out of what waits there, in order, at least one; `shorten` makes one too long fit."""
    first = waiting[0]
    if len(waiting) == 1 or not _is_foldable(first):
        return _alone(first, fits, shorten)
    page = _Page()
    for one in waiting:
        if not _is_foldable(one) or one.priority != first.priority or not page.add(one, fits):
            break
    return page.composed() if page.shown else _alone(first, fits, shorten)


def _is_foldable(one: Waiting) -> bool:
    return one.fold_key is not None and one.image_hash is None


def _alone(one: Waiting, fits: Fits, shorten: Callable[[str], str]) -> Composed:
    markdown = one.markdown if one.markdown is not None and fits(one.markdown) else None
    text = one.text if fits(one.text) else shorten(one.text)
    return Composed(text, markdown, one.image_hash, [one.id], [])


@dataclass
class _Section:
    """The messages of one kind."""

    shown: list[Waiting] = field(default_factory=list)
    counted: list[Waiting] = field(default_factory=list)

    def add(self, one: Waiting) -> None:
        (self.shown if len(self.shown) < MOST_LINES else self.counted).append(one)

    def take_back(self) -> None:
        (self.counted or self.shown).pop()

    def text(self) -> str:
        return "\n".join([one.text for one in self.shown] + self._rest())

    def markdown(self) -> str:
        return "\n".join([one.markdown or "" for one in self.shown] + self._rest())

    def _rest(self) -> list[str]:
        if not self.counted:
            return []
        last = self.counted[-1]
        # replaced, not formatted: a template may have braces of its own
        return [(last.summary or SUMMARIES[last.language]).replace("{n}", str(len(self.counted)))]


class _Page:
    """Sections by kind, in the order in which each began."""

    def __init__(self) -> None:
        self._sections: dict[str | None, _Section] = {}

    @property
    def shown(self) -> list[UUID]:
        return [one.id for section in self._sections.values() for one in section.shown]

    def add(self, one: Waiting, fits: Fits) -> bool:
        """Take a message in, unless it does not fit."""
        section = self._sections.setdefault(one.fold_key, _Section())
        section.add(one)
        markdown = self._markdown()
        if fits(self._text()) and (markdown is None or fits(markdown)):
            return True
        section.take_back()
        if not section.shown:
            del self._sections[one.fold_key]
        return False

    def composed(self) -> Composed:
        counted = [one.id for section in self._sections.values() for one in section.counted]
        return Composed(self._text(), self._markdown(), None, self.shown, counted)

    def _text(self) -> str:
        return _joined([section.text() for section in self._sections.values()])

    def _markdown(self) -> str | None:
        """Only when every line has one."""
        if any(one.markdown is None for section in self._sections.values() for one in section.shown):
            return None
        return _joined([section.markdown() for section in self._sections.values()])


def _joined(sections: Sequence[str]) -> str:
    return "\n\n".join(sections)
