"""What the name `requests` stands for in apprise's plugins: the same calls, over our checked connections."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import requests

from community.platforms.adapters.protocol import Answer, Exchange, Post
from community.platforms.protocol import Refused, Unknown

Made = list[Answer | Refused | Unknown]


class _Calls(threading.local):
    """What this thread's plugin is calling through."""

    exchange: Exchange | None = None
    made: Made = []  # noqa: RUF012 -- replaced before use, by each thread for itself


_calls = _Calls()


class Checked:
    """In the place of the module `requests`: what plugins use of it."""

    codes, exceptions, RequestException = requests.codes, requests.exceptions, requests.RequestException

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        """One call. What concerns connections (timeout, verify, allow_redirects) is ours to decide and left out."""
        names = ("params", "data", "json", "headers", "auth", "files")
        asked = requests.Request(method.upper(), url, **{name: options.get(name) for name in names}).prepare()
        if _calls.exchange is None or asked.url is None:
            raise requests.ConnectionError
        body = asked.body.encode() if isinstance(asked.body, str) else asked.body or b""
        if not isinstance(body, bytes):
            raise requests.ConnectionError  # a file being read: nothing of ours
        headers = {name: str(value) for name, value in asked.headers.items() if name.lower() != "content-length"}
        found = _calls.exchange(Post(asked.url, body, headers, method=asked.method or method))
        _calls.made.append(found)
        if not isinstance(found, Answer):
            raise requests.ConnectionError
        return _response(asked.url, found)

    def __getattr__(self, name: str) -> Any:
        if name in {"get", "post", "put", "delete"}:
            return partial(self.request, name)
        raise AttributeError(name)


_checked = Checked()


def plugin_of(url: str) -> Any | None:
    """apprise's plugin for a URL, speaking through us; None when it wants more in the URL."""
    import apprise  # a third of a second, for those who use it

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it logs addresses with their secrets
    asset = apprise.AppriseAsset(storage_mode=apprise.PersistentStoreMode.MEMORY)
    plugin = apprise.Apprise.instantiate(url, asset=asset)
    if plugin is None:
        return None
    vars(sys.modules[type(plugin).__module__])["requests"] = _checked
    plugin.request_rate_per_sec = 0  # limits are kept by whoever sends
    plugin.overflow_mode = apprise.OverflowMode.TRUNCATE
    return plugin


@contextmanager
def through(exchange: Exchange) -> Iterator[Made]:
    """Let this thread's plugin call through `exchange`; gives what came of each call."""
    _calls.exchange, _calls.made = exchange, []
    try:
        yield _calls.made
    finally:
        _calls.exchange = None


def _response(url: str, found: Answer) -> requests.Response:
    response = requests.Response()
    response.status_code, response.url = found.status, url
    response.headers.update(found.headers)
    response._content = found.body
    return response
