"""Subscribe messages: prepared with the notice, then claimed to be sent, once. Callers hold the transaction.

One that is claimed has used its grant and counts as lost when nobody says what became of it: WeChat knows no key by
which it would recognise a repeat, so what may have arrived is never sent again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from community.notices.grants import grants_of, take_grants
from community.notices.health import PUSHES
from community.notices.mini_program import MiniProgramNotice, messages_of
from community.notices.models import NoticePushRow
from community.notices.notice import Notice
from community.notices.push_texts import Claimed, Waiting, in_words
from community.notices.topics import TOPICS
from core.auth.actor import Program
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_all, scalar
from core.ids import first_id_at, new_id
from core.jobs.outbox import publish_unless_waiting
from referral.members import service as members

AT_ONCE = 50
LEASE = timedelta(minutes=5)
KEPT = timedelta(days=90)
_PRUNED = 5_000
_OPENID = "openid"


class _NewPush(NamedTuple):
    id: UUID
    member_id: UUID
    key: str
    topic: str
    facts: dict[str, Any]
    status: str
    attempts: int
    due_at: datetime
    expires_at: datetime
    happened_at: datetime
    created_at: datetime


def prepare_pushes(program_id: UUID, told: Sequence[tuple[UUID, Notice]]) -> None:
    """Let those be written to who agreed to it; a few statements for any number."""
    by = messages_of(program_id, {notice.topic for _, notice in told}) if told else {}
    told = [(member_id, notice) for member_id, notice in told if notice.topic in by]
    if not told:
        return
    granted = {(one.member_id, one.template_id) for one in grants_of(program_id, {one for one, _ in told})}
    at = now()
    rows = [
        _NewPush(
            new_id(), member_id, one.key, one.topic, one.facts, "waiting", 0, at, at + TOPICS[one.topic].news_for,
            one.happened_at, at,
        )
        for member_id, one in told
        if (member_id, by[one.topic].template_id) in granted
    ]  # fmt: skip
    rows.sort(key=lambda row: (row.member_id, row.key))
    if insert_rows(NoticePushRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="id"):
        publish_unless_waiting(program_id, "notices.push")


def any_due(program_id: UUID) -> bool:
    """Whether a push can be sent, or has been lost."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT FROM notice_pushes WHERE program_id = %(program_id)s
                 AND status IN ('waiting', 'sending') AND due_at <= %(at)s)""",
            program_id=program_id, at=now(),
        )
    )  # fmt: skip


def claim_pushes(program: Program) -> list[Claimed]:
    """Begin to send the next ones: their grants are used and their attempts noted before anybody calls WeChat."""
    _give_up(program.id)
    due = fetch_all(
        Waiting,
        """SELECT id, member_id, topic, facts, happened_at, attempts FROM notice_pushes
           WHERE program_id = %(program_id)s AND status = 'waiting' AND due_at <= %(at)s
           ORDER BY due_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED""",
        program_id=program.id, at=now(), most=AT_ONCE,
    )  # fmt: skip
    if not due:
        return []
    by = messages_of(program.id, {one.topic for one in due})
    people = members.identities_of(program.id, _OPENID, {one.member_id for one in due})
    able = [one for one in due if one.topic in by and one.member_id in people]
    begun = _granted(program.id, able, by)
    _cancel(program.id, {one.id: _lacking(one, by, people) for one in due if one not in begun})
    _begin(program.id, begun, by)
    return in_words(program, begun, by, people)


def _granted(program_id: UUID, able: Sequence[Waiting], by: Mapping[str, MiniProgramNotice]) -> list[Waiting]:
    """Those for which a grant was taken, the earlier first."""
    taken = take_grants(program_id, [(one.member_id, by[one.topic].template_id) for one in able])
    begun = []
    for one in able:
        grant = (one.member_id, by[one.topic].template_id)
        if taken[grant]:
            taken[grant] -= 1
            begun.append(one)
    return begun


def _lacking(push: Waiting, by: Mapping[str, MiniProgramNotice], people: Mapping[UUID, str]) -> str:
    if push.topic not in by:
        return "no_template"
    return "no_grant" if push.member_id in people else "no_identity"


def _give_up(program_id: UUID) -> None:
    """What is stale is not sent any more; what was being sent for too long may have arrived."""
    execute(
        """UPDATE notice_pushes SET status = CASE status WHEN 'sending' THEN 'unknown' ELSE 'expired' END,
                  reason = CASE status WHEN 'sending' THEN 'lost' ELSE reason END, finished_at = %(at)s
           WHERE program_id = %(program_id)s
             AND (status = 'sending' AND due_at <= %(at)s
                  OR status = 'waiting' AND due_at <= %(at)s AND expires_at <= %(at)s)""",
        program_id=program_id, at=now(),
    )  # fmt: skip


def _cancel(program_id: UUID, reasons: dict[UUID, str]) -> None:
    if reasons:
        execute(
            """UPDATE notice_pushes p SET status = 'canceled', reason = given.reason, finished_at = %(at)s
               FROM unnest(%(ids)s::uuid[], %(reasons)s::text[]) AS given (id, reason)
               WHERE p.program_id = %(program_id)s AND p.id = given.id AND p.status = 'waiting'""",
            program_id=program_id, at=now(), ids=list(reasons), reasons=list(reasons.values()),
        )  # fmt: skip
        PUSHES.labels("canceled").inc(len(reasons))


def _begin(program_id: UUID, begun: Sequence[Waiting], by: Mapping[str, MiniProgramNotice]) -> None:
    if begun:
        execute(
            """UPDATE notice_pushes p SET status = 'sending', attempts = attempts + 1, due_at = %(lost_at)s,
                      template_id = given.template_id
               FROM unnest(%(ids)s::uuid[], %(templates)s::text[]) AS given (id, template_id)
               WHERE p.program_id = %(program_id)s AND p.id = given.id AND p.status = 'waiting'""",
            program_id=program_id, lost_at=now() + LEASE, ids=[one.id for one in begun],
            templates=[by[one.topic].template_id for one in begun],
        )  # fmt: skip


def any_old(program_id: UUID) -> bool:
    """Whether there is something to forget."""
    return bool(
        scalar(
            """SELECT EXISTS (SELECT FROM notice_pushes WHERE program_id = %(program_id)s AND id < %(before)s
                 AND status NOT IN ('waiting', 'sending'))""",
            program_id=program_id, before=first_id_at(now() - KEPT),
        )
    )  # fmt: skip


def prune(program_id: UUID) -> bool:
    """Forget one turn of what ended long ago; whether there may be more."""
    gone = execute(
        """WITH old AS MATERIALIZED (
             SELECT id FROM notice_pushes
             WHERE program_id = %(program_id)s AND id < %(before)s AND status NOT IN ('waiting', 'sending')
             ORDER BY id LIMIT %(most)s)
           DELETE FROM notice_pushes p USING old WHERE p.program_id = %(program_id)s AND p.id = old.id""",
        program_id=program_id, before=first_id_at(now() - KEPT), most=_PRUNED,
    )  # fmt: skip
    return gone == _PRUNED


class PushTry(NamedTuple):
    """What became of the subscribe message of a notice."""

    member_id: UUID
    key: str
    status: str
    reason: str | None
    at: datetime


def pushes_of(program_id: UUID, keys: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], PushTry]:
    """Of these members' notices, by member and key."""
    rows = fetch_all(
        PushTry,
        """SELECT p.member_id, p.key, p.status, p.reason, coalesce(p.finished_at, p.created_at)
           FROM unnest(%(members)s::uuid[], %(keys)s::text[]) AS given (member_id, key)
           JOIN notice_pushes p
             ON p.program_id = %(program_id)s AND p.member_id = given.member_id AND p.key = given.key""",
        program_id=program_id, members=[one[0] for one in keys], keys=[one[1] for one in keys],
    )  # fmt: skip
    return {(row.member_id, row.key): row for row in rows}
