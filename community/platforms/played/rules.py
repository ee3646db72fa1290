"""What each platform checks and answers. `RULES` lists them."""

from collections.abc import Mapping

from community.platforms.played.chinese import DingTalk, Feishu, WeCom
from community.platforms.played.others import Apprise, Webhook
from community.platforms.played.ruling import Rules
from community.platforms.played.western import Discord, Slack, Telegram

RULES: Mapping[str, Rules] = {
    "wecom": WeCom(), "dingtalk": DingTalk(), "feishu": Feishu(), "telegram": Telegram(), "slack": Slack(),
    "discord": Discord(), "webhook": Webhook(), "apprise": Apprise(),
}  # fmt: skip
