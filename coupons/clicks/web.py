"""The WSGI app of processes that answer clicks and nothing else, as CLICKS_PORT asks for: `app`.

One thread each: an answer takes microseconds and waits for nobody, and threads would only take the interpreter from one
another. Whatever may take long is not answered here, so no redirect waits behind it.
"""

from collections.abc import Iterable

from coupons.clicks.front import PATH, Environ, StartResponse
from wsgi import app as _whole

ANSWERED = frozenset({"/v1/clicks", "/healthz", "/readyz"})
_UNKNOWN = "/-"
_PATH_LENGTH = len(PATH)
_answer = _whole.wsgi_app


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The whole application, but for every path that is not a click's: there is no such path."""
    path = environ["PATH_INFO"]
    if path[:_PATH_LENGTH] != PATH and path not in ANSWERED:
        environ["PATH_INFO"] = _UNKNOWN
    return _answer(environ, start_response)
