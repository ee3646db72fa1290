"""What groups read: each notice in the words of each kind of group, and one line for many where it is too much."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from community.delivery.service import Outgoing
from community.groups.service import Group
from community.notices.defaults import MORE
from community.notices.notice import Notice
from community.notices.saying import Words, say
from community.notices.templates import Text
from community.notices.topics import TOPICS
from community.notices.wording import Audience, Names, member_ids_in
from core.auth.actor import Program
from core.clock import now

MOST_LINES = 5_000
"""Lines to groups that are written one by one; what is more at once is folded."""

SHOWN = 3
"""Notices that a folded line writes out."""

Texts = Mapping[tuple[str, str], Text]


class Heard(NamedTuple):
    """The places of notices of one topic, in order, and the groups that hear them all."""

    topic: str
    places: Sequence[int]
    groups: Sequence[Group]


class Speaker:
    """Renders notices, each once for all groups that read it alike."""

    def __init__(self, program: Program, notices: Sequence[Notice], texts: Texts, names: Names) -> None:
        self.notices = notices
        self._program, self._texts, self._names = program, texts, names
        self._said: dict[tuple[object, ...], Words] = {}

    def words(self, place: int, group: Group) -> Words:
        """A notice in the group's language and time zone, with or without amounts."""
        kind = (place, *_reads_as(group))
        said = self._said.get(kind)
        if said is None:
            notice = self.notices[place]
            audience = Audience(group.language, group.timezone, group.show_amounts)
            said = self._said[kind] = say(
                self._program, self._texts[notice.topic, group.language], notice.facts, notice.happened_at, audience,
                self._names,
            )  # fmt: skip
        return said


def _reads_as(group: Group) -> tuple[object, ...]:
    return (group.language, group.timezone, group.show_amounts)


def outgoing_of(speaker: Speaker, heard: Sequence[Heard]) -> list[Outgoing]:
    """The lines to be sent, in the order of the notices."""
    if sum(len(one.places) * len(one.groups) for one in heard) > MOST_LINES:
        return list(_folded(speaker, heard))
    told = sorted(
        ((place, group) for one in heard for place in one.places for group in one.groups), key=lambda pair: pair[0]
    )
    return _lines(speaker, told)


def _lines(speaker: Speaker, told: Sequence[tuple[int, Group]]) -> list[Outgoing]:
    return [
        _line(speaker.notices[place], group, words)
        for place, group in told
        if (words := speaker.words(place, group)).text
    ]  # fmt: skip


def _line(notice: Notice, group: Group, words: Words) -> Outgoing:
    topic = TOPICS[notice.topic]
    return Outgoing(
        group_id=group.id, key=f"{notice.key}@{group.id}", topic=topic.name, priority=topic.priority,
        text=words.text, markdown=words.markdown, fold_key=topic.name, summary=MORE[group.language],
        expires_at=now() + topic.news_for, language=group.language,
        about=tuple(dict.fromkeys(member_ids_in(notice.topic, notice.facts))),
    )  # fmt: skip


class _Folded(NamedTuple):
    """What stands for many notices: `key` names exactly these."""

    first: Notice
    text: str
    key: str
    about: tuple[UUID, ...]


def _folded(speaker: Speaker, heard: Sequence[Heard]) -> Iterator[Outgoing]:
    """One line for each group and topic, written once for all groups that hear and read the same."""
    by_group: dict[UUID, tuple[Group, dict[str, list[Heard]]]] = {}
    for one in heard:
        for group in one.groups:
            by_group.setdefault(group.id, (group, {}))[1].setdefault(one.topic, []).append(one)
    written: dict[tuple[object, ...], _Folded | None] = {}
    for group, topics in by_group.values():
        for those in topics.values():
            if len(those) == len(those[0].places) == 1:  # nothing to fold: it keeps its own key
                yield from _lines(speaker, [(those[0].places[0], group)])
                continue
            kind = (*map(id, those), *_reads_as(group))
            if kind not in written:
                written[kind] = _gathered(speaker, sorted(place for one in those for place in one.places), group)
            if (folded := written[kind]) is not None:
                yield _as_line(folded, group)


def _gathered(speaker: Speaker, places: Sequence[int], group: Group) -> _Folded | None:
    """None: the templates have nothing to say of the first ones, and so of none."""
    shown = [place for place in places[: 2 * SHOWN] if speaker.words(place, group).text][:SHOWN]
    if not shown:
        return None
    texts = [speaker.words(place, group).text for place in shown]
    if left := len(places) - len(shown):
        texts.append(MORE[group.language].replace("{n}", str(left)))
    notices = [speaker.notices[place] for place in shown]
    keys = "\n".join(speaker.notices[place].key for place in places)
    about = dict.fromkeys(member_id for one in notices for member_id in member_ids_in(one.topic, one.facts))
    key = f"folded:{sha256(keys.encode()).hexdigest()}"
    return _Folded(notices[0], "\n".join(texts), key, tuple(about))


def _as_line(folded: _Folded, group: Group) -> Outgoing:
    """It stands alone: counted again with others, it would be one."""
    line = _line(folded.first, group, Words(folded.text, None))
    return line._replace(key=f"{folded.key}@{group.id}", about=folded.about, fold_key=None)
