"""Which groups hear a piece of news: all, the one it names, or those whose owner's team it is about. Callers hold the
transaction; a few statements for any number of events and groups.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from community.groups import service as groups
from community.groups.service import Group
from community.notices.news import Known, News, coupon_ids_in, group_ids_in, news_of, summed
from community.notices.notice import Notice
from community.notices.service import groups_by_id, tell
from core.auth.actor import Program
from core.db import fetch_all
from core.events.reading import NumberedEvent
from referral.tree import service as tree

MOST_AT_ONCE = 10_000
"""Notices that are told together: what they are made of has to fit into memory."""


class Hearers(NamedTuple):
    """The groups that hear a topic, by their scope."""

    everything: list[UUID]
    own: set[UUID]  # hear what names them
    teams: dict[UUID, list[UUID]]  # by their owner


def tell_events(program: Program, events: Sequence[NumberedEvent]) -> None:
    """Tell what happened, in the order of the log."""
    known = Known(
        _coupon_names(program.id, coupon_ids_in(events)), groups_by_id(program.id, group_ids_in(events))
    )  # fmt: skip
    for some in _turns(list(news_of(event, known)) for event in events):
        tell(program, list(_addressed(program.id, some)))


def _turns(news: Iterable[list[News]]) -> Iterator[list[News]]:
    """What a few events tell, together: one that many members matured by tells hundreds of them."""
    turn: list[News] = []
    for of_event in news:
        if turn and len(turn) + len(of_event) > MOST_AT_ONCE:
            yield turn
            turn = []
        turn += of_event
    if turn:
        yield turn


def _addressed(program_id: UUID, news: Sequence[News]) -> Iterator[Notice]:
    topics = {one.notice.topic for one in news if one.to_groups}
    heard = _hearers(groups.groups_of(program_id, topics=topics), topics) if topics else {}
    named = groups.groups_by_key(program_id, {one.group_key for one in news if one.group_key})
    owners = {owner for hearers in heard.values() for owner in hearers.teams}
    teams = tree.teams_of(program_id, _members(news), owners) if owners else {}
    audiences: dict[tuple[object, ...], Sequence[UUID]] = {}
    for one in news:
        if not one.to_groups:
            yield one.notice
        elif one.parts:
            yield from _summed(one, heard[one.notice.topic], teams)
        else:
            hearers = heard[one.notice.topic]
            own, whose = _concerned(one, hearers, named, teams)
            # the same list for the same audience: whoever tells takes its notices together
            kind = (one.notice.topic, own, whose)
            if kind not in audiences:
                audiences[kind] = _group_ids(hearers, own, whose)
            yield one.notice._replace(group_ids=audiences[kind])


def _hearers(found: Sequence[Group], topics: set[str]) -> dict[str, Hearers]:
    heard = {topic: Hearers([], set(), defaultdict(list)) for topic in topics}
    for group in found:
        for topic in topics.intersection(group.topics):
            _place(group, heard[topic])
    return heard


def _place(group: Group, hearers: Hearers) -> None:
    if group.scope == "program":
        hearers.everything.append(group.id)
    elif group.scope == "group":
        hearers.own.add(group.id)
    elif group.owner_member_id is not None:
        hearers.teams[group.owner_member_id].append(group.id)


def _members(news: Sequence[News]) -> set[UUID]:
    return {one.about for one in news if one.about is not None} | {
        part.member_id for one in news for part in one.parts
    }  # fmt: skip


def _concerned(
    news: News, hearers: Hearers, named: dict[str, UUID], teams: dict[UUID, set[UUID]]
) -> tuple[UUID | None, tuple[UUID, ...] | None]:
    """The group that the news names, if it hears such news, and the owners of groups whose teams it is about.

    Owners None: it is everybody's news.
    """
    if news.about is None:
        return None, None
    own = named.get(news.group_key) if news.group_key else None
    owners = [owner for owner in teams.get(news.about, ()) if owner in hearers.teams]
    return own if own in hearers.own else None, tuple(sorted(owners))


def _group_ids(hearers: Hearers, own: UUID | None, owners: tuple[UUID, ...] | None) -> Sequence[UUID]:
    if owners is None:
        return [*hearers.everything, *hearers.own, *(one for ids in hearers.teams.values() for one in ids)]
    of_teams = [one for owner in owners for one in hearers.teams[owner]]
    return [*hearers.everything, *([own] if own is not None else []), *of_teams]


def _summed(news: News, hearers: Hearers, teams: dict[UUID, set[UUID]]) -> Iterator[Notice]:
    if hearers.everything:
        yield summed(news.notice, news.parts)._replace(group_ids=hearers.everything)
    for owner, group_ids in hearers.teams.items():
        parts = [part for part in news.parts if owner in teams.get(part.member_id, ())]
        if parts:
            yield summed(news.notice, parts, owner)._replace(group_ids=group_ids)


class _Coupon(NamedTuple):
    id: UUID
    name: str


def _coupon_names(program_id: UUID, ids: set[UUID]) -> dict[UUID, str]:
    if not ids:
        return {}
    rows = fetch_all(
        _Coupon, "SELECT id, name FROM coupons WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[])",
        program_id=program_id, ids=list(ids),
    )  # fmt: skip
    return dict(rows)
