"""What chat platforms tell: checked by the platform's signature, each event once; joins, leavings, questions."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from community.groups import queries
from community.groups.members import PLATFORM, Joining, join, leave
from community.groups.models import ChatEventRow
from community.groups.queries import Group
from community.groups.questions import ask
from community.groups.rules import keyword_in
from community.groups.service import targets_of
from community.groups.welcome import welcome
from community.platforms.service import PLATFORMS, ChatEvent, Target, chat_of, verify_callback
from core.auth.actor import Program
from core.auth.service import program_of
from core.bulk import insert_rows
from core.clock import now
from core.db import execute, lookup, repeatable, scalar, transaction
from core.encryption import lookup_hash
from core.errors import NotFound
from referral.members import service as members

EVENTS_KEPT = timedelta(days=7)
"""Longer than any platform repeats a call that it got no answer to."""

_TOKEN_LENGTH = 32
_MOST_DIGITS = 9


class Call(NamedTuple):
    """A call of a platform as it came in."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


def receive(platform: str, token: str, call: Call) -> Mapping[str, Any]:
    """Take a call in; what is answered. It opens its own transaction; the same call again has no effect.

    Raises:
        NotFound: no such address, another platform's, an ended group's, or a wrong signature: nobody learns which.
    """
    program_id = _program_of(token)
    if program_id is None:
        raise NotFound()
    with transaction(program_id, read_only=True):
        group, target = _addressed(program_id, platform, token)
    told = verify_callback(platform, target, call.headers, call.query, call.body)
    if told is None:
        raise NotFound()
    if told.events:
        with transaction(program_id):
            _take_in(program_of(program_id), group, target, told.events)
    return told.answer


@repeatable
def _program_of(token: str) -> UUID | None:
    """The program that a token names. Without a transaction: it is what tells for whom to open one."""
    number, _, rest = token.partition("-")
    if len(rest) != _TOKEN_LENGTH or not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
        return None
    with lookup():
        found = scalar("SELECT id FROM programs WHERE number = %(number)s", number=int(number))
    return found if isinstance(found, UUID) else None


def _addressed(program_id: UUID, platform: str, token: str) -> tuple[Group, Target]:
    found = queries.groups_where(program_id, {"callback_token": token, "platform": platform})
    targets = targets_of(program_id, [one.id for one in found])
    if not found or found[0].id not in targets:
        raise NotFound()
    return found[0], targets[found[0].id]


def _take_in(program: Program, group: Group, target: Target, told: Sequence[ChatEvent]) -> None:
    new = _unseen(program.id, group.id, told)
    groups = _groups_of(program.id, group, target, new)
    users = members.members_by_identity(program.id, group.platform, {event.chat_user for event in new})
    at = now()
    for where in {one.id: one for one in groups.values()}.values():
        here = [event for event in new if groups.get(event.id) == where]
        _joined(program, where, [event for event in here if event.kind == "joined"], users, at)
        left = [users[event.chat_user] for event in here if event.kind == "left" and event.chat_user in users]
        leave(program.id, where.id, left)
        if PLATFORMS[group.platform].answers_privately:
            _asked(program, where, [event for event in here if event.kind == "question"], users)


def _asked(program: Program, group: Group, events: Sequence[ChatEvent], users: Mapping[str, UUID]) -> None:
    """Note what is asked for; in a private talk whatever we do not understand asks for help."""
    words = [keyword_in(event.text) or ("help" if event.is_private else None) for event in events]
    asked = [
        (event.chat_user, users.get(event.chat_user), word)
        for event, word in zip(events, words, strict=True)
        if word is not None
    ]
    ask(program.id, group.id, asked)


class _Seen(NamedTuple):
    group_id: UUID
    event_hash: bytes
    received_at: datetime


def _unseen(program_id: UUID, group_id: UUID, told: Sequence[ChatEvent]) -> list[ChatEvent]:
    """Those that nobody told before: noted here, in the transaction of what is done about them."""
    by_hash = {hashlib.sha256(event.id.encode()).digest(): event for event in told}
    rows = [_Seen(group_id, hashed, now()) for hashed in sorted(by_hash)]
    new = insert_rows(
        ChatEventRow, rows, program_id=program_id, on_conflict="DO NOTHING", returning="event_hash"
    )  # fmt: skip
    noted = {bytes(hashed) for (hashed,) in new}
    return [event for hashed, event in by_hash.items() if hashed in noted]


def _groups_of(
    program_id: UUID, group: Group, target: Target, events: Sequence[ChatEvent]
) -> dict[str, Group]:  # fmt: skip
    """Which group each event is of, by the event's id. A bot tells of all its chats at one address."""
    own = chat_of(target)
    others = {event.chat for event in events if not event.is_private and own not in {None, event.chat}}
    known = queries.groups_of_chats(
        program_id, {lookup_hash(f"chat:{group.platform}", chat): chat for chat in others}
    )  # fmt: skip
    found = {
        event.id: known.get(event.chat) if event.chat in others and not event.is_private else group
        for event in events
    }  # fmt: skip
    return {event_id: one for event_id, one in found.items() if one is not None}


def _joined(
    program: Program, group: Group, events: Sequence[ChatEvent], users: Mapping[str, UUID], at: datetime
) -> None:  # fmt: skip
    """Who is known becomes a member of the group; who is not is welcomed all the same."""
    known = {users[event.chat_user] for event in events if event.chat_user in users}
    join(program, group, [Joining(member_id) for member_id in sorted(known)], PLATFORM)
    strangers = [event for event in events if event.chat_user not in users]
    if strangers:
        # by the person, not by the event: some platforms tell of one joining in two ways
        who = lookup_hash(f"stranger:{group.id}", strangers[0].chat_user).hex()[:32]
        welcome(program.id, group, who, strangers[0].chat_user_name, len(strangers), at)


def forget_events(program_id: UUID) -> int:
    """Forget events that no platform repeats any more."""
    return execute(
        "DELETE FROM chat_events WHERE program_id = %(p)s AND received_at < %(before)s",
        p=program_id, before=now() - EVENTS_KEPT,
    )  # fmt: skip
