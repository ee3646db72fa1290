"""Reactions to content: told once each, counted once for a person, and capped where anybody may tell them.

What counts is worked out from the rows when it is needed; a goal that a post has reached is told at once. Callers hold
the transaction.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from community.activities import queries
from community.activities.announcing import Reached, tell_reached
from community.activities.metrics import ENGAGEMENTS
from community.activities.models import EngagementQuotaRow, EngagementRow
from community.activities.queries import Activity, Part
from community.activities.rewarding import reactions_to
from community.activities.rules import REACTIONS, Kind, reached
from core.auth.actor import Actor, ActorKind
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all, scalars
from core.errors import AlreadyExists, DomainError, Invalid
from core.ids import new_id
from coupons.clicks.service import visitor_key_of
from referral.members import service as members

OLDEST = timedelta(days=7)
"""How late a publishable key may tell of something; shops and staff may tell of anything that has happened."""


class Reaction(NamedTuple):
    """One like, comment, share or view, as it is told."""

    kind: str
    content_id: str
    external_id: str
    at: datetime
    member_id: UUID | None
    visitor_id: str | None


class Told(NamedTuple):
    """What became of one: its id and whether it is new, or why it is refused."""

    id: UUID | None
    is_new: bool
    error: DomainError | None


class _Row(NamedTuple):
    id: UUID
    kind: str
    content_id: str
    external_id: str
    request_hash: bytes
    member_id: UUID | None
    visitor_key: bytes | None
    source: str
    counted: bool
    happened_at: datetime
    created_at: datetime


class _Known(NamedTuple):
    kind: str
    external_id: str
    id: UUID
    request_hash: bytes


class _Quota(NamedTuple):
    content_id: str
    hour: datetime
    told: int


def tell_reactions(actor: Actor, reactions: Sequence[Reaction]) -> list[Told]:
    """Take in reactions, in the order given; one bad one never harms the others. A few statements for any number.

    A person's second like, share or view of the same content is kept, but does not count; neither does what
    publishable keys tell beyond an hour's cap of the content.
    """
    errors = _refusals(actor, reactions)
    rows = {
        place: _row(actor, reaction)
        for place, reaction in enumerate(reactions)
        if place not in errors
    }  # fmt: skip
    new = _insert(actor.program_id, _within_caps(actor, list(rows.values())))
    known = _known(actor.program_id, list(rows.values()))
    for row in rows.values():
        if row.id in new:
            ENGAGEMENTS.labels(row.kind, row.source).inc()
    _tell_reached(actor.program_id, {row.content_id for row in rows.values() if row.id in new})
    return [
        Told(None, False, errors[place]) if place in errors else _told(rows[place], new, known)  # noqa: FBT003 -- named
        for place in range(len(reactions))
    ]


def _refusals(actor: Actor, reactions: Sequence[Reaction]) -> dict[int, DomainError]:
    at, is_public = now(), actor.kind is ActorKind.PUBLISHABLE
    ids = {one.member_id for one in reactions if one.member_id}
    cards = members.cards_of(actor.program_id, sorted(ids))
    found: dict[int, DomainError] = {}
    for place, one in enumerate(reactions):
        if one.at > at:
            found[place] = Invalid.at("/at", "It has not happened yet.")
        elif is_public and one.at < at - OLDEST:
            found[place] = Invalid.at("/at", "Too long ago for a publishable key.")
        elif is_public and one.visitor_id is None:
            found[place] = Invalid.at("/visitor_id", "A publishable key tells of visitors.")
        elif is_public and one.member_id is not None:
            found[place] = Invalid.at("/member_id", "A publishable key cannot speak for a member.")
        elif one.member_id is not None and one.member_id not in cards:
            found[place] = Invalid.at("/member_id", "There is no such member.")
    return found


def _row(actor: Actor, one: Reaction) -> _Row:
    visitor_key = visitor_key_of(actor.program_id, one.visitor_id) if one.visitor_id else None
    content = [one.content_id, one.member_id, visitor_key and visitor_key.hex(), one.at]
    digest = hashlib.sha256(orjson.dumps(content)).digest()
    is_counted = True
    return _Row(
        new_id(), one.kind, one.content_id, one.external_id, digest, one.member_id, visitor_key, actor.kind.value,
        is_counted, one.at, now(),
    )  # fmt: skip


def _within_caps(actor: Actor, rows: list[_Row]) -> list[_Row]:
    """Rows of a publishable key, those beyond the cap of their content as not counted.

    What was told before takes nothing of the cap, nor does what stands in the batch again.
    """
    if actor.kind is not ActorKind.PUBLISHABLE or not rows:
        return rows
    hour = now().replace(minute=0, second=0, microsecond=0)
    # locked before it is looked at who is known: of two that tell the same at once, one sees the other's rows
    told = _add_told(actor.program_id, hour, Counter({row.content_id: 0 for row in rows}))
    fresh = _fresh(rows, _known(actor.program_id, rows))
    _add_told(actor.program_id, hour, Counter(row.content_id for row in fresh.values()))
    cap = min((one.guard["public_per_hour"] for one in _running(actor.program_id)), default=_CAP)
    kept = []
    for row in rows:
        is_fresh = row.id in fresh
        told[row.content_id] += is_fresh
        kept.append(row._replace(counted=is_fresh and told[row.content_id] <= cap))
    return kept


def _fresh(rows: Sequence[_Row], known: Collection[tuple[str, str]]) -> dict[UUID, _Row]:
    """The first of each kind and external id that is not known yet, by the row's id."""
    firsts = {(row.kind, row.external_id): row for row in reversed(rows)}
    return {row.id: row for key, row in firsts.items() if key not in known}


