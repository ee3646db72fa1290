"""What groups can be refused for."""

from core.errors import AlreadyExists, NotFound, WrongState


class GroupNotFound(NotFound):
    title = "There is no such group"


class GroupExists(AlreadyExists):
    title = "The same external_id exists with other content"


class GroupInOtherState(WrongState):
    title = "The group is in another state"


class PostNotFound(NotFound):
    title = "There is no such post"


class PostEnded(WrongState):
    title = "The post has ended"
