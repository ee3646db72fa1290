"""What a lane does next. Pure: what waits, what is unsettled and what the platform allows are given."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from community.delivery.folding import Fits, Waiting, compose
from community.delivery.pacing import Window, free_from, milliseconds
from community.delivery.queries import Dispatch, Lane, WaitingMessage
from community.delivery.rules import MONEY, Try, is_made_again, is_stale


class Letter(NamedTuple):
    """A composed message on its way: of several tries each has the same key and the next number."""

    key: str | None  # None: of the first try, whose id becomes the key
    number: int
    priority: int
    text: str
    markdown: str | None
    image_hash: bytes | None
    shown: Sequence[UUID]  # of a repeat these are empty: the group's messages that are being sent
    counted: Sequence[UUID]
    messages: int  # how many are in it


class Ground(NamedTuple):
    """What a lane stands on at a moment. `quiet_until`: None outside of quiet hours."""

    at: datetime
    is_active: bool
    recognises_repeats: bool
    windows: Sequence[Window]
    quiet_until: datetime | None
    fits: Fits
    shorten: Callable[[str], str]
    calls_of: Callable[[Letter], int]  # how many calls the platform takes for it


class Next(NamedTuple):
    """What to do with a lane: send a letter, or wait until an instant (ms), or nothing.

    `has_died`: the unsettled try's sender did. `gives_up`: the unsettled try is not made again. `stale` are not news
    any more or have no words left, `held` are kept for the end of the quiet hours.
    """

    letter: Letter | None = None
    calls: int = 0
    waits_until: int | None = None
    waits_for_all: bool = False  # also what is money
    has_died: bool = False
    gives_up: bool = False
    stale: Sequence[UUID] = ()
    held: Sequence[UUID] = ()
    held_until: datetime | None = None

    def waiting_until(self, at: int | None) -> "Next":
        """The same without sending yet (None: until the next look). That a sender died is noted when it goes out."""
        urgent = self.waits_for_all or (self.letter is not None and self.letter.priority == MONEY)
        return self._replace(letter=None, waits_until=at, waits_for_all=urgent, has_died=False)


def next_of(lane: Lane, unsettled: Dispatch | None, waiting: Sequence[WaitingMessage], ground: Ground) -> Next:
    """Settle what is unsettled before anything else; then the oldest of the most urgent."""
    if unsettled is not None:
        return _again(lane, unsettled, ground)
    # without a text it was blanked with the member whom it was about: a platform would refuse it
    fresh = [one for one in waiting if one.text and not is_stale(one.expires_at, ground.at)]
    stale = [one.id for one in waiting if not one.text or is_stale(one.expires_at, ground.at)]
    held = [one.id for one in fresh if ground.quiet_until is not None and not one.ignores_quiet]
    heard = [one for one in fresh if ground.quiet_until is None or one.ignores_quiet]
    decided = Next(stale=stale, held=held, held_until=ground.quiet_until)
    if not heard or not ground.is_active:
        return decided
    return _paced(lane, _letter(heard, ground), ground, decided)


def _again(lane: Lane, unsettled: Dispatch, ground: Ground) -> Next:
    has_died = unsettled.status == "sending"
    again = not has_died or is_made_again(
        Try(unsettled.number, unsettled.priority, ground.recognises_repeats), died=True
    )
    # without a text it was blanked since, with the member whom it was about
    if not (again and ground.is_active and unsettled.text):
        return Next(has_died=has_died, gives_up=True)
    letter = Letter(
        unsettled.key, unsettled.number + 1, unsettled.priority, unsettled.text, unsettled.markdown,
        unsettled.image_hash, (), (), unsettled.messages,
    )  # fmt: skip
    return _paced(lane, letter, ground, Next(has_died=has_died, waits_for_all=True))


def _letter(heard: Sequence[WaitingMessage], ground: Ground) -> Letter:
    waiting = [
        Waiting(one.id, one.priority, one.text, one.markdown, one.image_hash, one.fold_key, one.summary, one.language)
        for one in heard
    ]
    composed = compose(waiting, ground.fits, ground.shorten)
    return Letter(
        None, 1, heard[0].priority, composed.text, composed.markdown, composed.image_hash, composed.shown,
        composed.counted, len(composed.shown) + len(composed.counted),
    )  # fmt: skip


def _paced(lane: Lane, letter: Letter, ground: Ground, decided: Next) -> Next:
    calls = ground.calls_of(letter)
    free = free_from(ground.windows, lane.recent, calls, letter.priority)
    ready = decided._replace(letter=letter, calls=calls)
    return ready.waiting_until(free) if free > milliseconds(ground.at) else ready
