"""What boards and segments refuse."""

from core.errors import NotFound


class SegmentNotFound(NotFound):
    title = "There is no such segment"


class GrantNotFound(NotFound):
    title = "The segment has no such grant"
