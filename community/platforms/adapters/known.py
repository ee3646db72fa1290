"""Every platform, by its word."""

from collections.abc import Mapping

from community.platforms.adapters.apprise import AppriseUrl
from community.platforms.adapters.dingtalk import DingTalk
from community.platforms.adapters.discord import Discord
from community.platforms.adapters.feishu import Feishu
from community.platforms.adapters.protocol import Adapter
from community.platforms.adapters.slack import Slack
from community.platforms.adapters.telegram import Telegram
from community.platforms.adapters.webhook import Webhook
from community.platforms.adapters.wecom import WeCom

_ALL: tuple[Adapter, ...] = (WeCom(), DingTalk(), Feishu(), Telegram(), Slack(), Discord(), Webhook(), AppriseUrl())
ADAPTERS: Mapping[str, Adapter] = {one.capability.platform: one for one in _ALL}
