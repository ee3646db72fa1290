"""What WeChat takes in the fields of a subscribe message, and our values made to fit. Pure."""

import re
from collections.abc import Callable

# https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/mp-message-management/subscribe-message/sendMessage.html
FIELD = re.compile(
    r"(thing|number|letter|symbol|character_string|time|date|amount|phone_number|car_number|name|phrase)[0-9]{1,2}"
)
MOST_FIELDS = 10


def fitted(field: str, text: str) -> str:
    """A value that WeChat does not refuse for its form: it would drop the whole message, and the consent stays used."""
    kind = field.rstrip("0123456789")
    return _FORMS[kind](" ".join(text.split()))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _kept(allowed: str, most: int, otherwise: str) -> Callable[[str], str]:
    """Only the characters of a class, so many of them."""
    others = re.compile(f"[^{allowed}]")
    return lambda text: others.sub("", text)[:most] or otherwise


def _amount(text: str) -> str:
    found = re.search(r"([^\w\s.,-]?)(\d{1,10}(?:\.\d{1,2})?)", text)
    return f"{found[1]}{found[2]}" if found else "0"


def _number(text: str) -> str:
    found = re.search(r"\d{1,32}", text)
    return found[0] if found else "0"


_FORMS: dict[str, Callable[[str], str]] = {
    "thing": lambda text: _cut(text, 20) or "-",
    "number": _number,
    "letter": _kept("A-Za-z", 32, "A"),
    "symbol": lambda text: re.sub(r"\w", "", text)[:5] or "-",
    "character_string": _kept("\\x20-\\x7e", 32, "-"),
    "time": lambda text: text[:32] or "-",
    "date": lambda text: text[:32] or "-",
    "amount": _amount,
    "phone_number": _kept("0-9+\\- ", 17, "0"),
    "car_number": lambda text: text[:8] or "-",
    "name": lambda text: re.sub(r"[\W\d_]", "", text)[:10] or "会员",
    "phrase": _kept("\\u4e00-\\u9fff", 5, "通知"),
}
