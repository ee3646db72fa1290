"""Questions from chats: noted with the call that told them, answered privately by a job. Never in the open group."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from community.groups.answers import answer_text
from community.groups.metrics import ANSWERS
from community.groups.models import ChatQuestionRow
from community.groups.service import find_group, targets_of
from community.platforms.service import Outcome, Refused, Sent, Target, Throttled, Unknown, reply_privately
from core.auth.service import program_of
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, fetch_one, scalar, transaction
from core.encryption import decrypt, encrypt, lookup_hash
from core.ids import new_id
from core.jobs.outbox import publish_many

FRESH = timedelta(minutes=15)
"""An answer that comes later confuses more than it helps."""

MOST_A_MINUTE = 5
"""Questions of one person in one group that are answered within a minute."""

QUESTIONS_KEPT = timedelta(days=90)


class _Row(NamedTuple):
    id: UUID
    group_id: UUID
    member_id: UUID | None
    chat_user_sealed: str
    chat_user_hash: bytes
    keyword: str
    status: str
    created_at: datetime


def ask(program_id: UUID, group_id: UUID, asked: Sequence[tuple[str, UUID | None, str]]) -> None:
    """Note questions: chat user, the member he is, keyword. Callers hold the transaction.

    Who asks too often is not answered: nobody can make us write to him without end.
    """
    if not asked:
        return
    at = now()
    rows = [_row(group_id, *one, at) for one in asked]
    insert_rows(ChatQuestionRow, rows, program_id=program_id)
    publish_many(program_id, "groups.answer", [{"question_id": str(row.id)} for row in rows])


def _row(group_id: UUID, chat_user: str, member_id: UUID | None, keyword: str, at: datetime) -> _Row:
    question_id = new_id()
    sealed, hashed = encrypt(chat_user, question_id), lookup_hash(f"asker:{group_id}", chat_user)
    return _Row(question_id, group_id, member_id, sealed, hashed, keyword, "waiting", at)


class _Question(NamedTuple):
    id: UUID
    group_id: UUID
    member_id: UUID | None
    chat_user_sealed: str
    chat_user_hash: bytes
    keyword: str
    created_at: datetime


class _Answer(NamedTuple):
    """What is sent to whom."""

    target: Target
    chat_user: str
    text: str
    keyword: str


def answer(program_id: UUID, question_id: UUID) -> None:
    """Answer one question: read, send, record, with the network between two short transactions.

    Killed in between it is answered again: a second copy in a private talk does less harm than none.
    """
    with transaction(program_id):
        prepared = _prepare(program_id, question_id)
    if prepared is None:
        return  # answered, given up, or too late
    outcome = reply_privately(prepared.target, prepared.chat_user, prepared.text)
    if isinstance(outcome, Throttled):
        raise AnswerPutOff(outcome.retry_after_seconds)
    with transaction(program_id):
        _record(program_id, question_id, outcome)
    ANSWERS.labels(prepared.keyword, type(outcome).__name__.lower()).inc()


class AnswerPutOff(Exception):
    """The platform is busy: the job is given back and comes round again with a growing wait."""


def _prepare(program_id: UUID, question_id: UUID) -> _Answer | None:
    question = fetch_one(
        _Question,
        """SELECT id, group_id, member_id, chat_user_sealed, chat_user_hash, keyword, created_at FROM chat_questions
           WHERE program_id = %(p)s AND id = %(id)s AND status = 'waiting'""",
        p=program_id, id=question_id,
    )  # fmt: skip
    if question is None:
        return None
    reason = _reason_against(program_id, question)
    target = targets_of(program_id, [question.group_id]).get(question.group_id)
    if reason is not None or target is None:
        _close(program_id, question_id, "refused", reason or "group_ended")
        return None
    text = answer_text(program_of(program_id), find_group(program_id, question.group_id), question)
    return _Answer(target, decrypt(question.chat_user_sealed, question.id), text, question.keyword)


def _reason_against(program_id: UUID, question: _Question) -> str | None:
    if now() - question.created_at > FRESH:
        return "too_late"
    before = scalar(
        """SELECT count(*) FROM chat_questions
           WHERE program_id = %(p)s AND group_id = %(group_id)s AND chat_user_hash = %(who)s AND id < %(id)s
             AND created_at > %(since)s""",
        p=program_id, group_id=question.group_id, who=question.chat_user_hash, id=question.id,
        since=question.created_at - timedelta(minutes=1),
    )  # fmt: skip
    return "too_many" if before >= MOST_A_MINUTE else None


def _record(program_id: UUID, question_id: UUID, outcome: Outcome) -> None:
    if isinstance(outcome, Sent):
        _close(program_id, question_id, "answered", None)
    elif isinstance(outcome, Refused | Unknown):
        _close(program_id, question_id, "refused" if isinstance(outcome, Refused) else "unknown", outcome.reason)


def _close(program_id: UUID, question_id: UUID, status: str, reason: str | None) -> None:
    """Who asked is forgotten here."""
    execute(
        """UPDATE chat_questions SET status = %(status)s, reason = %(reason)s, answered_at = %(at)s,
                  chat_user_sealed = NULL
           WHERE program_id = %(p)s AND id = %(id)s AND status = 'waiting'""",
        p=program_id, id=question_id, status=status, reason=reason, at=now(),
    )  # fmt: skip


def forget_questions(program_id: UUID) -> int:
    """Forget old questions."""
    return execute(
        "DELETE FROM chat_questions WHERE program_id = %(p)s AND created_at < %(before)s",
        p=program_id, before=now() - QUESTIONS_KEPT,
    )  # fmt: skip
