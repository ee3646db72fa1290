"""The rows of delivery, written in sets, each guarded by the state it expects. Callers hold the transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from community.delivery.models import DispatchRow, LaneRow
from community.delivery.queries import id_array
from core.bulk import insert_rows, number_array
from core.db import execute


class LaneState(NamedTuple):
    """A lane as it shall be, if its turn is still `turn`."""

    group_id: UUID
    turn: int
    next_turn: int
    free_at: datetime
    news_at: datetime
    recent: Sequence[int]
    failures: int
    dispatch_id: UUID | None


class NewDispatch(NamedTuple):
    """A try that is going to be made."""

    id: UUID
    group_id: UUID
    key: str
    number: int
    priority: int
    messages: int
    text: str
    markdown: str | None
    image_hash: bytes | None
    status: str
    started_at: datetime


class _NewLane(NamedTuple):
    group_id: UUID
    turn: int
    free_at: datetime
    news_at: datetime
    recent: Sequence[int]
    failures: int


def ensure_lanes(program_id: UUID, group_ids: Collection[UUID], at: datetime) -> None:
    """A lane for each group, free at once where it is new."""
    rows = [_NewLane(group_id, 0, at, at, (), 0) for group_id in sorted(set(group_ids))]
    insert_rows(LaneRow, rows, program_id=program_id, on_conflict="DO NOTHING")


def write_lanes(program_id: UUID, states: Sequence[LaneState]) -> None:
    """Move lanes on; one that somebody else has taken over meanwhile is left alone."""
    if not states:
        return
    execute(
        """UPDATE lanes l SET turn = t.next_turn, free_at = t.free_at, news_at = t.news_at,
                  recent = t.recent::bigint[], failures = t.failures, dispatch_id = t.dispatch_id
           FROM unnest(%(ids)s::uuid[], %(turns)s::integer[], %(next_turns)s::integer[], %(free)s::timestamptz[],
                       %(news)s::timestamptz[], %(recents)s::text[], %(failures)s::smallint[], %(dispatches)s::uuid[])
             AS t (group_id, turn, next_turn, free_at, news_at, recent, failures, dispatch_id)
           WHERE l.program_id = %(program_id)s AND l.group_id = t.group_id AND l.turn = t.turn""",
        program_id=program_id, ids=id_array([one.group_id for one in states]),
        turns=number_array([one.turn for one in states]), next_turns=number_array([one.next_turn for one in states]),
        free=[one.free_at for one in states], news=[one.news_at for one in states],
        recents=[number_array(one.recent) for one in states], failures=number_array([one.failures for one in states]),
        dispatches=id_array([one.dispatch_id for one in states]),
    )  # fmt: skip


def begin(program_id: UUID, dispatches: Sequence[NewDispatch]) -> None:
    """Write the tries before they are made."""
    insert_rows(DispatchRow, dispatches, program_id=program_id)


def put_in(program_id: UUID, parts: Sequence[tuple[UUID, UUID, bool]], at: datetime) -> None:
    """Waiting messages go out with a dispatch: (message, dispatch, whether it is only counted)."""
    if not parts:
        return
    execute(
        """UPDATE messages m SET status = 'sending', status_at = %(at)s, folded = t.folded, dispatch_id = t.dispatch_id,
                  earlier_dispatch_ids = CASE WHEN m.dispatch_id IS NULL THEN m.earlier_dispatch_ids
                                              ELSE m.earlier_dispatch_ids || m.dispatch_id END
           FROM unnest(%(ids)s::uuid[], %(dispatches)s::uuid[], %(folded)s::boolean[]) AS t (id, dispatch_id, folded)
           WHERE m.program_id = %(program_id)s AND m.id = t.id AND m.status = 'waiting'""",
        program_id=program_id, at=at, ids=id_array([part[0] for part in parts]),
        dispatches=id_array([part[1] for part in parts]), folded=[part[2] for part in parts],
    )  # fmt: skip


def carry_over(program_id: UUID, repeats: Sequence[tuple[UUID, UUID]]) -> None:
    """What a lane's unsettled try was about goes out with the next one: (group, dispatch)."""
    if not repeats:
        return
    execute(
        """UPDATE messages m
           SET dispatch_id = t.dispatch_id, earlier_dispatch_ids = m.earlier_dispatch_ids || m.dispatch_id
           FROM unnest(%(groups)s::uuid[], %(dispatches)s::uuid[]) AS t (group_id, dispatch_id)
           WHERE m.program_id = %(program_id)s AND m.group_id = t.group_id AND m.status = 'sending'""",
        program_id=program_id, groups=[group_id for group_id, _ in repeats],
        dispatches=[dispatch_id for _, dispatch_id in repeats],
    )  # fmt: skip


def mark_died(program_id: UUID, dispatch_ids: Collection[UUID], at: datetime) -> None:
    """Tries whose sender died: nobody knows what became of them."""
    execute(
        """UPDATE dispatches SET status = 'unknown', reason = 'sender_died', finished_at = %(at)s
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) AND status = 'sending'""",
        program_id=program_id, ids=list(dispatch_ids), at=at,
    )  # fmt: skip


def mark_unknown(program_id: UUID, group_ids: Collection[UUID], at: datetime) -> None:
    """What was being said in these groups may be there or not, and is not said again."""
    execute(
        """UPDATE messages SET status = 'unknown', status_at = %(at)s
           WHERE program_id = %(program_id)s AND group_id = ANY(%(ids)s::uuid[]) AND status = 'sending'""",
        program_id=program_id, ids=list(group_ids), at=at,
    )  # fmt: skip


def put_aside(program_id: UUID, ids: Collection[UUID], at: datetime) -> None:
    """Waiting messages that are not news any more, and those that were blanked."""
    execute(
        """UPDATE messages SET status = CASE WHEN text = '' THEN 'canceled' ELSE 'expired' END, status_at = %(at)s
           WHERE program_id = %(program_id)s AND id = ANY(%(ids)s::uuid[]) AND status = 'waiting'""",
        program_id=program_id, ids=list(ids), at=at,
    )  # fmt: skip


def hold(program_id: UUID, held: Sequence[tuple[UUID, datetime]]) -> None:
    """Waiting messages that may be said from an instant on."""
    execute(
        """UPDATE messages m SET due_at = t.due_at
           FROM unnest(%(ids)s::uuid[], %(due)s::timestamptz[]) AS t (id, due_at)
           WHERE m.program_id = %(program_id)s AND m.id = t.id AND m.status = 'waiting'""",
        program_id=program_id, ids=[one for one, _ in held], due=[due_at for _, due_at in held],
    )  # fmt: skip
