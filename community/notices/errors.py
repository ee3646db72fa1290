"""What notices can be refused for."""

from core.errors import NotFound


class TopicNotFound(NotFound):
    title = "There is no such topic or language"


class NoticeNotFound(NotFound):
    title = "There is no such notice"


class MessageNotFound(NotFound):
    title = "The topic is told by no subscribe message"
