"""The sandbox rail: a provider that moves no money. `server` is a process apart; `client` meets it over HTTP alone.

The server keeps API.md, *The sandbox rail*. What it leaves open is fixed so:

- A first POST answers 201, a repeat 200, both with the status of this moment; failed and returned have a `reason`.
- How a transfer goes on is decided and written when it is accepted; from then on only the clock moves it. `processing`
  ends as paid after `--processing-seconds` (2), `paid` is returned after `--return-seconds` (5), restart or not.
- The book lists what was accepted to be moved, also what is on its way or came back. What failed moved nothing and
  is not in it.

Faults (`PUT /faults`) hit POST /transfers; each is drawn by itself for every call, repeats too:

- `error_before`: 500 at once, nothing executed.
- `slow`: half of `--slow-seconds` (8) passes before it executes, half after. So it is first not found, then there,
  then answered.
- `lose_answer`: executed, then the connection closes without an answer. It goes before `error_after`.
- `error_after`: executed, then 500.
- `processing`: processing for a while, then paid. `return`: paid, later returned. Both are set at acceptance.

Draws depend on `seed`, key and the number of the call for that key alone, so threads do not disturb a replay;
`GET /faults` shows a seed that was not given. Faults live in memory: a restart ends them. Queries are honest, unless
the server was started with `--faulty-queries`: then all but `processing` and `return` hit GET /transfers/{key} as well.

Accounts have a fate of their own, whatever the faults say, by how they begin (in any case): `fail…` fails at once,
`latefail…` after processing, `stuck…` stays processing for ever, `bounce…` is paid, then returned.
"""
