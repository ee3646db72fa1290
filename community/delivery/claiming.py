"""Claims lanes and writes down what is going to be said. The caller commits that before any platform is called."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from community.delivery import queries, writing
from community.delivery.grounds import ground_of, share_of, windows_of_platform
from community.delivery.pacing import Window, instant, milliseconds, still_counted
from community.delivery.planning import Letter, Next, next_of
from community.delivery.queries import WaitingMessage
from community.delivery.shared_lanes import Share, SharedLanes
from community.delivery.writing import LaneState, NewDispatch
from community.groups import service as groups
from community.platforms.service import Message, Target
from core.clock import now
from core.ids import base32_of, new_id

LEASE = timedelta(seconds=25)  # of a lane: longer than its calls may take, so that nobody takes it over meanwhile
_LOOKED_AT = 2  # times as many lanes as are wanted: other workers hold some of them


class Sending(NamedTuple):
    """A claimed lane: its dispatch is written, the platform has not been called.

    `recent` are the lane's calls without this one's, which are `calls`. `leased_until`: in ms, as `recent`.
    """

    group_id: UUID
    turn: int
    dispatch_id: UUID
    target: Target
    message: Message
    priority: int
    number: int
    calls: int
    windows: Sequence[Window]
    recent: Sequence[int]
    failures: int
    share: Share | None
    leased_until: int


def claim(program_id: UUID, most: int) -> list[Sending]:
    """The next message of up to `most` lanes that are ready, each with its dispatch written and its lane leased."""
    at = now()
    ready = queries.ready_groups(program_id, at, most * _LOOKED_AT)
    if not ready:
        return []
    writing.ensure_lanes(program_id, [one.group_id for one in ready if one.is_new], at)
    lanes = queries.locked_lanes(program_id, [one.group_id for one in ready], at, most)
    return _Claim(program_id, lanes).carry_out() if lanes else []


class _Claim:
    """One turn over some locked lanes: read for all of them, decided for each, written for all."""

    def __init__(self, program_id: UUID, lanes: Sequence[queries.Lane]) -> None:
        self.program_id, self.at = program_id, now()
        self.lanes = {lane.group_id: lane for lane in lanes}
        self.groups = {one.id: one for one in groups.groups_of(program_id, self.lanes.keys())}
        self.targets = groups.targets_of(program_id, self.lanes.keys())
        shares = {group_id: share_of(target) for group_id, target in self.targets.items()}
        self.shares = {group_id: share for group_id, share in shares.items() if share is not None}
        self.leased_until = milliseconds(self.at + LEASE)

    def carry_out(self) -> list[Sending]:
        plans = self._paced(self._plans())
        self._write_asides(plans)
        started = {group_id: plan.letter for group_id, plan in plans.items() if plan.letter is not None}
        sendings = self._sendings(started, plans)
        self._write_started(sendings, started)
        writing.write_lanes(self.program_id, [*map(self._leased, sendings), *self._unstarted(plans)])
        return sendings

    def _plans(self) -> dict[UUID, Next]:
        unsettled = queries.dispatches(
            self.program_id, [lane.dispatch_id for lane in self.lanes.values() if lane.dispatch_id is not None]
        )
        tries = {one.group_id: one for one in unsettled}
        waiting: dict[UUID, list[WaitingMessage]] = defaultdict(list)
        for message in queries.waiting_messages(self.program_id, self.lanes.keys() - tries.keys(), self.at):
            waiting[message.group_id].append(message)
        return {
            group_id: next_of(
                lane, tries.get(group_id), waiting[group_id],
                ground_of(self.groups[group_id], self.targets.get(group_id), self.at),
            )
            for group_id, lane in self.lanes.items()
        }  # fmt: skip

    def _paced(self, plans: Mapping[UUID, Next]) -> dict[UUID, Next]:
        """The plans, where what a group shares with others has room as well."""
        shared = SharedLanes(self.program_id, self.shares, self.at)
        paced = {}
        for group_id, plan in plans.items():
            room = 0 if plan.letter is None else shared.room_for(group_id, plan.calls, plan.letter.priority)
            if room is None or room > milliseconds(self.at):
                paced[group_id] = plan.waiting_until(room)
                continue
            if plan.letter is not None:
                shared.take(group_id, plan.calls, self.leased_until)
            paced[group_id] = plan
        shared.write()
        return paced

    def _write_asides(self, plans: Mapping[UUID, Next]) -> None:
        writing.put_aside(self.program_id, [one for plan in plans.values() for one in plan.stale], self.at)
        writing.hold(
            self.program_id,
            [(one, plan.held_until) for plan in plans.values() if plan.held_until for one in plan.held],
        )
        died = [self.lanes[group_id].dispatch_id for group_id, plan in plans.items() if plan.has_died]
        writing.mark_died(self.program_id, [one for one in died if one is not None], self.at)
        writing.mark_unknown(
            self.program_id, [group_id for group_id, plan in plans.items() if plan.gives_up], self.at
        )  # fmt: skip

    def _sendings(self, started: Mapping[UUID, Letter], plans: Mapping[UUID, Next]) -> list[Sending]:
        pictures = queries.images(self.program_id, {one.image_hash for one in started.values() if one.image_hash})
        sendings = []
        for group_id, letter in started.items():
            lane, dispatch_id = self.lanes[group_id], new_id()
            picture = pictures.get(letter.image_hash) if letter.image_hash else None
            message = Message(letter.text, letter.markdown, picture, letter.key or base32_of(dispatch_id))
            target = self.targets[group_id]
            windows = windows_of_platform(target.platform)
            recent = still_counted(windows, lane.recent, milliseconds(self.at))
            sendings.append(
                Sending(
                    group_id, lane.turn + 1, dispatch_id, target, message, letter.priority, letter.number,
                    plans[group_id].calls, windows, recent, lane.failures, self.shares.get(group_id),
                    self.leased_until,
                )
            )  # fmt: skip
        return sendings

    def _write_started(self, sendings: Sequence[Sending], started: Mapping[UUID, Letter]) -> None:
        writing.begin(self.program_id, [self._new(one, started[one.group_id]) for one in sendings])
        fresh = [(one.dispatch_id, started[one.group_id]) for one in sendings if one.number == 1]
        parts = [(message_id, dispatch_id, False) for dispatch_id, letter in fresh for message_id in letter.shown]
        parts += [(message_id, dispatch_id, True) for dispatch_id, letter in fresh for message_id in letter.counted]
        writing.put_in(self.program_id, parts, self.at)
        writing.carry_over(self.program_id, [(one.group_id, one.dispatch_id) for one in sendings if one.number > 1])

    def _new(self, sending: Sending, letter: Letter) -> NewDispatch:
        return NewDispatch(
            sending.dispatch_id, sending.group_id, sending.message.key or "", letter.number, letter.priority,
            letter.messages, letter.text, letter.markdown, letter.image_hash, "sending", self.at,
        )  # fmt: skip

    def _leased(self, sending: Sending) -> LaneState:
        until = instant(sending.leased_until)
        recent = [*sending.recent, *[sending.leased_until] * sending.calls]
        return LaneState(
            sending.group_id, sending.turn - 1, sending.turn, until, until, recent, sending.failures,
            sending.dispatch_id,
        )  # fmt: skip

    def _unstarted(self, plans: Mapping[UUID, Next]) -> list[LaneState]:
        """Lanes that wait for room, and those whose unsettled try is not made again."""
        return [
            self._waiting(group_id, plan)
            for group_id, plan in plans.items()
            if plan.letter is None and (plan.waits_until is not None or plan.gives_up)
        ]

    def _waiting(self, group_id: UUID, plan: Next) -> LaneState:
        lane = self.lanes[group_id]
        # a lane may be free for money while news have to wait
        news_at = instant(plan.waits_until) if plan.waits_until is not None else self.at
        free_at = news_at if plan.waits_for_all else self.at
        unsettled = None if plan.gives_up else lane.dispatch_id
        return LaneState(group_id, lane.turn, lane.turn, free_at, news_at, lane.recent, lane.failures, unsettled)
