"""What is earned, when it ends, and what is kept of it: pure arithmetic of whole points.

A purchase earns floor(weight × points × grade × day / (per_amount × 10000³)). Its weight is the sum over the lines of
base × the category's multiplier; shipping and tax join it at 10000 where the rule counts the total. There is one floor,
at the end. An order that keeps a part of its weight keeps floor(earned × kept weight / weight).
"""

from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from core.clock import day_of
from core.money import BPS

MOST_POINTS = 10**12
"""Of one award; what a rule would give beyond it is not given."""
MOST_PER_AMOUNT = 10**12
MOST_MULTIPLIER = 1_000_000  # bps: a hundred times
MOST_NAMED = 200  # categories or grades
MOST_GRADES = 20
GRADE_WINDOW = timedelta(days=365)
_DAY = timedelta(days=1)

Multiplier = Annotated[int, Meta(ge=0, le=MOST_MULTIPLIER)]
Points = Annotated[int, Meta(ge=0, le=MOST_POINTS)]


class PurchaseRule(Struct, frozen=True, forbid_unknown_fields=True):
    """So many points for every `per_amount` minor units of what the customer paid."""

    points: Annotated[int, Meta(ge=1, le=1_000_000)]
    per_amount: Annotated[int, Meta(ge=1, le=MOST_PER_AMOUNT)]
    base: Literal["commission_base", "total"] = "commission_base"
    earn_on: Literal["paid", "completed"] = "completed"


class MemberDays(Struct, frozen=True, forbid_unknown_fields=True):
    """Days (会员日) on which a payment earns more; a day counts when it is in either list."""

    multiplier_bps: Multiplier
    days: tuple[Annotated[int, Meta(ge=1, le=31)], ...] = ()  # of the month
    weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...] = ()  # 1 is Monday


class Expiry(Struct, frozen=True, forbid_unknown_fields=True):
    """How long points last after the day they were earned: one of the two is given."""

    days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    months: Annotated[int, Meta(ge=1, le=120)] | None = None


class GradeThreshold(Struct, frozen=True, forbid_unknown_fields=True):
    """Who has earned so many points within GRADE_WINDOW has at least this grade."""

    grade: Annotated[str, Meta(min_length=1, max_length=50)]
    points: Annotated[int, Meta(ge=1, le=MOST_POINTS)]


class PointRules(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a program's rules. Without purchase rule purchases earn nothing, without expiry points last."""

    purchase: PurchaseRule | None = None
    category_multipliers: dict[str, Multiplier] = {}
    grade_multipliers: dict[str, Multiplier] = {}
    member_days: MemberDays | None = None
    check_in_points: Points = 0
    engagement_points: Points = 0
    expiry: Expiry | None = None
    adjustment_limit: Annotated[int, Meta(ge=0, le=MOST_POINTS)] = 10_000
    grades: tuple[GradeThreshold, ...] = ()


class Line(NamedTuple):
    """One line of an order. Amounts in minor units; the refunded ones grow."""

    category: str | None
    base: int
    quantity: int
    refunded_quantity: int = 0
    refunded_amount: int = 0

    @property
    def kept(self) -> int:
        """What of the base is not refunded; the rule of commissions."""
        return max(0, self.base - self.base * self.refunded_quantity // self.quantity - self.refunded_amount)


class Purchase(NamedTuple):
    """What of an order points depend on. `extras` is shipping and tax."""

    order_id: UUID
    customer_id: UUID | None
    grade: str
    paid_at: datetime
    extras: int
    refunded_extras: int
    lines: Sequence[Line]
    day_rate: int = BPS  # of a member day that somebody else keeps


class Weight(NamedTuple):
    """An order as points see it, in minor units × basis points: in all, and what is not refunded."""

    whole: int
    kept: int


def weight_of(rules: PointRules, purchase: Purchase) -> Weight:
    """The weight of an order by a version's base and categories; both 0 when purchases earn nothing."""
    if rules.purchase is None:
        return Weight(0, 0)
    whole = kept = 0
    for line in purchase.lines:
        rate = rules.category_multipliers.get(line.category or "", BPS)
        whole += line.base * rate
        kept += line.kept * rate
    if rules.purchase.base == "total":
        whole += purchase.extras * BPS
        kept += (purchase.extras - purchase.refunded_extras) * BPS
    return Weight(whole, kept)


def points_for(rules: PointRules, purchase: Purchase, timezone: str) -> int:
    """What the order earns its customer before any refund."""
    if rules.purchase is None:
        return 0
    whole = weight_of(rules, purchase).whole * rules.purchase.points
    whole *= rules.grade_multipliers.get(purchase.grade, BPS)
    whole *= _day_rate(rules, day_of(purchase.paid_at, timezone), purchase.day_rate)
    return min(MOST_POINTS, whole // (rules.purchase.per_amount * BPS**3))


def _day_rate(rules: PointRules, day: date, other: int) -> int:
    """Member days do not multiply each other: the best of them counts."""
    special = rules.member_days
    if special is None or not (day.day in special.days or day.isoweekday() in special.weekdays):
        return other
    return special.multiplier_bps if other == BPS else max(other, special.multiplier_bps)


def kept_points(earned: int, weight: Weight) -> int:
    """What the customer keeps of an award; nothing of an order without weight."""
    return earned * weight.kept // weight.whole if weight.whole else 0


def last_day(earned_on: date, expiry: Expiry | None) -> date | None:
    """The last day on which points can be spent; None: they last. The 31st plus a month is that month's last day."""
    if expiry is None:
        return None
    if expiry.days is not None:
        return earned_on + expiry.days * _DAY
    months = earned_on.year * 12 + earned_on.month - 1 + (expiry.months or 0)
    year, month = divmod(months, 12)
    return date(year, month + 1, min(earned_on.day, monthrange(year, month + 1)[1]))


def end_of(day: date | None, timezone: str) -> datetime | None:
    """The moment after a day of the program: at which what lasts through that day is gone."""
    return None if day is None else datetime.combine(day + _DAY, time(), ZoneInfo(timezone)).astimezone(UTC)


def version_at(versions: Sequence[tuple[int, datetime, PointRules]], at: datetime) -> tuple[int, PointRules]:
    """The version in force at a moment, of all versions, earliest first; 0 and no rules before the first."""
    found = (0, PointRules())
    for version, since, rules in versions:
        if since <= at:
            found = (version, rules)
    return found


def grade_for(grades: Sequence[GradeThreshold], points: int, below: str) -> str:
    """The highest grade that so many points reach; `below` where they reach none."""
    reached = [one for one in grades if one.points <= points]
    return max(reached, key=_threshold).grade if reached else below


def next_grade(grades: Sequence[GradeThreshold], points: int) -> GradeThreshold | None:
    """The lowest grade that is not reached."""
    ahead = [one for one in grades if one.points > points]
    return min(ahead, key=_threshold, default=None)


def _threshold(one: GradeThreshold) -> int:
    return one.points
