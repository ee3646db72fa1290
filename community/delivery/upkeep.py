"""What is not news any more, what is forgotten, and whose name is blanked. Callers hold the transaction."""

from typing import NamedTuple
from uuid import UUID

from community.delivery.rules import KEPT
from core.clock import now
from core.db import execute, fetch_all, scalar, scalars

_CHUNK = 5000


def has_stale(program_id: UUID) -> bool:
    """Whether something waits that is not news any more."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT 1 FROM messages
               WHERE program_id = %(program_id)s AND status = 'waiting' AND expires_at <= %(at)s)""",
            program_id=program_id, at=now(),
        )
    )  # fmt: skip


def expire(program_id: UUID) -> int:
    """Put aside what is stale, also where nobody sends; how many. What a sender looks at is left to it."""
    at = now()
    ids = scalars(
        """SELECT id FROM messages
           WHERE program_id = %(program_id)s AND status = 'waiting' AND expires_at <= %(at)s
           ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED""",
        program_id=program_id, at=at, most=_CHUNK,
    )  # fmt: skip
    return execute(
        """UPDATE messages SET status = 'expired', status_at = %(at)s
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) AND status = 'waiting'""",
        program_id=program_id, ids=ids, at=at,
    )  # fmt: skip


def prune(program_id: UUID) -> None:
    """Forget messages that ended long ago, the tries of that time, and pictures that nothing waiting shows."""
    before = now() - KEPT
    execute(
        """DELETE FROM messages WHERE program_id = %(program_id)s AND status_at < %(before)s
             AND status NOT IN ('waiting', 'sending')""",
        program_id=program_id, before=before,
    )  # fmt: skip
    execute(
        "DELETE FROM dispatches WHERE program_id = %(program_id)s AND finished_at < %(before)s",
        program_id=program_id, before=before,
    )  # fmt: skip
    execute(
        """DELETE FROM message_images i WHERE program_id = %(program_id)s AND used_at < %(before)s
             AND NOT EXISTS (SELECT 1 FROM messages m
                             WHERE m.program_id = %(program_id)s AND m.image_hash = i.hash
                               AND m.status IN ('waiting', 'sending'))""",
        program_id=program_id, before=before,
    )  # fmt: skip


def forget_names(program_id: UUID, member_id: UUID) -> None:
    """Blank what was said about a member, and the messages it went out in; what waits is not said any more."""
    said = fetch_all(
        _Said,
        """UPDATE messages
           SET text = '', markdown = NULL, about = array_remove(about, %(member_id)s::uuid),
               status = CASE WHEN status = 'waiting' THEN 'canceled' ELSE status END
           WHERE program_id = %(program_id)s AND about @> ARRAY[%(member_id)s::uuid]
           RETURNING array_remove(earlier_dispatch_ids || dispatch_id, NULL)""",
        program_id=program_id, member_id=member_id,
    )  # fmt: skip
    # as the messages name them now: one that was just being claimed has its dispatch by the time its row was free
    execute(
        """UPDATE dispatches SET text = '', markdown = NULL
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[])""",
        program_id=program_id, ids=[one for row in said for one in row.dispatch_ids],
    )  # fmt: skip


class _Said(NamedTuple):
    dispatch_ids: list[UUID]
