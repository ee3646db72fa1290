"""The contract of the sandbox server: what it moves, what it refuses, and how its faults show."""

import time
from functools import partial

import httpx
import pytest

from commission.payouts.rails.sandbox.faults import Faults


def status_of(sandbox, key):
    answer = sandbox.call("GET", f"/transfers/{key}")
    return answer.json()["status"] if answer.status_code == 200 else answer.status_code


def test_a_transfer_is_paid_and_in_the_book(sandbox, new_body):
    body = new_body()
    answer = sandbox.post(body)
    assert (answer.status_code, answer.json()) == (201, {"key": body["key"], "status": "paid"})
    shown = {name: body[name] for name in ("key", "account", "amount", "currency")} | {"status": "paid"}
    assert sandbox.call("GET", f"/transfers/{body['key']}").json() == shown
    [entry] = sandbox.booked(body["key"])
    assert entry.items() >= (shown | {"account_name": "王小明"}).items()
    assert [step["status"] for step in entry["history"]] == ["paid"]


def test_the_same_key_and_body_again_is_the_same_transfer(sandbox, new_body):
    body = new_body()
    first, second = sandbox.post(body), sandbox.post(dict(reversed(body.items())))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(sandbox.booked(body["key"])) == 1


@pytest.mark.parametrize(
    "change", [{"account": "other"}, {"account_name": "other"}, {"amount": 2000}, {"currency": "GBP"}]
)
def test_the_same_key_with_another_body_is_a_conflict(sandbox, new_body, change):
    body = new_body()
    sandbox.post(body)
    answer = sandbox.post(body | change)
    assert (answer.status_code, answer.json()["code"]) == (409, "key_conflict")
    assert answer.headers["content-type"] == "application/problem+json"
    assert [entry["amount"] for entry in sandbox.booked(body["key"])] == [1999]


def test_keys_differ_by_case(sandbox, new_body):
    body = new_body()
    assert sandbox.post(body).status_code == 201
    assert sandbox.post(body | {"key": body["key"].lower(), "amount": 1}).status_code == 201


def test_an_unknown_key_is_not_found(sandbox):
    answer = sandbox.call("GET", "/transfers/neverSeen")
    assert (answer.status_code, answer.json()["code"]) == (404, "transfer_not_found")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("key", value) for value in ("", "a" * 33, "a-b", "ключ", "abc\n", 7, None)),
        *(("account", value) for value in ("", "a" * 201, "a\x00b", 7, None)),
        *(("account_name", value) for value in ("", "a" * 201, "a\nb", 7)),
        *(("amount", value) for value in (0, -1, 1.0, 1.5, "1", True, None, 10**15 + 1, 1e300)),
        *(("currency", value) for value in ("", "CN", "CNYY", "CN1", "CNY\n", 156)),
        ("surprise", 1),
    ],
)
def test_bad_input_is_refused_with_a_pointer_and_moves_nothing(sandbox, new_body, name, value):
    body = new_body()
    answer = sandbox.post(body | {name: value})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{name}"]
    assert sandbox.booked(body["key"]) == []


@pytest.mark.parametrize("name", ["key", "account", "account_name", "amount", "currency"])
def test_every_field_is_required(sandbox, new_body, name):
    body = new_body()
    del body[name]
    answer = sandbox.post(body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{name}"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"\xff", 400),
        (b'{"key": NaN}', 400),
        (b"[" * 5000, 400),
        (b"9" * 5000, 400),
        (b" " * 70_000, 413),
    ]
    + [(content, 422) for content in (b"[]", b"1", b"null", b'"x"', b"{}", b'{"amount": ' + b"9" * 40 + b"}")],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/transfers"), ("PUT", "/faults")])
def test_no_body_is_an_error_of_the_server(sandbox, method, path, content, status):
    url, headers = sandbox.url + path, {"Content-Type": "application/json"}
    answer = sandbox.http.request(method, url, content=content, headers=headers)
    no_faults = path == "/faults" and content == b"{}"
    assert answer.status_code == (200 if no_faults else status)


