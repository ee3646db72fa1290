"""Counters of activities. They count what was done: a step that rolls back afterwards is counted too."""

from collections import Counter
from collections.abc import Sequence

from core.observability.metrics import counter

REWARDS = counter("banyan_activity_rewards", "Rewards given, refused or taken back", ["kind", "status"])
PARTICIPATIONS = counter("banyan_activity_participations", "Participations by request", ["kind"])
ENGAGEMENTS = counter("banyan_engagements", "Reactions to content that were told", ["kind", "source"])


def count_rewards(verdicts: Sequence[tuple[str, str]]) -> None:
    """Kind and status of each."""
    for (kind, status), number in Counter(verdicts).items():
        REWARDS.labels(kind, status).inc(number)
