"""What most platforms share: one post a message, no lane, no callbacks, nothing private."""

from abc import ABC, abstractmethod

from community.platforms.adapters.protocol import Answer, Callback, Exchange, Post
from community.platforms.protocol import Heard, Message, Outcome, Refused, Sent, Target
from core.encryption import masked


class PostOnly(ABC):
    """A webhook of its own, which can only be posted to."""

    @abstractmethod
    def posts(self, target: Target, message: Message, at: int) -> list[Post]:
        """What to post, the text first."""

    @abstractmethod
    def outcome(self, answer: Answer) -> Outcome:
        """What an answer means."""

    def deliver(self, target: Target, message: Message, at: int, exchange: Exchange) -> Outcome:
        """Post in order, as long as what was before arrived."""
        outcomes: list[Outcome] = []
        has_picture = message.image is None
        for post in self.posts(target, message, at):
            answer = exchange(post)
            outcomes.append(self.outcome(answer) if isinstance(answer, Answer) else answer)
            if not isinstance(outcomes[-1], Sent):
                break
            has_picture = has_picture or post.has_picture
        first = outcomes[0]
        return first if has_picture or not isinstance(first, Sent) else Sent(first.reference, lacks="image")

    def masked(self, target: Target) -> str:
        """The last characters of the key or token."""
        return masked(target.url)

    def lane(self, target: Target) -> str | None:
        """Each webhook has its own limits."""
        return None

    def callback(self, target: Target, told: Callback) -> Heard | None:
        """Nothing that such a webhook tells can be believed: it tells nothing."""
        return None

    def privately(self, target: Target, chat_user: str, text: str, exchange: Exchange) -> Outcome:
        """It cannot."""
        return Refused("not_supported")
