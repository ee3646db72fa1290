"""Redirects, answered before Flask sees them: its routing costs more than all that is done here.

Whatever is not a plain redirect of a link that lives goes on to the application, which refuses it in its usual way.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from coupons.clicks.counts import RedirectCounts
from coupons.clicks.recorder import Recorder, recorder_of
from coupons.clicks.records import PREFETCH
from coupons.clicks.targets import NEVER, Target
from coupons.clicks.visits import agent_in, cookie_of, is_prefetch, new_visitor, visitor_in
from coupons.links.errors import LinkEnded, NoSuchLink

PATH = "/r/"
_PATH_LENGTH = len(PATH)
_clock = time.perf_counter
REFUSAL = "banyan.refusal"
"""Where the application finds why a redirect was refused."""

_NO_STORE = ("Cache-Control", "no-store")

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WSGI = Callable[[Environ, StartResponse], Iterable[bytes]]


def in_front_of(app: Flask) -> WSGI:
    """A WSGI application that answers redirects itself and hands everything else to the one there was."""
    behind: WSGI = app.wsgi_app
    redirects = Redirects(app)

    def front(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(PATH) or environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return behind(environ, start_response)
        try:
            headers = redirects.headers(environ)
        except Exception as error:  # noqa: BLE001 -- the application answers and logs it as any other of its errors
            return behind(environ | {REFUSAL: error, "QUERY_STRING": ""}, start_response)
        start_response("302 Found", headers)
        return []  # a list: granian sends it at once; anything else it reads bit by bit through a channel

    return front


class Redirects:
    """What a redirect says. Lazy: nothing is made before the first one."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._always_secure = (app.config["SETTINGS"].public_url or "").startswith("https:")
        self._counts = RedirectCounts()
        self._made: Recorder | None = None

    def headers(self, environ: Environ) -> list[tuple[str, str]]:
        """Record the click and say where to go. HEAD is told the same and counts nothing.

        Raises:
            NoSuchLink, LinkEnded: there is nowhere to go.
            Unavailable: the database is away and nobody remembers the code.
        """
        began = _clock()
        recorder = self._made or self._recorder()
        code = environ["PATH_INFO"][_PATH_LENGTH:]
        target = recorder.targets.present.get(code) or _found(recorder, code)  # the usual way, without a call
        if target.until != NEVER and target.has_ended():
            raise LinkEnded()
        query = environ["QUERY_STRING"]
        carried = target.carrying(query) if query else ""
        known = visitor_in(environ) if "HTTP_COOKIE" in environ else None
        visitor = known or new_visitor()
        method = environ["REQUEST_METHOD"]
        token = None
        if method == "GET":
            flags = PREFETCH if is_prefetch(environ) else 0
            token = recorder.record(target, visitor, recorder.addresses.hash_in(environ), agent_in(environ), flags)
        headers = [("Location", target.address(carried, token)), _NO_STORE]
        if known is None:
            secure = self._always_secure or recorder.addresses.is_secure(environ)
            headers.append(("Set-Cookie", cookie_of(visitor, secure=secure)))
        self._counts.note[method](_clock() - began)
        return headers

    def _recorder(self) -> Recorder:
        self._made = recorder_of(self._app)
        self._counts.begin()
        return self._made


def _found(recorder: Recorder, code: str) -> Target:
    target = recorder.targets.find(code)
    if target is None:
        raise NoSuchLink()
    return target
