"""What each level earns of an order under a plan. Pure: accrual, explanation and simulation call the same function.

Rules 5 and 6 of API.md, *Commission plans*; `terms` has rule 4. Exact terms are integer numerators over BPS, so nothing
is rounded before the floor that rule 5 names.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from commission.plans.terms import AppliedTerm, Plan, PlanTerms, alternatives, level_count, term_at
from core.money import BPS, share, share_exact

_CASES_CHECKED = 100_000


class OrderLines(Struct, frozen=True):
    """What of an order's lines commissions depend on, column by column in the order of the lines."""

    skus: Sequence[str]
    categories: Sequence[str | None]
    quantities: Sequence[int]
    bases: Sequence[int]


class Beneficiary(Protocol):
    """Who is paid at a level; his grade chooses among the rules."""

    @property
    def level(self) -> int: ...
    @property
    def member_id(self) -> UUID: ...
    @property
    def grade(self) -> str: ...


class LevelCommission(Struct, frozen=True):
    """One level's pay: `amount`, its `shares` by line, and what it was made of.

    `terms` and `numerators` (over BPS) are the term applied to each line and what it gives exactly; `uncut` is the
    amount before the cap.
    """

    level: int
    member_id: UUID
    amount: int
    shares: list[int]
    uncut: int
    terms: list[AppliedTerm]
    numerators: list[int]


class OrderCommissions(Struct, frozen=True):
    """What every beneficiary earns of one order, zeros included for the explanation; `cap` bounds them together."""

    levels: list[LevelCommission]
    cap: int

    @property
    def recorded(self) -> list[LevelCommission]:
        return [level for level in self.levels if level.amount]


def commissions_for(
    terms: PlanTerms,
    lines: OrderLines,
    beneficiaries: Sequence[Beneficiary],
    *,
    channel: str | None,
    payout_cap_bps: int,
) -> OrderCommissions:
    """The pay of each beneficiary, who stand in ascending order of level; excluded lines count for the cap."""
    keys = list(zip(lines.skus, lines.categories, strict=True))
    applied = [list(map(terms.table(channel, who.grade, who.level).__getitem__, keys)) for who in beneficiaries]
    exact = [_numerators(level_terms, lines) for level_terms in applied]
    uncut = [sum(numerators) // BPS for numerators in exact]
    cap = sum(lines.bases) * cap_bps_of(terms.plan, payout_cap_bps) // BPS
    amounts = _within(cap, uncut)
    levels = [
        LevelCommission(
            level=who.level,
            member_id=who.member_id,
            amount=amount,
            shares=share_exact(amount, numerators, BPS) if amount == full else share(amount, numerators),
            uncut=full,
            terms=level_terms,
            numerators=numerators,
        )
        for who, amount, full, level_terms, numerators in zip(
            beneficiaries, amounts, uncut, applied, exact, strict=True
        )
    ]
    return OrderCommissions(levels, cap)


def _numerators(terms: list[AppliedTerm], lines: OrderLines) -> list[int]:
    """The exact terms of one level in units of 1 / BPS."""
    return [
        base * rate_bps + quantity * amount * BPS
        for (rate_bps, amount, _), base, quantity in zip(terms, lines.bases, lines.quantities, strict=True)
    ]


def cap_bps_of(plan: Plan, payout_cap_bps: int) -> int:
    """The lower of the plan's own cap and the program's."""
    return payout_cap_bps if plan.cap_bps is None else min(plan.cap_bps, payout_cap_bps)


def _within(cap: int, amounts: Sequence[int]) -> list[int]:
    """The amounts, the deepest level cut first, down to zero, then the next (rule 6)."""
    cut = list(amounts)
    excess = sum(cut) - cap
    for index in range(len(cut) - 1, -1, -1):
        if excess <= 0:
            break
        taken = min(excess, cut[index])
        cut[index] -= taken
        excess -= taken
    return cut


class PlanWarning(Struct, frozen=True):
    """A combination of terms that could pay more than the cap: the rule of each level, None for the plan's own."""

    rules: tuple[int | None, ...]
    rate_bps: int
    cap_bps: int
    detail: str


def plan_warnings(plan: Plan, payout_cap_bps: int, max_levels: int) -> list[PlanWarning]:
    """The combinations of rules and levels that could exceed the cap, as publishing a plan lists them.

    One line's levels may follow several rules only where rules ask for a grade; of such mixtures the dearest is listed.
    Fixed amounts are listed whatever they are: a line may be cheaper than they are.
    """
    cap_bps = cap_bps_of(plan, payout_cap_bps)
    levels = range(1, level_count(plan, max_levels) + 1)
    cases = alternatives(plan)
    checked = set(islice(cases, _CASES_CHECKED))
    unchecked = next(cases, None) is not None
    if unchecked:
        checked.update(frozenset([rule]) for rule in range(len(plan.rules)))
    combinations = {rules for case in checked for rules in _combinations(plan, case, levels)}
    in_place = sorted(combinations, key=lambda rules: [_place(rule) for rule in rules])
    warnings = [warning for rules in in_place if (warning := _warning(plan, rules, cap_bps))]
    if unchecked:
        detail = "The plan has too many mixtures of rules to check them all; every rule by itself was checked."
        warnings.append(PlanWarning((), 0, cap_bps, detail))
    return warnings


def _combinations(plan: Plan, case: Iterable[int | None], levels: range) -> list[tuple[int | None, ...]]:
    """Every rule of the case at all levels, and the dearest rate of each level."""
    rules = sorted(case, key=_place)
    dearest = tuple(max(rules, key=lambda rule: term_at(plan, rule, level).rate_bps) for level in levels)
    return [*((rule,) * len(levels) for rule in rules), dearest]


def _place(rule: int | None) -> int:
    """Where the plan lists it: its own levels first."""
    return -1 if rule is None else rule


def _warning(plan: Plan, rules: tuple[int | None, ...], cap_bps: int) -> PlanWarning | None:
    terms = [term_at(plan, rule, level) for level, rule in enumerate(rules, start=1)]
    rate_bps = sum(term.rate_bps for term in terms)
    where = ", ".join(
        f"level {level}: {'the plan' if rule is None else f'rule {rule}'}" for level, rule in enumerate(rules, start=1)
    )
    if rate_bps > cap_bps:
        together = f"{_percent(rate_bps)} together, more than the cap of {_percent(cap_bps)}"
        return PlanWarning(rules, rate_bps, cap_bps, f"{where}: {together}.")
    if len(set(rules)) == 1 and any(term.amount for term in terms):
        return PlanWarning(rules, rate_bps, cap_bps, f"{where}: the amounts could exceed the cap on cheap lines.")
    return None


def _percent(bps: int) -> str:
    return f"{bps // 100}.{bps % 100:02d} %"
