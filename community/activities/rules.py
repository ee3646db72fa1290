"""What counts in an activity and what it brings: pure decisions over what members did."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from core.money import BPS


class Kind(StrEnum):
    SHARE = "share"
    CHECK_IN = "check_in"
    INVITE = "invite"
    GROUP_BUY = "group_buy"
    ENGAGEMENT = "engagement"
    TOPIC = "topic"
    POLL = "poll"
    MEMBER_DAY = "member_day"


class Status(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    SETTLING = "settling"
    SETTLED = "settled"
    CANCELED = "canceled"


class Took(StrEnum):
    """What became of a participation."""

    RESERVED = "reserved"  # a seat that is not paid yet
    COUNTED = "counted"
    HELD = "held"  # waits for a decision
    TAKEN_BACK = "taken_back"  # its order was refunded
    REFUSED = "refused"
    RELEASED = "released"  # its team was not complete in time, or it was not paid in time
    WINNER = "winner"


CANCELABLE = (Status.DRAFT, Status.SCHEDULED, Status.RUNNING)
PLEDGED = (Took.RESERVED, Took.COUNTED, Took.HELD, Took.WINNER)
"""What counts against limits."""

REACTIONS = ("like", "comment", "share", "view")


class Participation(NamedTuple):
    """As much of a participation as rewards depend on."""

    occasion: str
    status: str
    day: date
    team_done: bool
    engagement: Mapping[str, int]  # by reaction, of the post


class Earned(NamedTuple):
    """One thing to be rewarded, once in the activity. `amount` None: as the reward says."""

    occasion: str
    amount: int | None = None


def longest_streak(days: Iterable[date]) -> int:
    """The most days in a row among these, in any order and however often each."""
    longest = run = 0
    before: date | None = None
    for day in sorted(set(days)):
        run = run + 1 if before is not None and day - before == timedelta(days=1) else 1
        longest, before = max(longest, run), day
    return longest


def streak_to(days: Iterable[date], day: date) -> int:
    """Days in a row up to and with `day`; one that has not been used yet leaves the streak of the day before."""
    known = set(days)
    last = day if day in known else day - timedelta(days=1)
    run = 0
    while last - timedelta(days=run) in known:
        run += 1
    return run


def reached(goal: Mapping[str, Any], engagement: Mapping[str, int]) -> bool:
    """Whether a post has as much of each reaction as the goal asks for."""
    return all(engagement.get(name, 0) >= goal[name + "s"] for name in REACTIONS if goal.get(name + "s"))


def earned(kind: str, goal: Mapping[str, Any], took: Sequence[Participation]) -> list[Earned]:
    """What a member's participations in an activity are rewarded for. The same again gives the same occasions."""
    counted = [one for one in took if one.status in {Took.COUNTED, Took.WINNER}]
    if kind == Kind.CHECK_IN:
        return _checked_in(goal, counted)
    if kind == Kind.INVITE:
        return _invited(goal, counted)
    return [Earned(one.occasion) for one in counted if _pays(kind, goal, one)]


def _pays(kind: str, goal: Mapping[str, Any], one: Participation) -> bool:
    if kind == Kind.GROUP_BUY:
        return one.team_done
    if kind == Kind.ENGAGEMENT:
        return reached(goal, one.engagement)
    return kind != Kind.TOPIC or one.status == Took.WINNER


def _checked_in(goal: Mapping[str, Any], counted: Sequence[Participation]) -> list[Earned]:
    each = [Earned(one.occasion) for one in counted] if goal["each"] else []
    longest = longest_streak(one.day for one in counted)
    streaks = [Earned(f"streak:{one['days']}", one["amount"]) for one in goal["streaks"] if longest >= one["days"]]
    return each + streaks


def _invited(goal: Mapping[str, Any], counted: Sequence[Participation]) -> list[Earned]:
    if goal["invites"] is None:
        return [Earned(one.occasion) for one in counted]
    return [Earned("goal")] if len(counted) >= goal["invites"] else []


def fitting(amounts: Sequence[int], left: int) -> int:
    """How many of these, from the first on, a budget pays: it stops at the first that it has too little for."""
    for place, amount in enumerate(amounts):
        left -= amount
        if left < 0:
            return place
    return len(amounts)


def settles_at(ends_at: datetime, settle_after_seconds: int) -> datetime:
    """When an activity is settled."""
    return ends_at + timedelta(seconds=settle_after_seconds)


class Room(NamedTuple):
    """How many participations a member has, in all and on the day of the new one."""

    counted: int
    that_day: int


def has_room(limits: Mapping[str, int | None], room: Room) -> bool:
    """Whether the member may take part once more."""
    per_member, per_day = limits.get("per_member"), limits.get("per_day")
    return (per_member is None or room.counted < per_member) and (per_day is None or room.that_day < per_day)


class Seat(NamedTuple):
    """What decides whether a payment confirms a seat."""

    status: str  # of the participation
    expires_at: datetime | None
    team_status: str
    activity_status: str
    fits: bool  # the order is the member's, of the product and of the activity's time, and speaks for no other seat
    is_refunded: bool  # the order, whole


CONFIRM, LINK, TAKE_AGAIN, LATE, IGNORE = "confirm", "link", "take_again", "late", "ignore"


def seat_verdict(seat: Seat, paid_at: datetime) -> str:
    """What a payment does: `confirm` a seat; `link` the order to one that the shop has called paid; `take_again` one
    that went back, if it is free; `late` (the shop gives the money back); or `ignore`.
    """
    if seat.fits and seat.status == Took.COUNTED:
        return LINK  # refunded as well: the refund is told after it, and takes the seat back
    if not seat.fits or seat.is_refunded or seat.status not in {Took.RESERVED, Took.RELEASED}:
        return IGNORE
    if seat.activity_status == Status.CANCELED and seat.status == Took.RESERVED:
        return IGNORE  # its team is about to be released, which names the order
    in_time = seat.expires_at is None or paid_at <= seat.expires_at
    if not in_time or seat.team_status != "open" or seat.activity_status == Status.CANCELED:
        return LATE
    return CONFIRM if seat.status == Took.RESERVED else TAKE_AGAIN


def multiplier_of(windows: Iterable[tuple[datetime, datetime, int]], at: datetime) -> int:
    """The highest multiplier (basis points) of the member days that are on at an instant; 10000 when none is."""
    return max((bps for starts_at, ends_at, bps in windows if starts_at <= at < ends_at), default=BPS)


def shows_results(privacy: str, *, voted: bool, ended: bool, is_staff: bool) -> bool:
    """Whether somebody sees how a poll stands."""
    if is_staff or privacy == "always":
        return True
    return ended if privacy == "after_end" else privacy == "after_vote" and (voted or ended)


def team_end(opened_at: datetime, team_seconds: int, ends_at: datetime) -> datetime:
    """When a team is released unless it is complete."""
    return min(opened_at + timedelta(seconds=team_seconds), ends_at)


def seat_end(at: datetime, pay_seconds: int, team_expires_at: datetime) -> datetime:
    """Until when a seat is paid."""
    return min(at + timedelta(seconds=pay_seconds), team_expires_at)


__all__ = [
    "CANCELABLE", "CONFIRM", "IGNORE", "LATE", "LINK", "PLEDGED", "REACTIONS", "TAKE_AGAIN", "Earned", "Kind",
    "Participation", "Room", "Seat", "Status", "Took", "earned", "fitting", "has_room", "longest_streak",
    "multiplier_of", "reached", "seat_end", "seat_verdict", "settles_at", "shows_results", "streak_to", "team_end",
]  # fmt: skip
