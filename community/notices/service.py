"""Telling: what happened, to groups and to members. Callers hold the transaction; nothing here commits.

    tell(program, [Notice("activity", f"activity:{activity_id}:started", {"change": "started", "activity": name,
                          "ends_at": ends_at.isoformat()}, started_at, group_ids=[…], member_ids=[…])])

`topics.py` lists the topics and the facts of each. Besides those that come from the event log by themselves (member,
order, commission, matured, reversed, payout, milestone, coupon), features tell what they know better: activity, board,
digest, red_packet, group.
"""

from collections.abc import Sequence
from uuid import UUID

from community.delivery import service as delivery
from community.groups import service as groups
from community.groups.service import Group
from community.notices.group_texts import Told, outgoing_of
from community.notices.inbox import keep
from community.notices.names import Shown, shown_members
from community.notices.notice import Notice
from community.notices.pushing import prepare_pushes
from community.notices.settings import settings_of
from community.notices.templates import texts_of
from community.notices.wording import member_ids_in
from core.auth.actor import Program

__all__ = ["Notice", "tell"]


def tell(program: Program, notices: Sequence[Notice]) -> None:
    """Let groups and members hear it after this transaction commits: a few statements for any number of notices.

    More than MOST_LINES lines to groups at once are folded: of what a group would hear of one topic, the first notices
    are written out and the rest is counted. Whoever may tell the same twice gives the same notices the second time.
    """
    if not notices:
        return
    told = _groups_told(program, notices)
    shown = shown_members(program.id, _all_members(notices))
    if told:
        texts = texts_of(program.id, {notice.topic for notice in notices})
        delivery.enqueue(program.id, outgoing_of(program, notices, told, texts, shown.names))
    _tell_members(program, notices, shown)


def _groups_told(program: Program, notices: Sequence[Notice]) -> list[Told]:
    """Which notice goes to which group, in the order of the notices."""
    ids = {group_id for notice in notices for group_id in notice.group_ids}
    found = {one.id: one for one in groups.groups_of(program.id, ids=ids)} if ids else {}
    return [
        Told(place, found[group_id])
        for place, notice in enumerate(notices)
        for group_id in notice.group_ids
        if group_id in found and _hears(found[group_id], notice)
    ]


def _hears(group: Group, notice: Notice) -> bool:
    wanted = notice.asked_for or notice.topic == "group" or notice.topic in group.topics
    return group.status == "active" and wanted


def _all_members(notices: Sequence[Notice]) -> set[UUID]:
    named = {one for notice in notices for one in member_ids_in(notice.topic, notice.facts)}
    return named.union(*(notice.member_ids for notice in notices))


def _tell_members(program: Program, notices: Sequence[Notice], shown: Shown) -> None:
    pairs = [
        (member_id, notice)
        for notice in notices
        for member_id in notice.member_ids
        if member_id in shown.names and member_id not in shown.erased
    ]
    if not pairs:
        return
    wishes = settings_of(program.id, {member_id for member_id, _ in pairs})
    keep(program.id, [(one, notice) for one, notice in pairs if notice.topic not in wishes[one].inbox_off])
    prepare_pushes(
        program.id, [(one, notice) for one, notice in pairs if notice.topic not in wishes[one].mini_program_off]
    )
