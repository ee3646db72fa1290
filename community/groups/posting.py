"""Posts what is due, once per due time and group: the row is moved on in the transaction that says it to delivery.

Callers hold the transaction. Rows that somebody else posts are left to him.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from community.delivery.service import NEWS, Outgoing, enqueue
from community.groups.metrics import POSTS
from community.groups.posts import Post, posts_by_id
from community.groups.queries import Group
from community.groups.service import groups_of
from core.clock import day_of, now
from core.db import execute, fetch_all, scalar

FRESH = timedelta(hours=2)
"""How late a post of every day may be: after an outage yesterday's news is not posted this morning."""

MOST = 500


class _Due(NamedTuple):
    post_id: UUID
    group_id: UUID
    due_at: datetime


class _Turn(NamedTuple):
    """What becomes of one due row."""

    due: _Due
    post: Post
    group: Group
    next_due_at: datetime | None
    is_stale: bool


def any_due(program_id: UUID) -> bool:
    """Whether something is to be posted."""
    return bool(
        scalar(
            "SELECT EXISTS (SELECT FROM post_targets WHERE program_id = %(p)s AND next_due_at <= %(at)s)",
            p=program_id, at=now(),
        )
    )  # fmt: skip


def post_due(program_id: UUID, most: int = MOST) -> int:
    """Hand what is due to delivery and move it on to its next time; how many rows it were.

    What came round unseen for more than FRESH is counted as missed; what is due once is posted however late.
    """
    at = now()
    due = fetch_all(
        _Due,
        """SELECT post_id, group_id, next_due_at FROM post_targets
           WHERE program_id = %(p)s AND next_due_at <= %(at)s
           ORDER BY next_due_at, post_id, group_id LIMIT %(most)s FOR UPDATE SKIP LOCKED""",
        p=program_id, at=at, most=most,
    )  # fmt: skip
    turns = _turns(program_id, due, at)
    _move_on(program_id, turns)
    _say(program_id, [turn for turn in turns if not turn.is_stale], at)
    end_finished(program_id, sorted({turn.post.id for turn in turns if turn.next_due_at is None}), at)
    stale = sum(turn.is_stale for turn in turns)
    POSTS.labels("post", "posted").inc(len(turns) - stale)
    POSTS.labels("post", "missed").inc(stale)
    return len(due)


def _turns(program_id: UUID, due: Sequence[_Due], at: datetime) -> list[_Turn]:
    posts = posts_by_id(program_id, {one.post_id for one in due})
    groups = {one.id: one for one in groups_of(program_id, {one.group_id for one in due})}
    found = []
    for one in due:
        post, group = posts[one.post_id], groups[one.group_id]
        is_stale = post.at is None and at - one.due_at > FRESH
        found.append(_Turn(one, post, group, post.next_after(group.timezone, at), is_stale))
    return found


def _move_on(program_id: UUID, turns: Sequence[_Turn]) -> None:
    moved = execute(
        """UPDATE post_targets p
           SET next_due_at = t.next_due_at, last_due_at = t.due_at, posted = p.posted + (NOT t.stale)::int,
               missed = p.missed + t.stale::int
           FROM unnest(%(posts)s::uuid[], %(groups)s::uuid[], %(due)s::timestamptz[], %(next)s::timestamptz[],
                       %(stale)s::boolean[]) AS t (post_id, group_id, due_at, next_due_at, stale)
           WHERE p.program_id = %(p)s AND p.post_id = t.post_id AND p.group_id = t.group_id
             AND p.next_due_at = t.due_at""",
        p=program_id, posts=[one.due.post_id for one in turns], groups=[one.due.group_id for one in turns],
        due=[one.due.due_at for one in turns], next=[one.next_due_at for one in turns],
        stale=[one.is_stale for one in turns],
    )  # fmt: skip
    if moved != len(turns):
        raise RuntimeError("a due post moved although its row was locked")


def _say(program_id: UUID, turns: Sequence[_Turn], at: datetime) -> None:
    images = _images(program_id, {turn.post.id for turn in turns if turn.post.image_url is not None})
    enqueue(program_id, [_outgoing(turn, images.get(turn.post.id), at) for turn in turns])


def _outgoing(turn: _Turn, image: bytes | None, at: datetime) -> Outgoing:
    content = turn.post.content_of(day_of(turn.due.due_at, turn.group.timezone))
    return Outgoing(
        group_id=turn.group.id, key=f"post:{turn.post.id}:{turn.group.id}:{turn.due.due_at.isoformat()}", topic="post",
        priority=NEWS, text=content["text"], markdown=content["markdown"], image=image, language=turn.group.language,
        expires_at=None if turn.post.at is not None else at + timedelta(hours=12),
    )  # fmt: skip


class _Image(NamedTuple):
    id: UUID
    image: bytes


def _images(program_id: UUID, post_ids: set[UUID]) -> dict[UUID, bytes]:
    if not post_ids:
        return {}
    rows = fetch_all(
        _Image,
        """SELECT id, image FROM group_posts
           WHERE program_id = %(p)s AND id = ANY(%(ids)s::uuid[]) AND image IS NOT NULL""",
        p=program_id, ids=list(post_ids),
    )  # fmt: skip
    return dict(rows)


def end_finished(program_id: UUID, post_ids: Sequence[UUID], at: datetime) -> None:
    """Posts that are due nowhere any more have ended."""
    if post_ids:
        execute(
            """UPDATE group_posts g SET status = 'ended', updated_at = %(at)s
               WHERE g.program_id = %(p)s AND g.id = ANY(%(ids)s::uuid[]) AND g.status = 'active'
                 AND NOT EXISTS (SELECT FROM post_targets t WHERE t.program_id = %(p)s AND t.post_id = g.id
                                 AND t.next_due_at IS NOT NULL)
                 AND NOT EXISTS (SELECT FROM post_audiences a WHERE a.program_id = %(p)s AND a.post_id = g.id
                                 AND a.next_due_at IS NOT NULL)""",
            p=program_id, ids=list(post_ids), at=at,
        )  # fmt: skip
