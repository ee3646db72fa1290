"""Where a target's address leads: to the platform's own hosts, to what plays them, or to a checked public host."""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from flask import current_app

OFFICIAL: Mapping[str, frozenset[str]] = {
    "wecom": frozenset({"qyapi.weixin.qq.com"}),
    "dingtalk": frozenset({"oapi.dingtalk.com"}),
    "feishu": frozenset({"open.feishu.cn", "open.larksuite.com"}),
    "telegram": frozenset({"api.telegram.org"}),
    "slack": frozenset({"hooks.slack.com", "hooks.slack-gov.com"}),
    "discord": frozenset({"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"}),
}


class Reach(NamedTuple):
    """What this installation may reach. `chat_url`: what plays the platforms (CHAT_URL), without a slash at its end."""

    chat_url: str | None
    allow_private: bool
    window_scale: float = 1  # shorter minutes of what plays them
    seconds: float = 10  # of one post, connecting and the whole answer included

    def plays(self, url: str) -> bool:
        """Whether this address is of what plays the platforms."""
        return self.chat_url is not None and url.startswith(self.chat_url + "/")

    def led(self, platform: str, url: str) -> str:
        """The address to post to: the official one, or the same of what plays it."""
        if self.chat_url is None or platform not in OFFICIAL:
            return url
        parts = urlsplit(url)
        return f"{self.chat_url}/{platform}{parts.path}" + (f"?{parts.query}" if parts.query else "")

    def may_be_private(self, url: str) -> bool:
        """Whether an address may lead into private networks."""
        return self.allow_private or self.plays(url)


def reach() -> Reach:
    """As this application is set up. Read it before threads are started: they have no application."""
    settings = current_app.config["SETTINGS"]
    played_at = settings.chat_address()
    return Reach(played_at, settings.allow_private_urls, settings.chat_window_scale if played_at else 1)
