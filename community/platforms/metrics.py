"""Counters of what platforms answered; of messages, not of HTTP calls."""

from core.observability.metrics import counter

POSTS = counter("banyan_group_posts", "Messages to groups, by what became of them", ["platform", "outcome"])
CALLBACKS = counter("banyan_platform_callbacks", "What platforms told us", ["platform", "outcome"])
