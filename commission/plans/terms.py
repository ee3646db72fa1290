"""Which term a line earns by: the plan, its rules, and the first of them that matches. Pure.

Rule 4 of API.md, *Commission plans*. Terms are found by look-up: a plan with a rule for every product costs an order
no more than one without.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import msgspec
from msgspec import Struct

MAX_LEVELS = 10
"""The longest list of levels a plan may have; how many an order pays is the program's max_levels."""

_TABLES_KEPT = 100
_TERMS_KEPT = 20_000


class Term(Struct, frozen=True, omit_defaults=True):
    """What one level earns: `rate_bps` of the base, or `amount` for each unit."""

    rate_bps: int = 0
    amount: int = 0


_Wanted = str | tuple[str, ...] | None


class Match(Struct, frozen=True, omit_defaults=True):
    """What a rule applies to: every key given must hold, and a key holds for its value or one of its list."""

    sku: _Wanted = None
    category: _Wanted = None
    channel: _Wanted = None
    grade: _Wanted = None


class Rule(Struct, frozen=True, omit_defaults=True):
    """Terms by level for what matches. `excluded` pays nothing at any level."""

    match: Match
    levels: tuple[Term, ...] = ()
    excluded: bool = False


class Plan(Struct, frozen=True, omit_defaults=True):
    """An immutable plan version: the terms of its own, the rules before them, and its cap on all levels together."""

    levels: tuple[Term, ...]
    rules: tuple[Rule, ...] = ()
    cap_bps: int | None = None


def plan_from(stored: object) -> Plan:
    """A plan as it stands in the database or, already validated, in a request; other keys are ignored."""
    return msgspec.convert(stored, Plan)


def level_count(plan: Plan, max_levels: int) -> int:
    """How many levels an order can pay under the plan (rule 3)."""
    longest = max(len(plan.levels), *(len(rule.levels) for rule in plan.rules), 0)
    return min(longest, max_levels)


class AppliedTerm(NamedTuple):
    """The term of one line at one level and where it is from: the index of the rule, None for the plan's own levels."""

    rate_bps: int
    amount: int
    rule: int | None


class PlanTerms:
    """A plan made ready for many orders. Looking a line up costs the same with one rule or with thousands.

    Keep it for a batch or for the life of the process; what it remembers is bounded.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._channels = _named(rule.match.channel for rule in plan.rules)
        self._grades = _named(rule.match.grade for rule in plan.rules)
        self._tables: dict[tuple[str | None, str | None, int], _TermTable] = {}

    def table(self, channel: str | None, grade: str, level: int) -> "_TermTable":
        """The terms by (sku, category) for orders of a channel and a beneficiary of a grade at a level."""
        # free words of the shop's: all that no rule names share a table, or memory would grow with each new one
        key = (channel if channel in self._channels else None, grade if grade in self._grades else None, level)
        table = self._tables.get(key)
        if table is None:
            if len(self._tables) >= _TABLES_KEPT:
                self._tables.clear()
            table = self._tables[key] = _TermTable(_RuleIndex(self.plan, *key[:2]), level)
        return table


class _TermTable(dict[tuple[str, str | None], AppliedTerm]):
    """Terms by (sku, category), found when first asked for."""

    def __init__(self, rules: "_RuleIndex", level: int) -> None:
        super().__init__()
        self._rules = rules
        self._level = level

    def __missing__(self, key: tuple[str, str | None]) -> AppliedTerm:
        if len(self) >= _TERMS_KEPT:
            self.clear()
        number = self._rules.first_for(*key)
        term = term_at(self._rules.plan, number, self._level)
        applied = self[key] = AppliedTerm(term.rate_bps, term.amount, number)
        return applied


class _RuleIndex:
    """The rules that hold for one channel and grade, by what they ask of a line; numbers ascend in every list."""

    def __init__(self, plan: Plan, channel: str | None, grade: str | None) -> None:
        self.plan = plan
        self._by_sku: dict[str | None, list[int]] = {}
        self._by_category: dict[str | None, int] = {}
        self._for_any_line: list[int] = []
        for number, rule in enumerate(plan.rules):
            if _holds(rule.match.channel, channel) and _holds(rule.match.grade, grade):
                self._add(number, rule.match)

    def _add(self, number: int, match: Match) -> None:
        if match.sku is not None:
            for sku in _values(match.sku):
                self._by_sku.setdefault(sku, []).append(number)
        elif match.category is not None:
            for category in _values(match.category):
                self._by_category.setdefault(category, number)
        else:
            self._for_any_line.append(number)

    def first_for(self, sku: str | None, category: str | None) -> int | None:
        """The first rule that matches such a line; None: the plan's own levels apply."""
        rules = self.plan.rules
        found = [n for n in self._by_sku.get(sku, ()) if _holds(rules[n].match.category, category)][:1]
        found += self._for_any_line[:1]
        if category in self._by_category:
            found.append(self._by_category[category])
        return min(found, default=None)


def _values(wanted: str | tuple[str, ...]) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted


def _named(wanted: Iterable[_Wanted]) -> frozenset[str]:
    return frozenset(value for values in wanted if values is not None for value in _values(values))


def _holds(wanted: _Wanted, actual: str | None) -> bool:
    return wanted is None or actual in _values(wanted)


_NOTHING = Term()


def term_at(plan: Plan, rule: int | None, level: int) -> Term:
    """A list too short for the level pays nothing, and so does an excluded rule whatever it lists."""
    if rule is not None and plan.rules[rule].excluded:
        return _NOTHING
    levels = plan.levels if rule is None else plan.rules[rule].levels
    return levels[level - 1] if level <= len(levels) else _NOTHING


def alternatives(plan: Plan) -> Iterator[frozenset[int | None]]:
    """For every kind of line and channel that the rules tell apart, the rules among which the grades choose."""
    skus, categories, channels, grades = (
        _kinds([getattr(rule.match, key) for rule in plan.rules]) for key in ("sku", "category", "channel", "grade")
    )
    for channel in channels:
        indexes = [_RuleIndex(plan, channel, grade) for grade in grades]
        for sku, category in product(skus, categories):
            yield frozenset(index.first_for(sku, category) for index in indexes)


def _kinds(wanted: Sequence[_Wanted]) -> list[str | None]:
    """One value for each set of rules that name it, and None for all that no rule names."""
    named: dict[str, list[int]] = {}
    for number, values in enumerate(wanted):
        for value in _values(values or ()):
            named.setdefault(value, []).append(number)
    return [None, *{tuple(numbers): value for value, numbers in named.items()}.values()]
