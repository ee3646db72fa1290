"""Scheduled posts: made, shown, changed, ended. Callers hold the transaction; `posting` posts them."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from community.boards.service import segment_of
from community.groups.errors import PostEnded, PostNotFound
from community.groups.models import GroupPostRow, PostAudienceRow, PostTargetRow
from community.groups.rules import Status, Times, turn_of
from community.groups.service import groups_of
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all, fetch_one, json
from core.errors import Invalid, NotFound
from core.ids import new_id

_EPOCH = date(2026, 1, 5)  # a Monday: contents in turn of posts without a first day are counted from it


class Post(NamedTuple):
    """A post with its time: `at` once, or `minute` of certain days in the time zone of each group."""

    id: UUID
    contents: list[dict[str, Any]]
    image_url: str | None
    at: datetime | None
    minute: int | None
    weekdays: list[int] | None
    starts_on: date | None
    ends_on: date | None
    status: str
    created_at: datetime
    updated_at: datetime

    def next_after(self, timezone: str, at: datetime) -> datetime | None:
        """When it is due next in a group of this time zone."""
        if self.minute is None:
            return None
        return Times(self.minute, timezone, self.weekdays, self.starts_on, self.ends_on).next_after(at)

    def content_of(self, day: date) -> dict[str, Any]:
        """What is posted on a day of the group's: each day has the next of several."""
        return self.contents[turn_of(day, self.starts_on or _EPOCH, len(self.contents))]


class _Row(NamedTuple):
    id: UUID
    contents: list[dict[str, Any]]
    image_url: str | None
    image: bytes | None
    at: datetime | None
    minute: int | None
    weekdays: list[int] | None
    starts_on: date | None
    ends_on: date | None
    status: str
    created_at: datetime
    updated_at: datetime


class PostTarget(NamedTuple):
    """One group of a post."""

    group_id: UUID
    next_due_at: datetime | None
    last_due_at: datetime | None
    posted: int
    missed: int


class PostAudience(NamedTuple):
    """The segment of a post."""

    segment_id: UUID
    next_due_at: datetime | None
    last_due_at: datetime | None
    posted: int
    missed: int


class _Audience(NamedTuple):
    post_id: UUID
    segment_id: UUID
    next_due_at: datetime | None
    posted: int
    missed: int


class _Target(NamedTuple):
    post_id: UUID
    group_id: UUID
    next_due_at: datetime | None
    posted: int
    missed: int


def create_post(program: Program, body: dict[str, Any], image: bytes | None) -> Post:
    """A post from a checked body, with the picture behind its `image_url`.

    Raises:
        Invalid: a group or a segment that is not there; a time that has passed; days on which it is never due.
    """
    at, segment_id = now(), body["segment_id"]
    post = _post(body, at)
    if post.at is not None and post.at <= at:
        raise Invalid.at("/at", "It has passed.")
    zones = _zones(program, body["group_ids"]) if segment_id is None else {segment_id: program.settings.timezone}
    if segment_id is not None:
        _check_segment(program.id, segment_id)
    due = {place: post.at or post.next_after(timezone, at) for place, timezone in zones.items()}
    if None in due.values():
        raise Invalid.at("/every", "It is never due.")
    insert_rows(GroupPostRow, [_Row(image=image, **post._asdict())], program_id=program.id)
    if segment_id is None:
        targets = [_Target(post.id, group_id, due_at, 0, 0) for group_id, due_at in sorted(due.items())]
        insert_rows(PostTargetRow, targets, program_id=program.id)
    else:
        audience = _Audience(post.id, segment_id, due[segment_id], 0, 0)
        insert_rows(PostAudienceRow, [audience], program_id=program.id)
    return post


