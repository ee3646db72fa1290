"""Telling: what happened, to groups and to members. Callers hold the transaction; nothing here commits.

    tell(program, [Notice("activity", f"activity:{activity_id}:started", {"change": "started", "activity": name,
                          "ends_at": ends_at.isoformat()}, started_at, group_ids=[…], member_ids=[…])])

`topics.py` lists the topics and the facts of each. Besides those that come from the event log by themselves (member,
order, commission, matured, reversed, payout, milestone, coupon), features tell what they know better: activity, board,
digest, red_packet, group.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from community.delivery import service as delivery
from community.groups import service as groups
from community.groups.service import Group
from community.notices.group_texts import Heard, Speaker, outgoing_of
from community.notices.health import TOLD
from community.notices.inbox import keep
from community.notices.names import Shown, shown_members
from community.notices.notice import Notice
from community.notices.pushing import prepare_pushes
from community.notices.settings import settings_of
from community.notices.templates import texts_of
from community.notices.wording import member_ids_in
from core.auth.actor import Program

__all__ = ["Notice", "groups_by_id", "tell"]


def tell(program: Program, notices: Sequence[Notice]) -> None:
    """Let groups and members hear it after this transaction commits: a few statements for any number of notices.

    More than MOST_LINES lines to groups at once are folded: of what a group would hear of one topic, the first notices
    are written out and the rest is counted. Whoever may tell the same twice gives the same notices the second time.
    """
    if not notices:
        return
    heard = _heard(program, notices)
    shown = shown_members(program.id, _all_members(notices))
    if heard:
        texts = texts_of(program.id, {notice.topic for notice in notices})
        lines = outgoing_of(Speaker(program, notices, texts, shown.names), heard)
        delivery.enqueue(program.id, lines)
        TOLD.labels("group").inc(len(lines))
    _tell_members(program, notices, shown)


def _heard(program: Program, notices: Sequence[Notice]) -> list[Heard]:
    """Notices of one topic that the same groups hear. Callers share one list of ids where these are the same."""
    audiences = {id(notice.group_ids): notice.group_ids for notice in notices if notice.group_ids}
    places: dict[tuple[int, str, bool], list[int]] = {}
    for place, notice in enumerate(notices):
        if notice.group_ids:
            places.setdefault((id(notice.group_ids), notice.topic, notice.asked_for), []).append(place)
    found = groups_by_id(program.id, set().union(*audiences.values()))

    def hearing(which: int, topic: str, asked_for: bool) -> list[Group]:
        those = [found[one] for one in dict.fromkeys(audiences[which]) if one in found]
        always = asked_for or topic == "group"
        return [one for one in those if one.status == "active" and (always or topic in one.topics)]

    return [Heard(kind[1], here, hearing(*kind)) for kind, here in places.items()]


def groups_by_id(program_id: UUID, ids: Collection[UUID]) -> dict[UUID, Group]:
    """Those of the program, in one statement; none for none."""
    return {one.id: one for one in groups.groups_of(program_id, ids=ids)} if ids else {}


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
    kept = keep(program.id, [(one, notice) for one, notice in pairs if notice.topic not in wishes[one].inbox_off])
    TOLD.labels("member").inc(kept)
    prepare_pushes(
        program.id, [(one, notice) for one, notice in pairs if notice.topic not in wishes[one].mini_program_off]
    )
