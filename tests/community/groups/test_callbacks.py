"""What platforms tell: forged, replayed, oversized and unknown calls do nothing and learn nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from community.groups.callbacks import forget_events
from community.groups.questions import FRESH, MOST_A_MINUTE
from core.clock import frozen_at, now
from core.db import scalar, transaction
from tests.community.boards.reading import follow
from tests.community.groups.chat import PlayedChat
from tests.community.groups.conftest import Desk, target, update
from tests.factories import Earning, LineBody, OrderBody, seed_commissions
from tests.jobs import deliver_now, lease_jobs, run_jobs
from tests.threads import together

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ADA = 77


@pytest.fixture(autouse=True)
def clock() -> Any:
    with frozen_at(NOON):
        yield


def told(**message: Any) -> dict[str, Any]:
    return update(int(now().timestamp()), **message)


def joined(user: int = ADA, **more: Any) -> dict[str, Any]:
    return told(new_chat_members=[{"id": user, "first_name": "Eve"}], **more)


def present(desk: Desk, group: dict[str, Any]) -> list[str]:
    shown: Any = desk.shop.get(f"/v1/groups/{group['id']}/members").json
    return [one["member"]["external_id"] for one in shown["data"]]


def known(desk: Desk, external_id: str = "ada", user: int = ADA, **more: Any) -> None:
    identities = [{"kind": "telegram", "value": str(user)}]
    desk.member(external_id, identities=identities, **more)


def test_who_joins_and_is_known_becomes_a_member_of_the_group(desk: Desk) -> None:
    known(desk)
    group = desk.group(rules="Be kind.")
    answer = desk.call_back(group, joined())
    assert (answer.status_code, answer.json) == (200, {})
    assert present(desk, group) == ["ada"]
    assert len(desk.messages(group)) == len(desk.events("group.joined")) == 1
    desk.call_back(group, told(left_chat_member={"id": ADA, "first_name": "Eve"}))
    assert present(desk, group) == []


def test_who_joins_and_is_not_known_is_welcomed_all_the_same(desk: Desk) -> None:
    group = desk.group(welcome="Hello {name}")
    first, second = joined(), joined()
    for call in (first, second):  # some platforms tell of one joining in two ways
        desk.call_back(group, call)
    assert [text for _, text in desk.messages(group)] == ["Hello E∗∗"]
    assert desk.events("group.joined") == []


def test_who_hides_his_name_is_nameless_when_the_platform_tells_of_him(desk: Desk) -> None:
    known(desk, name="Ada Lovelace")
    desk.program.member("ext:ada").put("/v1/me/privacy", {"names": "hidden"})
    group = desk.group(welcome="Hello {name}")
    desk.call_back(group, joined())
    assert [text for _, text in desk.messages(group)] == ["Hello friend"]


def test_a_forged_call_does_nothing_and_learns_nothing(desk: Desk) -> None:
    known(desk)
    group = desk.group(rules="Be kind.")
    unknown = group["callback_path"][:-4] + "0000"
    answers = [
        desk.call_back(group, joined(), secret=None),
        desk.call_back(group, joined(), secret="wrong"),
        desk.call_back(group, joined(), path=unknown),
        desk.call_back(group, joined(), path="/v1/chat-callbacks/telegram/x"),
        desk.call_back(group, joined(), path="/v1/chat-callbacks/telegram/9999999-" + "0" * 32),
        desk.call_back(group, joined(), path=group["callback_path"].replace("telegram", "feishu")),
        desk.call_back(group, joined(), path=group["callback_path"].replace("telegram", "icq")),
    ]
    bodies = [{**answer.json, "request_id": None} for answer in answers]  # type: ignore[dict-item]
    assert all(answer.status_code == 404 for answer in answers)
    assert bodies == [bodies[0]] * len(bodies)
    assert (present(desk, group), desk.messages(group)) == ([], [])


def test_an_ended_groups_address_is_gone(desk: Desk) -> None:
    group = desk.group()
    desk.operator.delete(f"/v1/groups/{group['id']}")
    assert desk.call_back(group, joined()).status_code == 404


def test_a_group_without_a_secret_for_callbacks_takes_none(desk: Desk) -> None:
    bare = {name: value for name, value in target().items() if name != "callback_secret"}
    group = desk.group(target=bare)
    for secret in (None, ""):
        assert desk.call_back(group, joined(), secret=secret).status_code == 404


def test_a_replayed_call_has_no_effect(desk: Desk) -> None:
    known(desk)
    group = desk.group()
    call, ask = joined(), told(text="/points", user=ADA)
    assert [desk.call_back(group, call).status_code for _ in range(2)] == [200, 200]
    desk.shop.delete(f"/v1/groups/{group['id']}/members/ext:ada")
    assert desk.call_back(group, call).status_code == 200  # an old call told again does not bring him back
    assert present(desk, group) == []
    for _ in range(3):
        desk.call_back(group, ask)
    assert questions(desk) == 1


def test_the_same_call_at_once_is_taken_once(desk: Desk) -> None:
    known(desk)
    group = desk.group(rules="Be kind.")
    call, ask = joined(), told(text="help", user=ADA)
    answers = together(
        desk.program.app, *[lambda: desk.call_back(group, call)] * 4, *[lambda: desk.call_back(group, ask)] * 4
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(desk.events("group.joined")) == questions(desk) == 1


def test_a_call_that_is_too_old_has_no_effect(desk: Desk) -> None:
    known(desk)
    group = desk.group()
    late = update(int((NOON - timedelta(days=2)).timestamp()), new_chat_members=[{"id": ADA, "first_name": "Eve"}])
    assert desk.call_back(group, late).status_code == 200
    assert present(desk, group) == []


def test_an_oversized_call_is_refused_unread(desk: Desk) -> None:
    group = desk.group()
    answer = desk.call_back(group, told(text="x" * 70_000))
    assert answer.status_code == 413
    assert questions(desk) == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"update_id": "x"}', b'{"message": 7}', b"\xff"])
def test_nonsense_is_never_an_error_of_ours(desk: Desk, body: bytes) -> None:
    group = desk.group()
    answer = desk.program.anonymous.post(
        group["callback_path"], data=body, content_type="application/json",
        headers={"X-Telegram-Bot-Api-Secret-Token": "the-secret-of-callbacks"},
    )  # fmt: skip
    assert answer.status_code in {200, 400}


def test_calls_are_limited(desk: Desk) -> None:
    path = "/v1/chat-callbacks/telegram/nobodys-token"
    statuses = {desk.program.anonymous.post(path, {}).status_code for _ in range(601)}
    assert statuses == {404, 429}
    last = desk.program.anonymous.post(path, {})
    assert last.status_code == 429
    assert int(last.headers["Retry-After"]) >= 1


def test_a_bot_that_tells_of_another_of_its_chats_means_that_group(desk: Desk) -> None:
    known(desk)
    tea, coffee = desk.group(), desk.group(name="Coffee", target=target("-1002"))
    desk.call_back(tea, joined(chat_id=-1002))
    assert (present(desk, tea), present(desk, coffee)) == ([], ["ada"])
    assert desk.call_back(tea, joined(chat_id=-1003)).status_code == 200  # a chat that is no group of ours
    assert (present(desk, tea), present(desk, coffee)) == ([], ["ada"])


def test_events_are_forgotten_after_a_week(desk: Desk) -> None:
    group = desk.group()
    desk.call_back(group, joined())
    with frozen_at(NOON + timedelta(days=6)), transaction(desk.program.id):
        assert forget_events(desk.program.id) == 0
    with frozen_at(NOON + timedelta(days=8)), transaction(desk.program.id):
        assert forget_events(desk.program.id) == 1


def questions(desk: Desk) -> int:
    with transaction(desk.program.id):
        return int(scalar("SELECT count(*) FROM chat_questions WHERE program_id = %(p)s", p=desk.program.id))


def asked(desk: Desk, chat: PlayedChat, text: str, group: dict[str, Any] | None = None, **more: Any) -> list[str]:
    """What somebody is told privately after asking; nothing is ever said in the open group."""
    group = group or desk.group()
    assert desk.call_back(group, told(text=text, **more)).status_code == 200
    run_jobs(desk.program.id)
    assert chat.texts("-1001") == []
    assert desk.messages(group) == []
    return chat.texts(str(more.get("user", ADA)))


def test_earnings_are_told_privately(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    with transaction(desk.program.id):
        member_id = scalar("SELECT id FROM members WHERE program_id = %(p)s", p=desk.program.id)
    seed_commissions(desk.program, [Earning(member_id, 1234)])
    assert asked(desk, chat, "My earnings?") == [
        "Pending £12.34, available £0.00, being paid £0.00, paid £0.00."
    ]  # fmt: skip


def test_answers_come_in_the_groups_language(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    assert asked(desk, chat, "我的收益", desk.group(language="zh")) == [
        "待解冻 £0.00，可提现 £0.00，打款中 £0.00，已打款 £0.00。"
    ]


def test_the_link_of_this_group_goes_before_others(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    group = desk.group(external_id="tg-1")
    assert asked(desk, chat, "my link", group)[-1].startswith("You have no link yet")
    bodies = [{"group_id": "tg-1"}, {}]
    codes = [
        desk.shop.post(
            "/v1/links", {"member_external_id": "ada", "destination_url": "https://shop.example/"} | body
        ).json["code"]  # type: ignore[index]
        for body in bodies
    ]
    assert asked(desk, chat, "/link", group)[-1] == f"Your link: https://go.example/r/{codes[0]}"


def test_points_are_told(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    assert asked(desk, chat, "积分") == ["You have 0 points."]


def test_the_rank_is_told(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    group = desk.group(external_id="tg-1", scope="group")
    assert asked(desk, chat, "rank", group) == ["You are not on this month's board yet."]
    desk.member("cy")
    for inviter, customer, price in (("ada", "bob", 5_000), ("cy", "dan", 9_000)):
        desk.member(customer, inviter_external_id=inviter)
        items = [LineBody(unit_price=price)]
        group_id = "tg-1" if inviter == "ada" else None
        body = OrderBody(customer_external_id=customer, paid_at=NOON.isoformat(), items=items, group_id=group_id)
        assert desk.shop.post("/v1/orders", body).status_code == 201
    follow(desk.program)
    assert asked(desk, chat, "排名", group)[-1] == "Sales this month: you are number 1."
    everybody = desk.group(target=target("-1007"))
    assert asked(desk, chat, "rank", everybody, chat_id=-1007)[-1] == "Sales this month: you are number 2."


def test_help_tells_everybody_what_can_be_asked(desk: Desk, chat: PlayedChat) -> None:
    assert asked(desk, chat, "帮助")[0].startswith("Ask me")
    chat.forget()
    assert asked(desk, chat, "whatever?", private=True)[0].startswith("Ask me")


def test_a_stranger_is_told_how_to_become_known(desk: Desk, chat: PlayedChat) -> None:
    assert asked(desk, chat, "points")[0].startswith("I do not know you yet")


def test_talk_in_the_group_is_no_question(desk: Desk, chat: PlayedChat) -> None:
    assert asked(desk, chat, "what a nice link you have there") == []
    assert questions(desk) == 0


def test_who_asked_is_forgotten_once_he_is_answered(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    asked(desk, chat, "points")
    with transaction(desk.program.id):
        row = scalar(
            "SELECT status || coalesce(chat_user_sealed, ' none') FROM chat_questions WHERE program_id = %(p)s",
            p=desk.program.id,
        )
    assert row == "answered none"


def test_an_answer_that_is_refused_is_over(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    chat.refuse(description="Forbidden: bot can't initiate conversation with a user")
    assert asked(desk, chat, "points") == []
    assert status(desk) == ("refused", "not_reachable")


def test_a_busy_platform_is_asked_again(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    group = desk.group()
    chat.throttle(2)
    desk.call_back(group, told(text="points"))
    run_jobs(desk.program.id, may_fail=True)
    assert chat.texts(str(ADA)) == []
    with frozen_at(NOON + timedelta(seconds=5)):
        run_jobs(desk.program.id)
    assert chat.texts(str(ADA)) == ["You have 0 points."]


def test_an_answer_that_comes_too_late_is_not_given(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    desk.call_back(desk.group(), told(text="points"))
    with frozen_at(NOON + FRESH + timedelta(seconds=1)):
        run_jobs(desk.program.id)
    assert (chat.said, status(desk)) == ([], ("refused", "too_late"))


def test_a_question_delivered_twice_is_answered_once(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    desk.call_back(desk.group(), told(text="points"))
    (delivery,) = [one for one in lease_jobs(desk.program.id, "notices", most=9) if one.job == "groups.answer"]
    deliver_now(delivery)
    deliver_now(delivery)
    assert len(chat.said) == 1


def test_nobody_makes_us_write_without_end(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    group = desk.group()
    for _ in range(MOST_A_MINUTE + 3):
        desk.call_back(group, told(text="points"))
    run_jobs(desk.program.id)
    assert len(chat.said) == MOST_A_MINUTE


def test_an_erased_member_is_answered_no_more(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    desk.call_back(desk.group(), told(text="points"))
    desk.shop.post("/v1/members/ext:ada/erasure")
    run_jobs(desk.program.id)
    assert (chat.said, status(desk)) == ([], ("refused", "member_erased"))


def test_jobs_and_logs_know_no_chat_user(desk: Desk, chat: PlayedChat, capsys: pytest.CaptureFixture[str]) -> None:
    user = 987654321987
    known(desk, user=user)
    asked(desk, chat, "points", user=user)
    with transaction(desk.program.id):
        rows = scalar("SELECT string_agg(arguments::text, '') FROM outbox WHERE program_id = %(p)s", p=desk.program.id)
    assert str(user) not in rows + "".join(capsys.readouterr())


def status(desk: Desk) -> tuple[str, str | None]:
    with transaction(desk.program.id):
        found = scalar(
            "SELECT ARRAY[status, reason] FROM chat_questions WHERE program_id = %(p)s", p=desk.program.id
        )  # fmt: skip
    return tuple(found)


def test_the_group_that_is_asked_in_may_end_before_the_answer(desk: Desk, chat: PlayedChat) -> None:
    known(desk)
    group = desk.group()
    desk.call_back(group, told(text="points"))
    desk.operator.delete(f"/v1/groups/{group['id']}")
    run_jobs(desk.program.id)
    assert (chat.said, status(desk)) == ([], ("refused", "group_ended"))