def test_a_form_is_no_json(sandbox):
    assert sandbox.call("POST", "/transfers", {}, headers={"Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize("value", [-0.1, 1.1, "0.5", True, None])
def test_a_fault_is_a_probability(sandbox, value):
    answer = sandbox.call("PUT", "/faults", {"slow": value})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/slow"]


@pytest.mark.parametrize("body", [{"slowly": 1}, {"seed": 1.5}, {"seed": "x"}, {"return": 2}])
def test_unknown_faults_are_refused_and_change_nothing(sandbox, body):
    sandbox.faults(error_before=1, seed=7)
    assert sandbox.call("PUT", "/faults", body).status_code == 422
    assert sandbox.call("GET", "/faults").json()["error_before"] == 1


def test_faults_not_named_are_off(sandbox):
    sandbox.faults(slow=1, seed=3)
    answer = sandbox.call("PUT", "/faults", {"return": 0.25, "seed": 9})
    none = dict.fromkeys(("slow", "error_before", "error_after", "lose_answer", "processing"), 0.0)
    assert answer.json() == sandbox.call("GET", "/faults").json() == {**none, "return": 0.25, "seed": 9}


def test_an_error_before_moves_nothing(sandbox, new_body):
    sandbox.faults(error_before=1, error_after=1, lose_answer=1)
    body = new_body()
    assert sandbox.post(body).status_code == 500
    assert status_of(sandbox, body["key"]) == 404
    assert sandbox.booked(body["key"]) == []


def test_an_error_after_has_moved_it(sandbox, new_body):
    sandbox.faults(error_after=1)
    body = new_body()
    assert [sandbox.post(body).status_code for _ in range(2)] == [500, 500]
    assert status_of(sandbox, body["key"]) == "paid"
    assert len(sandbox.booked(body["key"])) == 1


def test_a_lost_answer_has_moved_it(sandbox, new_body):
    sandbox.faults(lose_answer=1)
    body = new_body()
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            sandbox.post(body)
    assert status_of(sandbox, body["key"]) == "paid"
    assert len(sandbox.booked(body["key"])) == 1


def test_a_slow_transfer_is_not_found_then_there_then_answered(sandbox, new_body, at_once):
    sandbox.faults(slow=1)
    body, started = new_body(), time.monotonic()

    def look():
        time.sleep(0.15)
        early = status_of(sandbox, body["key"])
        time.sleep(max(0, started + 0.65 - time.monotonic()))
        return early, status_of(sandbox, body["key"])

    answer, seen = at_once([lambda: sandbox.post(body), look])
    assert seen == (404, "paid")
    assert answer.status_code == 201
    assert time.monotonic() - started >= 0.8


def test_forty_slow_calls_wait_side_by_side(sandbox, new_body, at_once):
    sandbox.faults(slow=1)
    started = time.monotonic()
    answers = at_once([partial(sandbox.post, new_body()) for _ in range(40)])
    assert [answer.status_code for answer in answers] == [201] * 40
    assert time.monotonic() - started < 4  # 32 s one after the other


def test_processing_ends_as_paid(sandbox, new_body, eventually):
    sandbox.faults(processing=1)
    body = new_body()
    assert sandbox.post(body).json()["status"] == "processing"
    assert [entry["status"] for entry in sandbox.booked(body["key"])] == ["processing"]
    sandbox.faults()
    assert eventually(lambda: status_of(sandbox, body["key"]), "paid") == "paid"
    [entry] = sandbox.booked(body["key"])
    assert [step["status"] for step in entry["history"]] == ["processing", "paid"]


def test_a_return_is_paid_first(sandbox, new_body, eventually):
    sandbox.faults(**{"return": 1})
    body = new_body()
    assert sandbox.post(body).json()["status"] == "paid"
    assert eventually(lambda: status_of(sandbox, body["key"]), "returned") == "returned"
    assert sandbox.post(body).json() == {"key": body["key"], "status": "returned", "reason": "refused_by_bank"}
    [entry] = sandbox.booked(body["key"])
    assert [step["status"] for step in entry["history"]] == ["paid", "returned"]


@pytest.mark.parametrize(
    ("account", "first", "last", "in_book"),
    [
        ("fail-1", "failed", "failed", 0),
        ("FAIL-1", "failed", "failed", 0),
        ("latefail-1", "processing", "failed", 0),
        ("bounce-1", "paid", "returned", 1),
        ("stuck-1", "processing", "processing", 1),
    ],
)
def test_magic_accounts_have_their_fate(sandbox, new_body, eventually, account, first, last, in_book):
    body = new_body(account=account)
    assert sandbox.post(body).json()["status"] == first
    time.sleep(0.5 if first == last == "processing" else 0)
    assert eventually(lambda: status_of(sandbox, body["key"]), last) == last
    assert len(sandbox.booked(body["key"])) == in_book


def test_the_book_is_never_faulty(sandbox, new_body):
    body = new_body()
    sandbox.post(body)
    sandbox.faults(slow=1, error_before=1, error_after=1, lose_answer=1)
    started = time.monotonic()
    assert len(sandbox.booked(body["key"])) == 1
    assert time.monotonic() - started < 0.7


def test_queries_are_faulty_where_asked_for(new_sandbox, new_body):
    sandbox, body = new_sandbox("--faulty-queries"), new_body()
    sandbox.post(body)
    sandbox.faults(error_before=1)
    assert status_of(sandbox, body["key"]) == 500
    sandbox.faults(lose_answer=1)
    with pytest.raises(httpx.RemoteProtocolError):
        status_of(sandbox, body["key"])


def test_one_key_at_once_is_one_transfer(sandbox, new_body, at_once):
    body = new_body()
    answers = at_once([lambda: sandbox.post(body)] * 50)
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
    assert len(sandbox.booked(body["key"])) == 1


def test_one_key_at_once_with_other_amounts_is_one_transfer(sandbox, new_body, at_once):
    body = new_body()
    answers = at_once([partial(sandbox.post, body | {"amount": amount}) for amount in range(1, 31)])
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 29
    [winner] = [amount for amount, answer in enumerate(answers, 1) if answer.status_code == 201]
    assert [entry["amount"] for entry in sandbox.booked(body["key"])] == [winner]


def test_a_seed_repeats_the_same_faults_in_any_order():
    one, other, third = Faults(), Faults(), Faults()
    for faults, seed in ((one, 5), (other, 5), (third, 6)):
        faults.put({"slow": 0.5, "lose_answer": 0.5}, seed)
    calls = [f"POST k{number}" for number in range(200)]
    drawn = {call: [one.hits(call), one.hits(call)] for call in calls}
    assert drawn == {call: [other.hits(call), other.hits(call)] for call in reversed(calls)}
    assert drawn != {call: [third.hits(call), third.hits(call)] for call in calls}
    assert 60 < sum("slow" in first for first, _ in drawn.values()) < 140
    assert any(first != second for first, second in drawn.values())
