"""The chat platforms as a process of its own, for tests and integrators: signatures, limits, refusals, callbacks.

    python -m community.platforms.played --port 8030 --window-scale 0.01 --data var/chat.jsonl

and `CHAT_URL=http://127.0.0.1:8030 CHAT_WINDOW_SCALE=0.01` sends the product there. Each platform is played below its
word (/wecom/cgi-bin/webhook/send?key=…). Target number n of a platform exists for every n from 0 on, with its own
secrets, and `GET /targets/{platform}/{n}` tells what to register a group with; others are refused as unknown.

What it does as they do: checks signatures and their time, JSON, lengths, pictures; counts the windows (20 a minute for
WeCom, for DingTalk with its ten minutes' penalty, and for Telegram per chat; 30 a second per Telegram bot; Feishu 5 a
second and 100 a minute; Slack 1 a second; Discord 5 in 2 seconds and 30 a minute); answers with their numbers, headers
and words. `--window-scale` shortens every window.

What it adds: `GET /book?platform=&target=&after=` lists every post in order, with its text and what became of it
(accepted, repeated, refused, throttled, failed); `DELETE /book` empties it; `--data` keeps it in a file. `PUT /faults`
sets misbehaviour: {"slow", "error_before", "error_after", "lose_answer", "garbage", "refuse", "throttle":
probabilities, "slow_seconds", "seed", "platform", "target"}, or a list of these, the first that concerns a post counts.
`POST /play/{platform}/{n}/{joined|left|question}` {"callback_url", "user", "name", "text", "private"} calls the address
as the platform would, signed, and answers what was answered. DingTalk's joins are an app's events: `user` may be
several with "," between, `check_url` asks whether somebody is there, and `is_success` says whether it could read the
answer. Telegram users whose number begins with 9 have not started the bot.
"""
