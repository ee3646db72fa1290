"""Counters of points. They count what was attempted: a movement that rolls back afterwards is counted too."""

from core.observability.metrics import counter

POINTS = counter("banyan_points", "Points moved", ["movement"])
REDEMPTIONS = counter("banyan_reward_redemptions", "Redemptions that came into a state", ["kind", "status"])
