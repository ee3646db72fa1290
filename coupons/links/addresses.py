"""Short addresses of links, as the outside reaches them."""

from flask import current_app, request


def short_url(code: str) -> str:
    """`<PUBLIC_URL>/r/<code>`; without the setting, as the present request named this server."""
    public_url: str | None = current_app.config["SETTINGS"].public_url
    root = public_url if public_url is not None else request.url_root.rstrip("/")
    return f"{root}/r/{code}"
