"""What groups read: each notice in the words of each kind of group, and one line for many where it is too much."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

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


class Told(NamedTuple):
    """The place of a notice, and a group that hears it."""

    place: int
    group: Group


class Speaker:
    """Renders notices, each once for all groups that read it alike."""

    def __init__(self, program: Program, notices: Sequence[Notice], texts: Texts, names: Names) -> None:
        self._program, self._notices, self._texts, self._names = program, notices, texts, names
        self._said: dict[tuple[object, ...], Words] = {}

    def words(self, told: Told) -> Words:
        """The notice in the group's language and time zone, with or without amounts."""
        group = told.group
        kind = (told.place, group.language, group.timezone, group.show_amounts)
        said = self._said.get(kind)
        if said is None:
            notice = self._notices[told.place]
            audience = Audience(group.language, group.timezone, group.show_amounts)
            said = self._said[kind] = say(
                self._program, self._texts[notice.topic, group.language], notice.facts, notice.happened_at, audience,
                self._names,
            )  # fmt: skip
        return said


def outgoing_of(
    program: Program, notices: Sequence[Notice], told: Sequence[Told], texts: Texts, names: Names
) -> list[Outgoing]:  # fmt: skip
    """The lines to be sent, in the order of the notices."""
    speaker = Speaker(program, notices, texts, names)
    if len(told) > MOST_LINES:
        return list(_folded(speaker, notices, told))
    return [
        _line(notices[one.place], one.group, words)
        for one in told
        if (words := speaker.words(one)).text
    ]  # fmt: skip


def _line(notice: Notice, group: Group, words: Words) -> Outgoing:
    topic = TOPICS[notice.topic]
    return Outgoing(
        group_id=group.id, key=f"{notice.key}@{group.id}", topic=topic.name, priority=topic.priority,
        text=words.text, markdown=words.markdown, fold_key=topic.name, summary=MORE[group.language],
        expires_at=now() + topic.news_for, language=group.language,
        about=tuple(dict.fromkeys(member_ids_in(notice.topic, notice.facts))),
    )  # fmt: skip


def _folded(speaker: Speaker, notices: Sequence[Notice], told: Sequence[Told]) -> Iterator[Outgoing]:
    """One line for each group and topic."""
    gathered: dict[tuple[object, str], list[Told]] = {}
    for one in told:
        gathered.setdefault((one.group.id, notices[one.place].topic), []).append(one)
    for those in gathered.values():
        shown = [one for one in those[: 2 * SHOWN] if speaker.words(one).text][:SHOWN]
        if shown:
            yield _gathered(speaker, notices, those, shown)


def _gathered(
    speaker: Speaker, notices: Sequence[Notice], those: Sequence[Told], shown: Sequence[Told]
) -> Outgoing:  # fmt: skip
    group, left = those[0].group, len(those) - len(shown)
    texts = [speaker.words(one).text for one in shown]
    if left:
        texts.append(MORE[group.language].replace("{n}", str(left)))
    line = _line(notices[shown[0].place], group, Words("\n".join(texts), None))
    keys = "\n".join(notices[one.place].key for one in those)
    about = {member_id for one in shown for member_id in member_ids_in(line.topic, notices[one.place].facts)}
    # another number of notices is another line: what was told of fewer does not stand for all
    key = f"folded:{sha256(keys.encode()).hexdigest()}@{group.id}"
    return line._replace(key=key, about=tuple(sorted(about)), fold_key=None if len(those) > SHOWN else line.fold_key)