def _zones(program: Program, group_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The time zone of each group. Raises: Invalid."""
    groups = {one.id: one for one in groups_of(program.id, group_ids) if one.status != Status.ENDED}
    for place, group_id in enumerate(group_ids):
        if group_id not in groups:
            raise Invalid.at(f"/group_ids/{place}", "There is no such group, or it has ended.")
    return {group_id: groups[group_id].timezone for group_id in group_ids}


def _check_segment(program_id: UUID, segment_id: UUID) -> None:
    try:
        segment_of(program_id, segment_id)
    except NotFound as error:
        raise Invalid.at("/segment_id", "There is no such segment.") from error


def _post(body: dict[str, Any], at: datetime) -> Post:
    every = body["every"] or {}
    weekdays = sorted(set(every["weekdays"])) if every.get("weekdays") else None
    return Post(
        new_id(), body["contents"], body["image_url"], body["at"], every.get("time"), weekdays, every.get("starts_on"),
        every.get("ends_on"), "active", at, at,
    )  # fmt: skip


_POST: LiteralString = """
  SELECT id, contents, image_url, at, minute, weekdays, starts_on, ends_on, status, created_at, updated_at
  FROM group_posts WHERE program_id = %(program_id)s"""


def post_of(program_id: UUID, post_id: UUID) -> Post:
    """Raises: PostNotFound."""
    found = fetch_one(Post, _POST + " AND id = %(id)s", program_id=program_id, id=post_id)
    if found is None:
        raise PostNotFound()
    return found


def posts_by_id(program_id: UUID, ids: Collection[UUID]) -> dict[UUID, Post]:
    """These posts, in one statement."""
    rows = fetch_all(Post, _POST + " AND id = ANY(%(ids)s::uuid[])", program_id=program_id, ids=list(ids))
    return {row.id: row for row in rows}


def posts(
    program_id: UUID, group_id: UUID | None, status: str | None, before: UUID | None, most: int
) -> list[Post]:  # fmt: skip
    """Posts, the newest first; of one group or all."""
    given = {"group_id": group_id, "status": status, "before": before}
    conditions: LiteralString = "".join([_FILTERS[name] for name in given if given[name] is not None])
    return fetch_all(
        Post, _POST + conditions + " ORDER BY id DESC LIMIT %(most)s", program_id=program_id, most=most, **given
    )  # fmt: skip


_FILTERS: dict[str, LiteralString] = {
    "group_id": """ AND EXISTS (SELECT FROM post_targets t WHERE t.program_id = %(program_id)s
                     AND t.post_id = group_posts.id AND t.group_id = %(group_id)s)""",
    "status": " AND status = %(status)s",
    "before": " AND id < %(before)s",
}


class _Of(NamedTuple):
    post_id: UUID
    group_id: UUID
    next_due_at: datetime | None
    last_due_at: datetime | None
    posted: int
    missed: int


def targets_of_posts(program_id: UUID, post_ids: Sequence[UUID]) -> dict[UUID, list[PostTarget]]:
    """The groups of these posts, in one statement."""
    rows = fetch_all(
        _Of,
        """SELECT post_id, group_id, next_due_at, last_due_at, posted, missed FROM post_targets
           WHERE program_id = %(program_id)s AND post_id = ANY(%(ids)s::uuid[]) ORDER BY post_id, group_id""",
        program_id=program_id, ids=list(post_ids),
    )  # fmt: skip
    found: dict[UUID, list[PostTarget]] = {post_id: [] for post_id in post_ids}
    for row in rows:
        found[row.post_id].append(PostTarget(*row[1:]))
    return found


class _Heard(NamedTuple):
    post_id: UUID
    segment_id: UUID
    next_due_at: datetime | None
    last_due_at: datetime | None
    posted: int
    missed: int


def audiences_of(program_id: UUID, post_ids: Sequence[UUID]) -> dict[UUID, PostAudience]:
    """The segments of those of these posts that have one."""
    rows = fetch_all(
        _Heard,
        """SELECT post_id, segment_id, next_due_at, last_due_at, posted, missed FROM post_audiences
           WHERE program_id = %(program_id)s AND post_id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=list(post_ids),
    )  # fmt: skip
    return {row.post_id: PostAudience(*row[1:]) for row in rows}


def end_post(program_id: UUID, post_id: UUID) -> None:
    """Post it no more; what is in the queue already still goes out. Again is no error. Raises: PostNotFound."""
    post = post_of(program_id, post_id)
    values = {"program_id": program_id, "id": post.id, "at": now()}
    # targets first, as whoever posts them locks them
    execute(
        """WITH due AS MATERIALIZED (
             SELECT group_id FROM post_targets
             WHERE program_id = %(program_id)s AND post_id = %(id)s ORDER BY group_id FOR UPDATE)
           UPDATE post_targets t SET next_due_at = NULL FROM due
           WHERE t.program_id = %(program_id)s AND t.post_id = %(id)s AND t.group_id = due.group_id""",
        **values,
    )  # fmt: skip
    execute(
        """UPDATE post_audiences SET next_due_at = NULL
           WHERE program_id = %(program_id)s AND post_id = %(id)s AND next_due_at IS NOT NULL""",
        **values,
    )  # fmt: skip
    execute(
        """UPDATE group_posts SET status = 'ended', updated_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'active'""",
        **values,
    )  # fmt: skip


def change_contents(program_id: UUID, post_id: UUID, contents: list[dict[str, Any]]) -> Post:
    """Post something else from now on, at the same times.

    Raises:
        PostNotFound: no such post in the program.
        PostEnded: it is over.
    """
    post_of(program_id, post_id)
    changed = execute(
        """UPDATE group_posts SET contents = %(contents)s::jsonb, updated_at = %(at)s
           WHERE program_id = %(program_id)s AND id = %(id)s AND status = 'active'""",
        program_id=program_id, id=post_id, contents=json(contents), at=now(),
    )  # fmt: skip
    if not changed:
        raise PostEnded()
    return post_of(program_id, post_id)
