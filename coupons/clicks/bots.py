"""Who clicks: a browser, or a program that fetches links. Decided from the user agent alone, once for each.

Crawlers are known by the kept list of the package crawler-user-agents; what it leaves out stands here.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from crawleruseragents import is_crawler

# libraries and tools; through the API they are how a shop's own server or app tells of somebody else's click
_TOOLS = re.compile(
    r"^(?:curl|wget|python|go-http-client|okhttp|axios|node|undici|got|java|jakarta|apache-httpclient|dart|ruby|php|guzzle"
    r"|libwww|lwp|perl|postman|insomnia|httpie|http_request|restsharp|dotnet|\.net|cfnetwork|alamofire|reqwest|hyper|wrk"
    r"|apachebench|vegeta|k6|fasthttp|winhttp|powershell|aiohttp|scrapy|feign|unirest|faraday|typhoeus|werkzeug)",
    re.IGNORECASE,
)
# what fetches a link in order to show it in a chat
_PREVIEWS = re.compile(
    r"preview|unfurl|link-?expand|-scrap\b|url-manager|\bembed\b|(?:we(?:chat|ibo|com)|weixin|dingtalk|feishu|lark)[\w./-]*(?:bot|spider|robot)",
    re.IGNORECASE,
)
_SHORTEST = 12  # "Mozilla/5.0 " is in front of every browser's
_ABSURD = re.compile(r"[<>{}$\x00-\x1f\x7f]|^[^/]*$")


class Agent(NamedTuple):
    """A user agent as it is stored, and whether no person is behind it."""

    hash: bytes  # 8 bytes; empty: not known
    is_bot: bool


@lru_cache(maxsize=20_000)
def agent_of(user_agent: str, via: str) -> Agent:
    """What a user agent says of a click that came `via` the redirect or the API.

    Through the API somebody with a credential tells of a visitor's click: a tool or an empty name is he, not the
    visitor. Crawlers are crawlers either way.
    """
    if not user_agent:
        return Agent(b"", via != "api")
    digest = blake2b(user_agent.encode("utf-8", "replace"), digest_size=8).digest()
    return Agent(digest, _is_crawler(user_agent) if via == "api" else _is_bot(user_agent))


def _is_bot(user_agent: str) -> bool:
    absurd = len(user_agent) < _SHORTEST or _ABSURD.search(user_agent)
    return bool(absurd or _TOOLS.search(user_agent) or _is_crawler(user_agent))


def _is_crawler(user_agent: str) -> bool:
    if _TOOLS.search(user_agent):
        return False
    return bool(_PREVIEWS.search(user_agent)) or is_crawler(user_agent)
