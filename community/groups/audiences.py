"""Posts for segments: each member who is in the segment when it is due reads it in his inbox, once.

Callers hold the transaction. A due time is started in the transaction that moves the row on; the pages of members
follow each other as jobs, each told and its follower published in one transaction.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from community.boards.service import members_in_segment, segment_of
from community.groups.metrics import POSTS
from community.groups.posting import FRESH, end_finished
from community.groups.posts import post_of, posts_by_id
from community.notices.service import Notice, tell
from core.auth.actor import Program
from core.clock import day_of, now
from core.db import execute, fetch_all, scalar
from core.errors import NotFound
from core.jobs.outbox import publish_many

PAGE = 1_000
MOST = 100


class _Due(NamedTuple):
    post_id: UUID
    segment_id: UUID
    due_at: datetime


def any_due(program_id: UUID) -> bool:
    """Whether something is to be started."""
    return bool(
        scalar(
            "SELECT EXISTS (SELECT FROM post_audiences WHERE program_id = %(p)s AND next_due_at <= %(at)s)",
            p=program_id, at=now(),
        )
    )  # fmt: skip


def start_due(program: Program) -> int:
    """Start what is due and move it on, as `posting.post_due` does for groups; how many rows it were."""
    at = now()
    due = fetch_all(
        _Due,
        """SELECT post_id, segment_id, next_due_at FROM post_audiences
           WHERE program_id = %(p)s AND next_due_at <= %(at)s
           ORDER BY next_due_at, post_id LIMIT %(most)s FOR UPDATE SKIP LOCKED""",
        p=program.id, at=at, most=MOST,
    )  # fmt: skip
    posts = posts_by_id(program.id, [one.post_id for one in due])
    stale = [posts[one.post_id].at is None and at - one.due_at > FRESH for one in due]
    following = [posts[one.post_id].next_after(program.settings.timezone, at) for one in due]
    moved = execute(
        """UPDATE post_audiences a SET next_due_at = t.next_due_at, last_due_at = t.due_at,
                  posted = a.posted + (NOT t.stale)::int, missed = a.missed + t.stale::int
           FROM unnest(%(posts)s::uuid[], %(due)s::timestamptz[], %(next)s::timestamptz[], %(stale)s::boolean[])
             AS t (post_id, due_at, next_due_at, stale)
           WHERE a.program_id = %(p)s AND a.post_id = t.post_id AND a.next_due_at = t.due_at""",
        p=program.id, posts=[one.post_id for one in due], due=[one.due_at for one in due], next=following, stale=stale,
    )  # fmt: skip
    if moved != len(due):
        raise RuntimeError("a due post moved although its row was locked")
    pages = [
        {"post_id": str(one.post_id), "segment_id": str(one.segment_id), "due_at": one.due_at.isoformat()}
        for one, is_stale in zip(due, stale, strict=True)
        if not is_stale
    ]
    publish_many(program.id, "groups.tell_segment", pages)
    POSTS.labels("segment", "posted").inc(len(pages))
    POSTS.labels("segment", "missed").inc(len(due) - len(pages))
    end_finished(program.id, [one.post_id for one, next_at in zip(due, following, strict=True) if not next_at], at)
    return len(due)


def tell_page(
    program: Program, post_id: UUID, segment_id: UUID, due_at: datetime, after: UUID | None
) -> UUID | None:  # fmt: skip
    """Tell the next members of the segment; the last of them where more may follow. None: nobody is left.

    Nobody is told where the segment was forgotten meanwhile.
    """
    try:
        segment = segment_of(program.id, segment_id).segment
    except NotFound:
        return None
    member_ids = members_in_segment(program.id, segment, after, PAGE)
    post = post_of(program.id, post_id)
    content = post.content_of(day_of(due_at, program.settings.timezone))
    facts = {"change": "topic" if len(post.contents) > 1 else "post", "text": content["text"]}
    # a member is told of a key once, whatever happens to the jobs
    key = f"post:{post_id}:{due_at.isoformat()}"
    tell(program, [Notice("group", key, facts, due_at, member_ids=member_ids)])
    return member_ids[-1] if len(member_ids) == PAGE else None
