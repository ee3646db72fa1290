"""A Feishu app: a token, and messages to one person."""

from community.platforms.played import targets
from community.platforms.played.replies import Asked, No, Read, Reply, told
from community.platforms.played.ruling import document, part


def read(asked: Asked) -> Read | Reply:
    """Either call of the app."""
    body = document(asked.body) or {}
    if asked.path == "/open-apis/auth/v3/tenant_access_token/internal":
        return _token(str(body.get("app_id", "")), body.get("app_secret"))
    if asked.path != "/open-apis/im/v1/messages":
        return told({"code": 99991401, "msg": "not found"}, 404)
    app = asked.headers.get("authorization", "").removeprefix("Bearer t-").partition("-")[0]
    person, text = str(body.get("receive_id", "")), part(document(str(body.get("content", "")).encode()), "text")
    if not app.isdecimal() or asked.headers["authorization"] != f"Bearer {_token_of(int(app))}":
        raise _no(99991663, "Invalid access token for authorization.", 400)
    if asked.query.get("receive_id_type") != "open_id" or not person.startswith("ou_"):
        raise _no(230001, "Your request contains an invalid request parameter.", 400)
    if person.startswith("ou_9"):
        raise _no(230013, "Bot has NO availability to this user.", 400)
    return Read(f"user:{person}", "text", str(text))


def accepted(number: int) -> Reply:
    """The answer to a message."""
    return told({"code": 0, "msg": "success", "data": {"message_id": f"om_{number}"}})


def _token(app_id: str, secret: object) -> Reply:
    app = app_id.removeprefix("cli_")
    if not app.isdecimal():
        return told({"code": 10003, "msg": "invalid param"})
    if secret != targets.app_secret(int(app)):
        return told({"code": 10014, "msg": "app secret invalid"})
    return told({"code": 0, "msg": "ok", "tenant_access_token": _token_of(int(app)), "expire": 7200})


def _token_of(app: int) -> str:
    return f"t-{app}-{targets.hashed('app token', app)[:32]}"


def _no(code: int, words: str, status: int) -> No:
    return No(str(code), told({"code": code, "msg": words}, status))
