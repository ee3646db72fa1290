"""Asks rails what became of keys, and sends the same order again where a rail never had it. Never a new key."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from commission.payouts.calling import Call, Deadline, call_all
from commission.payouts.lock import is_locked
from commission.payouts.outcomes import Answer, record
from commission.payouts.payees import hash_of, payee_of, request_of
from commission.payouts.rails.protocol import NotFound, Outcome, TransferRequest
from commission.payouts.rules import ASKED_ABOUT, Sent, Status, may_resend
from commission.payouts.wiring import call_time, rail_of
from core.clock import now
from core.db import fetch_all, scalars, transaction


class _Open(NamedTuple):
    """A payout that a rail is asked about, with its present attempt and its method."""

    id: UUID
    status: str
    rail: str
    net: int
    currency: str
    attempt: int
    key: str
    request_hash: bytes
    created_at: datetime
    last_sent_at: datetime
    acknowledged_at: datetime | None
    method_id: UUID
    account: str | None
    account_name: str | None
    fingerprint: bytes

    @property
    def sent(self) -> Sent:
        return Sent(self.last_sent_at, self.created_at, acknowledged=self.acknowledged_at is not None)


class _Question(NamedTuple):
    """A key to ask about. `request` is what was sent under it; None where the account has been erased."""

    payout: _Open
    request: TransferRequest | None


def query(program_id: UUID, payout_ids: Sequence[UUID]) -> None:
    """Ask about these payouts and record the answers. Safe to run twice: asking moves no money.

    What a rail does not know, though it was sent long enough ago, is sent again with the same key and body; that this
    happens is committed before.
    """
    with transaction(program_id, read_only=True):
        questions = {one.payout.id: one for one in _questions(program_id, payout_ids)}
    calls: dict[UUID, Call] = {key: _query_call(one) for key, one in questions.items()}

    def keep(outcomes: Mapping[UUID, Outcome]) -> None:
        if not outcomes:
            return
        missing = [questions[key] for key, outcome in outcomes.items() if isinstance(outcome, NotFound)]
        with transaction(program_id):
            record(program_id, _answers(questions, "query", outcomes))
            resends = _begin_resends(program_id, missing)
        _resend(program_id, {one.payout.id: one for one in resends})

    call_all(calls, keep)


def _answers(questions: Mapping[UUID, _Question], call: str, outcomes: Mapping[UUID, Outcome]) -> list[Answer]:
    return [Answer(key, questions[key].payout.attempt, call, outcome) for key, outcome in outcomes.items()]


def _query_call(question: _Question) -> Call:
    payout = question.payout
    return partial(rail_of(payout.rail).query, payout.key, question.request)


def _resend(program_id: UUID, resends: Mapping[UUID, _Question]) -> None:
    calls: dict[UUID, Call] = {
        key: partial(rail_of(one.payout.rail).send, one.request) for key, one in resends.items() if one.request
    }

    def keep(outcomes: Mapping[UUID, Outcome]) -> None:
        with transaction(program_id):
            record(program_id, _answers(resends, "send", outcomes))

    call_all(calls, keep, Deadline(call_time()))


_OPEN: LiteralString = """
    SELECT p.id, p.status, p.rail, p.net, p.currency, p.attempt, a.key, a.request_hash, a.created_at, a.last_sent_at,
           a.acknowledged_at, p.method_id, m.account, m.account_name, m.fingerprint
    FROM payouts p
    JOIN payout_attempts a ON a.program_id = p.program_id AND a.payout_id = p.id AND a.number = p.attempt
    JOIN payout_methods m ON m.program_id = p.program_id AND m.id = p.method_id
    WHERE p.program_id = %(program_id)s AND p.id = ANY(%(ids)s) AND p.status = ANY(%(asked_about)s)
      AND p.rail <> 'manual' ORDER BY p.id"""


def _questions(program_id: UUID, payout_ids: Sequence[UUID]) -> list[_Question]:
    asked_about = [status.value for status in ASKED_ABOUT]
    rows = fetch_all(_Open, _OPEN, program_id=program_id, ids=list(payout_ids), asked_about=asked_about)
    return [_Question(row, _request_sent(row)) for row in rows]


def _request_sent(payout: _Open) -> TransferRequest | None:
    """What the rail was told, only if it can be told the same again to the letter."""
    payee = payee_of(payout)
    if payee is None:
        return None
    request = request_of(payout, payee)
    return request if hash_of(request) == payout.request_hash else None


def _begin_resends(program_id: UUID, missing: Sequence[_Question]) -> list[_Question]:
    """Which of the keys that the rail does not know go out again; counted before they do."""
    wait, at = call_time(), now()
    due = {
        one.payout.id: one
        for one in missing
        if one.request is not None
        and one.payout.status == Status.UNKNOWN
        and may_resend(one.payout.sent, wait, rail_of(one.payout.rail).capabilities.resend_window_days, at)
    }
    if not due or is_locked():
        return []
    return [due[payout_id] for payout_id in _count_resends(program_id, list(due.values()), at)]


def _count_resends(program_id: UUID, questions: Sequence[_Question], at: datetime) -> list[Any]:
    # one of two workers that asked at once resends: the other finds a later last_sent_at
    return scalars(
        """UPDATE payout_attempts a SET sends = a.sends + 1, last_sent_at = %(at)s
           FROM unnest(%(keys)s::text[], %(sent)s::timestamptz[]) AS given (key, last_sent_at)
           WHERE a.program_id = %(program_id)s AND a.key = given.key AND a.status = 'open'
             AND a.last_sent_at = given.last_sent_at
           RETURNING a.payout_id""",
        program_id=program_id, at=at, keys=[one.payout.key for one in questions],
        sent=[one.payout.last_sent_at for one in questions],
    )  # fmt: skip
