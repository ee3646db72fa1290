"""Texts to share a link with: title, price, coupon code and short link together (自购省钱，分享赚钱). Pure."""

import re
import unicodedata
from typing import Literal

from core.prices import percent_text, price_text
from coupons.links.resolving import Offer
from coupons.vouchers.service import CouponCard

Language = Literal["zh", "en"]
Template = Literal["standard", "short"]
LANGUAGES = ["zh", "en"]
TEMPLATES = ["standard", "short"]

_JOINERS = frozenset("\u200c\u200d")  # inside emoji and Persian words
_WORDS = {
    "zh": {
        "title": "【{}】", "recommends": "{}推荐", "code": "优惠码：{}", "terms": "（{}）",
        "slogan": "自购省钱，分享赚钱", "off": "立减 {}", "off_from": "满 {1} 减 {0}",
    },
    "en": {
        "title": "{}", "recommends": "Recommended by {}", "code": "Coupon code: {}", "terms": " ({})",
        "slogan": "Buy for yourself and save, share and earn", "off": "{} off", "off_from": "{0} off from {1}",
    },
}  # fmt: skip


def share_text(offer: Offer, short_url: str, currency: str, language: Language, template: Template) -> str:
    """The text: several lines, or all in one where `template` is short. What the link does not have is left out.

    The link stands last and alone, so that chats recognise it. Names come from people: nothing in them can break a
    line, hide, or turn the direction of what follows.
    """
    words = _WORDS[language]
    product = offer.link.product or {}
    title, price = readable(product.get("title")), product.get("price")
    name = readable(offer.sharer.name) if template == "standard" else ""
    parts = [
        title and words["title"].format(title),
        "" if price is None else price_text(price, currency, language),
        name and words["recommends"].format(name),
        _coupon_text(offer.coupon, currency, language) if offer.coupon else "",
        words["slogan"] if template == "standard" else "",
        short_url,
    ]
    return ("\n" if template == "standard" else " ").join(filter(None, parts))


def readable(name: str | None) -> str:
    """A name without line breaks, control and format characters; empty: nothing is left of it."""
    kept = "".join([letter if _may_stay(letter) else " " for letter in name or ""])
    return re.sub(r"\s+", " ", kept).strip()


def _may_stay(letter: str) -> bool:
    return letter in _JOINERS or unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _coupon_text(coupon: CouponCard, currency: str, language: Language) -> str:
    words = _WORDS[language]
    return words["code"].format(coupon.code) + words["terms"].format(_terms_text(coupon, currency, language))


def _terms_text(coupon: CouponCard, currency: str, language: Language) -> str:
    words = _WORDS[language]
    if coupon.percent_bps is not None:
        taken_off = percent_text(coupon.percent_bps)
    else:
        taken_off = price_text(coupon.amount or 0, currency, language)
    if not coupon.min_spend:
        return words["off"].format(taken_off)
    return words["off_from"].format(taken_off, price_text(coupon.min_spend, currency, language))
