"""What other features use of points. Callers hold the transaction; nothing here commits."""

from community.points.awards import Award, award
from community.points.member_days import register_multipliers
from community.points.purses import spendable as points_of
from community.points.rule_versions import current as rules_of
from community.points.taking import TakeBack, take_back

__all__ = ["Award", "TakeBack", "award", "points_of", "register_multipliers", "rules_of", "take_back"]
