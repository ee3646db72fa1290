"""The long tail, through apprise (https://appriseit.com): services that are http(s) and nothing else.

apprise's plugins make their own calls through the name `requests` in their modules; in those that are allowed here the
name stands for our connections (`apprise_calls`), so that addresses are checked, time and answers bounded, redirects
not followed, and what was answered is known. No other plugin is ever used: some read files, run commands or open
sockets of their own.
"""

from collections.abc import Mapping
from typing import Any

from community.platforms.adapters import apprise_calls
from community.platforms.adapters.answers import by_status
from community.platforms.adapters.base import PostOnly
from community.platforms.adapters.protocol import Answer, Exchange, Post
from community.platforms.given import Given
from community.platforms.protocol import Capability, Limits, Message, Outcome, Refused, Sent, Target, Unknown
from community.platforms.reach import reach
from community.platforms.text import cut

TEXT_CHARACTERS = 2000
SECURE = frozenset({
    "barks", "gchat", "gotifys", "jsons", "line", "mmosts", "nctalks", "ntfys", "pbul", "pover", "pushdeer",
    "pushdeers", "rockets", "ryver", "schan", "synologys", "twist", "webex", "workflows", "wxpusher", "wxteams",
    "zulip",
})  # fmt: skip
PLAIN = frozenset({"bark", "gotify", "json", "mmost", "nctalk", "ntfy", "rocket", "synology"})
"""Without TLS: only where private addresses may be reached, and of what plays the platforms."""

_REFUSED_ARGUMENTS = ("template=", "attach=", "file:", "icon=", "image=")  # files of ours, or addresses of others
_BROKEN = (TypeError, ValueError, LookupError, AttributeError)


class AppriseUrl(PostOnly):
    """Text to whatever an apprise URL names."""

    capability = Capability(
        platform="apprise", name="Many more, through apprise", markdown=False, image=False, tells_joins=False,
        asks_questions=False, answers_privately=False, recognises_repeats=False,
        limits=Limits(per_minute=20, per_second=1, shared_per_second=None),
        longest_text=TEXT_CHARACTERS, longest_unit="characters", target=("url",), target_options=(),
        notes="An apprise URL of: " + ", ".join(sorted(SECURE)) + ". Text only. The limits are ours and careful; what "
        "the service answers is known by its HTTP status alone.",
    )  # fmt: skip

    def target(self, given: Mapping[str, Any], pointer: str) -> Target:
        """`url`: an apprise URL."""
        fields = Given(given, ("url",), (), pointer)
        url = fields["url"]
        schema, _, rest = url.partition("://")
        is_plain = schema in PLAIN and reach().may_be_private(f"http://{rest}")
        if schema not in SECURE and not is_plain:
            raise fields.wrong("url", "Expected an apprise URL of: " + ", ".join(sorted(SECURE)) + ".")
        if any(word in url.lower() for word in _REFUSED_ARGUMENTS):
            raise fields.wrong("url", "Templates, attachments and pictures are not allowed.")
        if apprise_calls.plugin_of(url) is None:
            raise fields.wrong("url", "Something is missing in this apprise URL.")
        return Target("apprise", url=url)

    def masked(self, target: Target) -> str:
        """Its schema: everything behind it may be a secret."""
        return target.url.partition("://")[0] + "://…"

    def deliver(self, target: Target, message: Message, at: int, exchange: Exchange) -> Outcome:
        """One notification, which may be several calls; the last says what became of it."""
        plugin = apprise_calls.plugin_of(target.url)
        if plugin is None:
            return Refused("wrong_target", "not an apprise URL")
        text = cut(message.text, min(TEXT_CHARACTERS, int(plugin.body_maxlen)), "characters")
        with apprise_calls.through(exchange) as made:
            try:
                is_sent = bool(plugin.notify(body=text, title="", body_format="text"))
            except _BROKEN:  # what was answered could not be read by a plugin that expected otherwise
                return Unknown("unreadable_answer")
        if is_sent:
            return Sent(lacks=None if message.image is None else "image")
        return self.outcome(made[-1]) if made and isinstance(made[-1], Answer) else _unanswered(made)

    def posts(self, target: Target, message: Message, at: int) -> list[Post]:
        """Unknown beforehand: the plugin makes them."""
        return []

    def outcome(self, answer: Answer) -> Outcome:
        """By status: it was not as the plugin wants a success."""
        return by_status(answer)


def _unanswered(made: list[Answer | Refused | Unknown]) -> Outcome:
    return Refused("wrong_content", "no call") if not made or isinstance(made[-1], Answer) else made[-1]
