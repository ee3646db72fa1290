"""Counters of groups. They count what was attempted: a step that rolls back afterwards is counted too."""

from core.observability.metrics import counter

PAUSED = counter("banyan_groups_paused", "Groups that were paused, and why", ["reason"])
JOINS = counter("banyan_group_joins", "Members who joined groups, by who told of it", ["told_by"])
ANSWERS = counter("banyan_chat_answers", "Questions from chats", ["keyword", "outcome"])
POSTS = counter("banyan_scheduled_posts", "Scheduled posts and digests that came due", ["kind", "outcome"])


def count_paused(reason: str, count: int) -> None:
    if count:
        PAUSED.labels(reason).inc(count)
