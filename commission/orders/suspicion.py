"""Orders are looked at before they earn: whom the guard refuses is passed over, and the next evidence is heard."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from commission.attribution.rules import Attribution, Evidence, Levels, Reason
from commission.orders.inspection import Judgement, Seller, judge
from core.auth.actor import Program
from coupons.clicks.service import Touch

Decided = tuple[Attribution, Levels]


class Case(NamedTuple):
    """One order while it is decided whose it is."""

    order_id: UUID
    customer_id: UUID | None
    paid_at: datetime
    evidence: Sequence[Evidence]
    touches: Sequence[Touch]
    decided: Decided

    @property
    def seller(self) -> Seller | None:
        """Who would earn, and by what; None: nobody."""
        accepted = self.decided[0].accepted
        if accepted is None or accepted.member is None:
            return None
        by_code = accepted.reference if accepted.source == "coupon" else None
        return Seller(
            self.order_id,
            accepted.member.member_id,
            self.customer_id,
            self.paid_at,
            self._clicked_at(accepted),
            by_code,
        )

    def _clicked_at(self, accepted: Evidence) -> datetime | None:
        if accepted.source != "click":
            return None
        return next((touch.clicked_at for touch in self.touches if touch.reference == accepted.reference), None)

    def without(self, member_id: UUID) -> "Case":
        """The same with all that speaks for the member refused; not decided again yet."""
        evidence = [
            replace(one, refused=Reason.SUSPICIOUS) if one.member and one.member.member_id == member_id else one
            for one in self.evidence
        ]
        return self._replace(evidence=evidence)


class Looked(NamedTuple):
    """What came of looking at one order: whose it is, its guard status, and signals to keep once it is written."""

    decided: Decided
    status: str
    signals: tuple[Any, ...]


def look_at(program: Program, cases: Sequence[Case], decide: Callable[[Case], Decided]) -> list[Looked]:
    """The guard's opinion of each; `decide` is called again for an order whose seller it refuses."""
    looked = [Looked(case.decided, "clear", ()) for case in cases]
    waiting = {place: case for place, case in enumerate(cases) if case.seller}
    while waiting:  # every round refuses a member of each order that is left, so there is an end
        opinions = judge(program, [case.seller for case in waiting.values() if case.seller])
        before, waiting = waiting, {}
        for (place, case), judgement in zip(before.items(), opinions, strict=True):
            after = _passed_over(case, decide) if judgement.status == "refused" else case
            looked[place] = _with(looked[place], after.decided, judgement)
            if after is not case and after.seller:
                waiting[place] = after
    return looked


def _passed_over(case: Case, decide: Callable[[Case], Decided]) -> Case:
    seller = case.seller
    if seller is None:
        return case
    again = case.without(seller.member_id)
    return again._replace(decided=decide(again))


def _with(looked: Looked, decided: Decided, judgement: Judgement) -> Looked:
    # a refused member leaves his mark even where nobody suspects the next one
    status = "flagged" if judgement.status == "refused" else judgement.status
    return Looked(decided, looked.status if status == "clear" else status, (*looked.signals, *judgement.signals))
