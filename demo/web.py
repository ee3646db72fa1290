"""The web as the outside has it: real HTTP to the running product, one credential a caller. Follows no redirect."""

import http.client
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

_SECONDS = 30.0
_COOKIE = "bv"


class WebError(Exception):
    """The product did not answer as it should; says how."""


class Answer:
    """One answer, read."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.content = response.status, response.headers, response.read()


class Web:
    """Calls the product at its address."""

    def __init__(self, base_url: str, credential: str | None = None) -> None:
        self._address = urlsplit(base_url)
        self._headers = {"Authorization": f"Bearer {credential}"} if credential else {}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Any:
        """The answer's JSON. `key`: the Idempotency-Key.

        Raises:
            WebError: it is not a 2xx, or nobody answers.
        """
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        content = None
        if body is not None:
            headers, content = headers | {"Content-Type": "application/json"}, orjson.dumps(body)
        answer = self._send(method, path, headers, content)
        if not 200 <= answer.status < 300:
            told = answer.content.decode(errors="replace")
            raise WebError(f"{method} {path.partition('?')[0]} was answered {answer.status}: {told}")
        return orjson.loads(answer.content)

    def follow(self, code: str, agent: str, visitor: str | None) -> tuple[str, str]:
        """Follow a link as a browser that keeps its cookie: the click's id, and who the visitor is from now on.

        Raises:
            WebError: the link leads nowhere, the click could not be recorded, or nobody answers.
        """
        cookie = {"Cookie": f"{_COOKIE}={visitor}"} if visitor else {}
        answer = self._send("GET", f"/r/{code}", {"User-Agent": agent, **cookie}, None)
        clicks = parse_qs(urlsplit(answer.headers.get("Location", "")).query).get("click_id")
        if answer.status != http.client.FOUND or not clicks:
            raise WebError(f"GET /r/{code} was answered {answer.status} without a click")
        given = answer.headers.get("Set-Cookie", "").partition(";")[0].partition("=")[2]
        return clicks[-1], given or visitor or ""

    def _send(self, method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port, timeout=_SECONDS)
        try:
            connection.request(method, path, content, dict(headers))
            return Answer(connection.getresponse())
        except (OSError, http.client.HTTPException) as error:
            raise WebError(f"{method} {path} has no answer: {error}") from error
        finally:
            connection.close()
