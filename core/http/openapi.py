"""OpenAPI 3.1 at /openapi.json and a browsable page at /docs."""

from flask import Flask


def register_openapi(app: Flask) -> None:
    """Serve the description of every endpoint registered so far."""
