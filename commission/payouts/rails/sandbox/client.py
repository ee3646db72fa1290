"""The sandbox as a `Rail`, over real HTTP. Whatever happens on the way is unknown; only the rail can say failed."""

import os
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import httpx
import orjson

from commission.payouts.rails.protocol import Capabilities, Outcome, SendOutcome, Timeouts, TransferRequest, Unknown
from commission.payouts.rails.sandbox.answers import Answer, outcome_of_query, outcome_of_send
from core import clock

_LARGEST_ANSWER = 64 * 1024
_CONNECTIONS = 64


class _BadAnswerError(Exception):
    """An answer that is broken off: too much of it, or too slow; the text is the reason."""


# the first that fits; the first two mean that nothing was sent
_REASONS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((httpx.InvalidURL, httpx.UnsupportedProtocol), "no_address"),
    ((httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout), "not_connected"),
    ((httpx.TimeoutException,), "timed_out"),
    ((httpx.HTTPError,), "connection_lost"),
)


class SandboxRail:
    """Make one per process and share it between threads. `base_url` is asked at every call, so the server may move."""

    kind: Final = "sandbox"
    capabilities: Final = Capabilities(key_max_length=32, query_window_days=None, resend_window_days=None)

    def __init__(self, base_url: Callable[[], str | None], timeouts: Timeouts) -> None:
        self._base_url = base_url
        self._timeouts = timeouts
        self._clients: dict[int, httpx.Client] = {}

    def send(self, request: TransferRequest) -> SendOutcome:
        """POST /transfers. May be repeated for ever: the rail knows the key."""
        body = {
            "key": request.key,
            "account": request.account,
            "account_name": request.account_name,
            "amount": request.amount,
            "currency": request.currency,
        }
        answer = self._exchange("POST", "/transfers", orjson.dumps(body))
        return answer if isinstance(answer, Unknown) else outcome_of_send(answer, request, clock.now())

    def query(self, key: str, expected: TransferRequest | None = None) -> Outcome:
        """GET /transfers/{key}. Pass the request that was sent, so that a wrong echo is noticed."""
        answer = self._exchange("GET", f"/transfers/{quote(key, safe='')}")
        return answer if isinstance(answer, Unknown) else outcome_of_query(answer, key, expected, clock.now())

    def close(self) -> None:
        """Close this process's connections; the next call opens new ones."""
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def _exchange(self, method: str, path: str, body: bytes | None = None) -> Answer | Unknown:
        address = self._address()
        if address is None:
            return Unknown("no_address")
        try:
            return self._answer(method, address.rstrip("/") + path, body)
        except _BadAnswerError as error:
            return Unknown(str(error))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Unknown(next(reason for kinds, reason in _REASONS if isinstance(error, kinds)))

    def _address(self) -> str | None:
        try:
            return self._base_url()
        except (OSError, ValueError, LookupError, TypeError):
            return None  # a file that is gone or garbled: the rail may well live

    def _answer(self, method: str, url: str, body: bytes | None) -> Answer:
        late_at = time.monotonic() + self._timeouts.total_seconds
        with self._client().stream(method, url, content=body) as response:
            content = _content_of(response, late_at)
            return Answer(response.status_code, content, response.headers.get("retry-after"))

    def _client(self) -> httpx.Client:
        """The client of this process; one inherited by a fork would share its sockets with the parent."""
        client = self._clients.get(os.getpid())
        return client or self._clients.setdefault(os.getpid(), self._new_client())

    def _new_client(self) -> httpx.Client:
        seconds = self._timeouts
        return httpx.Client(
            headers={"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(seconds.read_seconds, connect=seconds.connect_seconds),
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
            follow_redirects=False,
            trust_env=False,  # a proxy variable must not reroute money
        )


def _content_of(response: httpx.Response, late_at: float) -> bytes:
    """The raw body, within size and time."""
    content = bytearray()
    for piece in response.iter_raw():
        content += piece
        if len(content) > _LARGEST_ANSWER:
            raise _BadAnswerError("unreadable_answer")
        if time.monotonic() > late_at:
            raise _BadAnswerError("timed_out")
    return bytes(content)