def _add_told(program_id: UUID, hour: datetime, numbers: Counter[str]) -> dict[str, int]:
    """Add to what was told of contents in the hour; what it comes to. Locks the contents' rows of the hour."""
    # in order of the key, so that two batches that meet cannot deadlock
    quotas = [_Quota(content_id, hour, numbers[content_id]) for content_id in sorted(numbers)]
    rows = insert_rows(
        EngagementQuotaRow, quotas, program_id=program_id, returning="content_id, told",
        on_conflict="(program_id, content_id, hour) DO UPDATE SET told = engagement_quotas.told + excluded.told",
    )  # fmt: skip
    return dict(rows)


_CAP = 100


def _insert(program_id: UUID, rows: Sequence[_Row]) -> set[UUID]:
    """The ids of those that are new. Who reacted the same way before is kept without counting."""
    ordered = sorted(rows, key=lambda row: (row.content_id, row.kind, row.external_id, row.id))
    first = insert_rows(EngagementRow, ordered, program_id=program_id, on_conflict="DO NOTHING", returning="id")
    new = {row_id for (row_id,) in first}
    again = [row._replace(counted=False) for row in ordered if row.counted and row.id not in new]
    second = insert_rows(EngagementRow, again, program_id=program_id, on_conflict="DO NOTHING", returning="id")
    return new | {row_id for (row_id,) in second}


def _known(program_id: UUID, rows: Sequence[_Row]) -> dict[tuple[str, str], _Known]:
    found = fetch_all(
        _Known,
        """SELECT e.kind, e.external_id, e.id, e.request_hash FROM engagements e
           JOIN unnest(%(kinds)s::text[], %(keys)s::text[]) AS g (kind, external_id)
             ON g.kind = e.kind AND g.external_id = e.external_id
           WHERE e.program_id = %(p)s""",
        p=program_id, kinds=[row.kind for row in rows], keys=[row.external_id for row in rows],
    )  # fmt: skip
    return {(row.kind, row.external_id): row for row in found}


def _told(row: _Row, new: Collection[UUID], known: dict[tuple[str, str], _Known]) -> Told:
    standing = known[row.kind, row.external_id]
    if standing.request_hash != row.request_hash:
        return Told(standing.id, is_new=False, error=AlreadyExists())
    return Told(standing.id, is_new=row.id in new, error=None)


def _running(program_id: UUID) -> list[Activity]:
    return queries.running(program_id, [Kind.ENGAGEMENT])


class _Post(NamedTuple):
    id: UUID
    activity_id: UUID
    member_id: UUID


def _tell_reached(program_id: UUID, content_ids: Collection[str]) -> None:
    """Posts of running activities that now have what their goal asks for are told, once each."""
    posts = fetch_all(
        _Post,
        """SELECT p.id, p.activity_id, p.member_id FROM activity_participations p
           JOIN activities a ON a.program_id = p.program_id AND a.id = p.activity_id AND a.status = 'running'
             AND a.kind = 'engagement'
           WHERE p.program_id = %(p)s AND p.content_id = ANY(%(contents)s) AND p.reached_at IS NULL
             AND p.status = 'counted'
           ORDER BY p.id""",
        p=program_id, contents=list(content_ids),
    )  # fmt: skip
    running = queries.activities_by_id(program_id, {post.activity_id for post in posts}) if posts else {}
    for activity in running.values():
        ours = {post.id for post in posts if post.activity_id == activity.id}
        counts = reactions_to(program_id, activity, {post.member_id for post in posts if post.id in ours})
        note_reached(program_id, activity, [one for one in ours if reached(activity.goal, counts.get(one, {}))])


def note_reached(program_id: UUID, activity: Activity, part_ids: Sequence[UUID]) -> None:
    """Participations that reached the goal, told once each."""
    at = now()
    marked = scalars(
        """UPDATE activity_participations SET reached_at = %(at)s
           WHERE program_id = %(p)s AND id = ANY(%(ids)s::uuid[]) AND reached_at IS NULL RETURNING id""",
        p=program_id, ids=list(part_ids), at=at,
    )  # fmt: skip
    parts = queries.parts_by_id(program_id, marked)
    tell_reached(
        program_id, [Reached(activity.id, at, part.member_id, content_id=part.content_id) for part in parts]
    )  # fmt: skip


def report_engagement(program_id: UUID, activity: Activity, part: Part, reported: dict[str, Any]) -> None:
    """What staff read of a post elsewhere. The caller has locked the activity and the participation."""
    execute(
        """UPDATE activity_participations SET reported = %(reported)s
           WHERE program_id = %(p)s AND id = %(id)s""",
        p=program_id, id=part.id, reported=orjson.dumps(reported).decode(),
    )  # fmt: skip
    counts = reactions_to(program_id, activity, [part.member_id]).get(part.id, {})
    whole = {name: max(counts.get(name, 0), reported.get(name + "s") or 0) for name in REACTIONS}
    if reached(activity.goal, whole):
        note_reached(program_id, activity, [part.id])
