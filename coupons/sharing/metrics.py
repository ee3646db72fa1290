"""Counters of sharing. They count what was done, not what was asked for: an answer from a cache is none."""

from core.observability.metrics import counter

POSTERS = counter("banyan_posters", "Posters drawn", ["template"])
PICTURES = counter("banyan_poster_pictures", "Product pictures asked for from outside", ["outcome"])
WECHAT_CALLS = counter("banyan_wechat_calls", "What WeChat answered", ["call", "outcome"])
