"""The one way a payout changes state: a guarded UPDATE and its event, in sets. Callers hold the transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from commission.payouts.metrics import count_moves
from commission.payouts.rules import Status, next_check_at, sources_of
from core.auth.actor import Actor, ActorKind
from core.clock import now
from core.db import fetch_all


class By(NamedTuple):
    """Who moved a payout."""

    kind: str
    id: UUID | None


SYSTEM = By(ActorKind.SYSTEM.value, None)


def by(actor: Actor | None) -> By:
    return SYSTEM if actor is None else By(actor.kind.value, actor.id)


class Move(NamedTuple):
    """One payout's step. `text` is read by staff and payee; `attempt`: only while it is the present one."""

    payout_id: UUID
    text: str
    failure: str | None = None
    reference: str | None = None
    payee_action: str | None = None
    attempt: int | None = None


class Moved(NamedTuple):
    """A payout that took the step, with what its ledger entry needs."""

    id: UUID
    member_id: UUID
    rail: str
    amount: int
    net: int
    attempt: int
    settlement_id: UUID | None


# Locked in id order, so that two batches cannot deadlock; the status is checked under the lock.
_MOVE = """
WITH given AS (
  SELECT * FROM unnest(
    %(ids)s::uuid[], %(texts)s::text[], %(failures)s::text[], %(references)s::text[], %(actions)s::text[],
    %(attempts)s::int[]) AS given (id, text, failure, reference, payee_action, attempt)),
locked AS MATERIALIZED (
  SELECT id FROM payouts WHERE program_id = %(program_id)s AND id = ANY(%(ids)s) AND status = ANY(%(sources)s)
  ORDER BY id FOR UPDATE),
moved AS (
  UPDATE payouts p
  SET status = %(status)s::text, status_at = %(at)s, version = p.version + 1, failure = given.failure,
      rail_reference = coalesce(given.reference, p.rail_reference), payee_action = given.payee_action,
      paid_at = CASE WHEN %(status)s::text = 'paid' THEN %(at)s ELSE p.paid_at END,
      next_check_at = CASE WHEN p.rail <> 'manual' THEN %(next_check_at)s::timestamptz END, check_count = 0
  FROM given JOIN locked ON locked.id = given.id
  WHERE p.program_id = %(program_id)s AND p.id = given.id AND p.status = ANY(%(sources)s)
    AND p.attempt = coalesce(given.attempt, p.attempt)
  RETURNING p.id, p.member_id, p.rail, p.amount, p.net, p.attempt, p.settlement_id, p.version, given.text),
noted AS (
  INSERT INTO payout_events (program_id, payout_id, number, state, at, text, actor_kind, actor_id)
  SELECT %(program_id)s, id, version, %(status)s::text, %(at)s, text, %(actor_kind)s::text, %(actor_id)s::uuid
  FROM moved)
SELECT id, member_id, rail, amount, net, attempt, settlement_id FROM moved ORDER BY id"""


def move(
    program_id: UUID,
    moves: Sequence[Move],
    status: Status,
    who: By,
    *,
    only_from: Collection[Status] | None = None,
    check_at: datetime | None = None,
) -> list[Moved]:
    """Bring payouts into a state, each at most once; those whose present state does not allow it stay as they are.

    `only_from` narrows what the table of transitions allows. `check_at` overrides when a worker looks again.
    Returns the payouts that moved, in id order: only for them may the caller post to the ledger.
    """
    if not moves:
        return []
    at = now()
    sources = sources_of(status) & frozenset(only_from if only_from is not None else Status)
    moved = fetch_all(
        Moved, _MOVE, program_id=program_id, status=status.value, at=at, sources=[source.value for source in sources],
        ids=[one.payout_id for one in moves], texts=[one.text for one in moves],
        failures=[one.failure for one in moves], references=[one.reference for one in moves],
        actions=[one.payee_action for one in moves], attempts=[one.attempt for one in moves],
        next_check_at=check_at or next_check_at(status, 0, at), actor_kind=who.kind, actor_id=who.id,
    )  # fmt: skip
    count_moves(status, [one.rail for one in moved])
    return moved
