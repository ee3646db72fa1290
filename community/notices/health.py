"""Counters of notices."""

from core.observability.metrics import counter

TOLD = counter("banyan_notices_told", "Lines to groups and notices to members", ["to"])
FALLBACKS = counter(
    "banyan_notice_fallbacks", "Notices told by the default, for a program's own text failed", ["topic"]
)
PUSHES = counter("banyan_notice_pushes", "Subscribe messages, by what became of them", ["outcome"])
MILESTONES = counter("banyan_milestones", "Milestones reached", ["milestone"])
