"""The comparisons for redirects: a 302 with nothing around it, and the same from Flask."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response

DESTINATION = "https://shop.example/tea?click_id=1"
flask_app = Flask(__name__)


def bare_app(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application that answers everything with a 302."""
    start_response("302 Found", [("Location", DESTINATION), ("Content-Length", "0")])
    return [b""]


@flask_app.get("/r/<code>")
def hello(code: str) -> Response:
    """Flask's hello-world of redirects."""
    return Response(status=302, headers={"Location": f"{DESTINATION}&code={code}"})
