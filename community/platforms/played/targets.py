"""The targets that exist: every number has one on every platform, and its secrets follow from the number. Pure."""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

BOTS = 100  # chats of one Telegram bot: its shared limit has to be met somewhere


def hashed(*parts: object) -> str:
    """64 hex digits that follow from the parts."""
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()


def bot_token(bot: int) -> str:
    """The token of a Telegram bot."""
    return f"{1000 + bot}:{hashed('telegram', bot)[:35]}"


def given(platform: str, number: int, origin: str) -> dict[str, Any]:
    """What to register a group with. `origin`: where the playing server listens, for targets without official hosts."""
    if platform == "telegram":
        return {
            "token": bot_token(number // BOTS),
            "chat_id": chat_id("telegram", number),
            "callback_secret": callback_secret(number),
        }
    return _WEBHOOKS[platform](number, origin)


def sign_secret(platform: str, number: int) -> str:
    """What posts to a target are signed with."""
    if platform == "webhook":
        return "whsec_" + base64.b64encode(bytes.fromhex(hashed("webhook", number))).decode()
    return ("SEC" if platform == "dingtalk" else "") + hashed(platform, "secret", number)[:32]


def callback_secret(number: int) -> str:
    """What callbacks of a target are checked with; all chats of a bot or app share it with number 0 of that bot."""
    return hashed("callback", number // BOTS)[:32]


def callback_token(number: int) -> str:
    """Feishu's verification token."""
    return hashed("token", number // BOTS)[:16]


def event_token(number: int) -> str:
    """What DingTalk signs events with; like callbacks' secrets one for all chats of an app."""
    return hashed("event", number // BOTS)[:16]


def event_aes_key(number: int) -> str:
    """What DingTalk locks events with."""
    return hashed("aes", number // BOTS)[:43]


def app_key(number: int) -> str:
    """Whose events they are."""
    return f"ding{hashed('app key', number // BOTS)[:16]}"


def chat_id(platform: str, number: int) -> str:
    """The platform's id of the chat."""
    if platform == "telegram":
        return str(-1_000_000 - number)
    return f"oc_{number:032d}" if platform == "feishu" else f"cid{number:08d}=="


def app_secret(number: int) -> str:
    """The secret of the Feishu app `cli_<number>`."""
    return hashed("app", number)[:32]


def number_of(platform: str, key: str) -> int | None:
    """Whose key this is; None: nobody's."""
    found = re.fullmatch(_KEYS[platform], key)
    number = int(found[1]) if found else None
    return number if number is not None and key == _KEY_OF[platform](number) else None


def _wecom(number: int, _origin: str) -> dict[str, Any]:
    return {"url": f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={_KEY_OF['wecom'](number)}"}


def _dingtalk(number: int, _origin: str) -> dict[str, Any]:
    url = f"https://oapi.dingtalk.com/robot/send?access_token={_KEY_OF['dingtalk'](number)}"
    return {"url": url, "secret": sign_secret("dingtalk", number), "chat_id": chat_id("dingtalk", number),
            "callback_secret": callback_secret(number), "event_token": event_token(number),
            "event_aes_key": event_aes_key(number), "app_key": app_key(number)}  # fmt: skip


def _feishu(number: int, _origin: str) -> dict[str, Any]:
    app = number // BOTS
    return {
        "url": f"https://open.feishu.cn/open-apis/bot/v2/hook/{_KEY_OF['feishu'](number)}",
        "secret": sign_secret("feishu", number), "chat_id": chat_id("feishu", number),
        "callback_secret": callback_secret(number), "callback_token": callback_token(number),
        "app_id": f"cli_{app}", "app_secret": app_secret(app),
    }  # fmt: skip


def _slack(number: int, _origin: str) -> dict[str, Any]:
    return {"url": f"https://hooks.slack.com/services/T0/B{number}/{_KEY_OF['slack'](number)}"}


def _discord(number: int, _origin: str) -> dict[str, Any]:
    return {"url": f"https://discord.com/api/webhooks/{number}/{_KEY_OF['discord'](number)}"}


def _webhook(number: int, origin: str) -> dict[str, Any]:
    return {"url": f"{origin}/webhook/{number}", "secret": sign_secret("webhook", number)}


def _apprise(number: int, origin: str) -> dict[str, Any]:
    return {"url": f"{origin.replace('http', 'json', 1)}/apprise/{number}"}


_WEBHOOKS: Mapping[str, Callable[[int, str], dict[str, Any]]] = {
    "wecom": _wecom, "dingtalk": _dingtalk, "feishu": _feishu, "slack": _slack, "discord": _discord,
    "webhook": _webhook, "apprise": _apprise,
}  # fmt: skip
_KEYS = {
    "wecom": r"(\d{8})-[0-9a-f-]{27}", "dingtalk": r"[0-9a-f]{56}(\d{8})", "feishu": r"(\d{8})-[0-9a-f-]{27}",
    "slack": r"(\d{8})[0-9a-f]{16}", "discord": r"(\d{8})[0-9a-f]{60}", "webhook": r"(\d{1,8})",
    "apprise": r"(\d{1,8})", "telegram": r"-(\d{1,9})",
}  # fmt: skip


def _dashed(platform: str, number: int) -> str:
    one = hashed(platform, number)
    return f"{number:08d}-{one[:4]}-{one[4:8]}-{one[8:12]}-{one[12:24]}xx"[:36].replace("x", "0")


_KEY_OF: Mapping[str, Callable[[int], str]] = {
    "wecom": lambda number: _dashed("wecom", number),
    "feishu": lambda number: _dashed("feishu", number),
    "dingtalk": lambda number: hashed("dingtalk", number)[:56] + f"{number:08d}",
    "slack": lambda number: f"{number:08d}" + hashed("slack", number)[:16],
    "discord": lambda number: f"{number:08d}" + hashed("discord", number)[:60],
    "webhook": str,
    "apprise": str,
}
PLATFORMS = ("wecom", "dingtalk", "feishu", "telegram", "slack", "discord", "webhook", "apprise")
