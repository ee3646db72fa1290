"""What WeChat's server API is asked for: URL Links and mini-program codes of tracked links, and subscribe messages.

`protocol` says what an answer can be, `client` speaks HTTP, `errcodes` reads WeChat's numbers, `tokens` keeps access
tokens, `calling` puts these together. `server` is a process apart that plays WeChat for tests and integrators:

    python -m coupons.sharing.wechat.server --app wx0123456789abcdef:secret --port 8020

and `WECHAT_URL=http://127.0.0.1:8020` sends the product there. It checks app id and secret, knows one access token an
app, refuses what WeChat refuses (scene, page, width, expiry, fields and consents of messages) and draws a real picture.
Not as WeChat has them: `--token-seconds` shortens a token's life, `GET /calls` lists what was asked (never a secret),
`POST /consents` {"consents": [{"touser", "template_id", "times"}]} says who takes how many subscribe messages, and
`PUT /faults` makes it misbehave: {"busy": n, "minute_limit": n, "day_limit": n, "token_expired": n,
"refuse": {"errcode": …, "times": n}, "silence": n, "garbage": n, "http_500": n} each for the next n calls that carry a
token.
"""
