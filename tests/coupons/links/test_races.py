"""The same code chosen at the same moment: exactly one wins, and nobody sees a failure of ours."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from psycopg.errors import LockNotAvailable
from werkzeug.test import TestResponse

from core.auth.actor import Actor, ActorKind
from core.db import Collision, execute, scalar, transaction
from core.ids import new_id, parse_public_id
from coupons.links.schemas import new_link
from coupons.links.service import create, delete
from referral.members.service import erase
from tests.clients import ApiClient, TestProgram
from tests.coupons.links.links import SHOP, batch, body, codes_in_table, faults, join, link_id, make
from tests.threads import together

ROUNDS = 10

T = TypeVar("T")


def clients_of(program: TestProgram, count: int) -> list[ApiClient]:
    return [program.client_with(program.api_key) for _ in range(count)]


def own(program: TestProgram, name: str) -> str:
    """A code that no other test chooses."""
    return f"{name}-{program.id.hex[-12:]}"


def race(program: TestProgram, *calls: tuple[ApiClient, dict[str, Any]]) -> list[TestResponse]:
    return together(
        program.app, *[lambda client=client, link=link: client.post("/v1/links", link) for client, link in calls]
    )


def test_two_programs_that_choose_one_code_at_once(program: TestProgram, other_program: TestProgram) -> None:
    join(program.client, "ada")
    join(other_program.client, "ada")
    for number in range(ROUNDS):
        link = body(code=own(program, f"tea{number}"))
        answers = race(program, *[(client, link) for one in (program, other_program) for client in clients_of(one, 2)])
        statuses = [answer.status_code for answer in answers]
        assert sorted([sorted(statuses[:2]), sorted(statuses[2:])]) == [[200, 201], [409, 409]]
    assert len(codes_in_table(program)) + len(codes_in_table(other_program)) == ROUNDS


def test_the_same_link_at_once_is_made_once(program: TestProgram) -> None:
    join(program.client, "ada")
    for number in range(ROUNDS):
        link = body(code=own(program, f"tea{number}"))
        answers = race(program, *[(client, link) for client in clients_of(program, 4)])
        assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
        assert len({answer.json["id"] for answer in answers}) == 1
    assert len(codes_in_table(program)) == ROUNDS


def test_one_code_with_different_content_at_once(program: TestProgram) -> None:
    join(program.client, "ada")
    for number in range(ROUNDS):
        calls = [
            (client, body(code=own(program, f"tea{number}"), channel=f"c{n}"))
            for n, client in enumerate(clients_of(program, 4))
        ]
        assert sorted(answer.status_code for answer in race(program, *calls)) == [201, 409, 409, 409]


def test_batches_with_the_same_codes_at_once_make_each_once(program: TestProgram) -> None:
    join(program.client, "ada")
    forward = [body(code=own(program, f"{number:03}")) for number in range(100)]
    answers = together(
        program.app,
        *[
            lambda client=client, links=links: batch(client, *links)
            for client, links in zip(clients_of(program, 4), [forward, forward[::-1]] * 2, strict=True)
        ],
    )
    statuses = Counter(result["status"] for results in answers for result in results)
    assert statuses == {"created": 100, "exists": 300}
    assert len(codes_in_table(program)) == 100


def test_an_erasure_and_new_links_at_once_leave_no_living_link(program: TestProgram) -> None:
    for number in range(ROUNDS):
        name = f"ada-{number}"
        (member_id,) = join(program.client, name)
        eraser, *makers = clients_of(program, 4)
        answers = together(
            program.app,
            lambda eraser=eraser, name=name: eraser.post(f"/v1/members/ext:{name}/erasure"),
            *[
                lambda client=client, name=name: client.post("/v1/links", body(member_external_id=name))
                for client in makers
            ],
        )
        assert answers[0].status_code == 200
        assert {answer.status_code for answer in answers[1:]} <= {201, 422}
        assert all(faults(answer) == ["/member_external_id"] for answer in answers[1:] if answer.status_code == 422)
        with transaction(program.id, read_only=True):
            living = scalar(
                "SELECT count(*) FROM links WHERE program_id = %(p)s AND member_id = %(m)s AND deleted_at IS NULL",
                p=program.id, m=parse_public_id("mem", member_id),
            )  # fmt: skip
        assert living == 0


def test_batches_take_their_codes_in_one_order(program: TestProgram) -> None:
    """Else: one has b and wants c, the other has c and wants b."""
    join(program.client, "ada")
    actor = Actor(program.now(), ActorKind.KEY, new_id())
    links = {name: new_link(body(code=own(program, name))) for name in "abc"}

    def make_all_backwards() -> None:
        with pytest.raises(Collision), transaction(program.id):  # as b is another's; nothing worse
            create(actor, [links["c"], links["b"], links["a"]])

    with ThreadPoolExecutor(1) as pool:
        with transaction(program.id):
            create(actor, [links["b"]])
            waiting = pool.submit(in_context(program, make_all_backwards))
            wait_until_somebody_waits()
            create(actor, [links["c"]])
        waiting.result(20)


def in_context(program: TestProgram, job: Callable[[], T]) -> Callable[[], T]:
    def run() -> T:
        with program.app.app_context():
            return job()

    return run


def wait_until_somebody_waits() -> None:
    """Until another connection of this database waits for a lock of ours."""
    for _ in range(200):
        execute("SELECT pg_stat_clear_snapshot()")
        if scalar(
            """SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"""
        ):
            return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def test_a_link_waits_for_the_erasure_that_began_before_it(program: TestProgram) -> None:
    """Else it would be made for somebody who is erased when it commits."""
    (shown,) = join(program.client, "ada")
    member_id = parse_public_id("mem", shown)
    assert member_id is not None
    actor = Actor(program.now(), ActorKind.KEY, new_id())
    link = new_link({"member_id": member_id, "destination_url": SHOP})

    def make_impatiently() -> None:
        with transaction(program.id):
            execute("SET LOCAL lock_timeout = '300ms'")
            create(actor, [link])

    with transaction(program.id):
        erase(program.id, member_id)
        with pytest.raises(LockNotAvailable):
            together(program.app, make_impatiently)


def test_a_link_that_is_being_deleted_is_not_changed_any_more(program: TestProgram) -> None:
    join(program.client, "ada")
    link = make(program.client)
    path = f"/v1/links/{link['id']}"
    with ThreadPoolExecutor(1) as pool:
        with transaction(program.id):
            delete(program.id, link_id(link))
            changing = pool.submit(in_context(program, lambda: program.client.patch(path, {"channel": "late"})))
            wait_until_somebody_waits()
        changed = changing.result(20)
    assert (changed.status_code, changed.json["code"]) == (409, "link_deleted")
    assert program.client.get(path).json["channel"] is None


def test_a_change_and_a_deletion_at_once(program: TestProgram) -> None:
    join(program.client, "ada")
    changer, deleter = clients_of(program, 2)
    for _ in range(ROUNDS):
        path = f"/v1/links/{make(program.client)['id']}"
        changed, deleted = together(
            program.app,
            lambda path=path: changer.patch(path, {"destination_url": SHOP + "2"}),
            lambda path=path: deleter.delete(path),
        )
        assert (deleted.status_code, changed.status_code in {200, 409}) == (204, True)
        shown = program.client.get(path).json
        assert shown["status"] == "deleted"
        assert shown["destination_url"] == (SHOP + "2" if changed.status_code == 200 else SHOP)
