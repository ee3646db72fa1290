"""What happens reaches the groups and members that want to hear it, in their words, once."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from flask import Flask

from community.groups.rules import PAUSED_AFTER
from community.groups.service import groups_of, note_outcomes
from community.notices import audience, group_texts
from community.notices.service import Notice
from community.platforms.markdown import plain_text, read
from community.platforms.service import Refused
from core.db import scalar, transaction
from core.events.reading import number_events
from core.events.service import Event
from core.ids import public_id
from core.jobs.registry import JOBS
from coupons.vouchers.supply import tell_scarce
from tests.community.notices.stage import Stage, names
from tests.factories import seed_members
from tests.referral.statements import counted_statements
from tests.threads import together

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)


def test_an_order_is_told_to_the_groups_that_hear_orders_and_to_its_seller(stage: Stage) -> None:
    stage.plan(1000, 500)
    stage.group("english", "order", "commission")
    stage.group("chinese", "order", "commission", language="zh")
    stage.group("deaf", "coupon")
    stage.member("grace")
    stage.member("ada", "grace")
    stage.member("carl", "ada")
    stage.order("carl")
    stage.tell()
    assert stage.texts("english") == [
        "A∗∗ sold an order of £100.00, to a first-time customer.",
        "A∗∗ earned a commission of £10.00.",
    ]
    assert stage.texts("chinese") == ["A∗∗推广成交一单，£100.00，来自新客。", "A∗∗获得佣金 £10.00。"]
    assert stage.lines("deaf") == []
    assert stage.heard("ada")[1:3] == [
        "You sold an order of £100.00, to a first-time customer.",
        "You earned a commission of £10.00.",
    ]
    assert "You earned a commission of £5.00." in stage.heard("grace")
    assert stage.heard("carl") == []


def test_a_group_that_its_platform_refuses_is_told_to_operators_and_its_owner(stage: Stage) -> None:
    owner = stage.member("ada")
    stage.group("ops", "operations", language="zh")
    stage.group("deaf", "order")
    refused = stage.group("family", "operations", owner_member_id=public_id("mem", owner))
    with transaction(stage.program.id):
        for _ in range(PAUSED_AFTER):
            note_outcomes(stage.program.id, [(refused, Refused("not_found", "gone"), AT)])
    stage.tell()
    assert stage.texts("ops") == ["群「family」已暂停：连续五条消息被平台拒收。请检查其地址后恢复。"]
    assert stage.lines("deaf") == stage.lines("family") == []
    assert "Group family was paused: its chat refused five messages in a row." in stage.heard("ada")[-1]


def test_what_staff_pause_is_no_trouble(stage: Stage) -> None:
    stage.group("ops", "operations")
    family = stage.group("family")
    assert stage.operator.post(f"/v1/groups/{public_id('grp', family)}/pause", {}).status_code == 200
    stage.tell()
    assert stage.lines() == []


def test_money_goes_before_news(stage: Stage) -> None:
    stage.plan(1000)
    stage.group("all", "order", "commission")
    stage.member("ada")
    stage.member("carl", "ada")
    stage.order("carl")
    stage.tell()
    priority = {line.topic: line.priority for line in stage.lines("all")}
    assert priority["commission"] < priority["order"]


def test_a_group_without_amounts_reads_none(stage: Stage) -> None:
    stage.plan(1000)
    stage.group("shy", "order", "commission", show_amounts=False)
    stage.member("ada")
    stage.member("carl", "ada")
    stage.order("carl")
    stage.tell()
    assert stage.texts("shy") == ["A∗∗ sold an order, to a first-time customer.", "A∗∗ earned a commission."]
    assert "£" in "".join(stage.heard("ada"))


def test_a_group_of_its_own_hears_what_names_it_by_either_id(stage: Stage) -> None:
    group_id = stage.group("mine", "order", scope="group")
    stage.group("other", "order", scope="group")
    with transaction(stage.program.id, read_only=True):
        (group,) = groups_of(stage.program.id, [group_id])
    for number, key in enumerate(["mine", public_id("grp", group.id), None, "nobody's"]):
        stage.order(f"buyer-{number}", group_id=key)
    stage.tell()
    assert len(stage.texts("mine")) == 2
    assert stage.texts("other") == []


def test_a_team_group_hears_of_its_owners_whole_team_and_of_nobody_else(stage: Stage) -> None:
    stage.plan(1000)
    grace = stage.member("grace")
    stage.member("ada", "grace")
    stage.member("bob", "ada")
    stage.member("zoe")
    stage.group("team", "order", "member", scope="team", owner_member_id=_public(grace))
    for seller in ("grace", "bob", "zoe"):
        stage.member(f"buyer-of-{seller}", seller)
        stage.order(f"buyer-of-{seller}")
    stage.tell()
    told = [line for line in stage.lines("team") if line.topic == "order"]
    assert [names(stage, line.about)[0] for line in told] == ["grace", "bob"]
    welcomed = [names(stage, line.about)[0] for line in stage.lines("team") if line.topic == "member"]
    assert welcomed == ["grace", "ada", "bob", "buyer-of-grace", "buyer-of-bob"]


def _public(member_id: UUID) -> str:
    return public_id("mem", member_id)


def test_what_matured_is_summed_for_groups_and_told_to_each_member_alone(stage: Stage) -> None:
    grace = stage.member("grace")
    ada, zoe = stage.member("ada", "grace"), stage.member("zoe")
    stage.group("all", "matured")
    stage.group("team", "matured", scope="team", owner_member_id=_public(grace))
    stage.group("own", "matured", scope="group")
    moved = [{"member_id": ada, "amount": 700, "count": 2}, {"member_id": zoe, "amount": 300, "count": 1}]
    stage.happen(Event("commission.matured", AT, {"maturation_id": uuid4(), "members": moved}))
    stage.tell()
    assert stage.texts("all") == ["3 commissions of 2 members are now available: £10.00."]
    assert stage.texts("team") == ["2 commissions of 1 members are now available: £7.00."]
    assert stage.texts("own") == []
    assert stage.heard("ada")[-1:] == ["£7.00 of your commission is now available."]
    assert stage.heard("zoe") == ["£3.00 of your commission is now available."]


def test_what_many_members_have_matured_is_told_in_turns_to_each_of_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "MOST_AT_ONCE", 50)
    stage.group("all", "matured")
    people = seed_members(stage.program, 120)
    for start in range(0, 120, 30):
        moved = [{"member_id": one, "amount": 100, "count": 1} for one in people[start : start + 30]]
        stage.happen(Event("commission.matured", AT, {"maturation_id": uuid4(), "members": moved}))
    stage.tell()
    assert stage.texts("all") == ["30 commissions of 30 members are now available: £30.00."] * 4
    with transaction(stage.program.id, read_only=True):
        assert (
            scalar("SELECT count(DISTINCT member_id) FROM notices WHERE program_id = %(p)s", p=stage.program.id) == 120
        )


def test_that_a_payout_failed_is_for_the_member_alone(stage: Stage) -> None:
    ada = stage.member("ada")
    stage.group("all", "payout")
    facts = {"payout_id": uuid4(), "member_id": ada, "amount": 1000, "net": 900, "currency": "GBP"}
    for kind in ("payout.failed", "payout.returned", "payout.paid"):
        stage.happen(Event(kind, AT, facts | {"payout_id": uuid4()}))
    stage.tell()
    assert stage.texts("all") == ["A∗∗ was paid £9.00."]
    assert stage.heard("ada") == [
        "A payout of £10.00 failed; please check the payout method.",
        "A payout of £10.00 came back; please check the payout method.",
        "You were paid £9.00.",
    ]


def test_coupons_are_told_by_name_to_every_group_that_hears_them(stage: Stage) -> None:
    ada = stage.member("ada")
    stage.group("all", "coupon")
    stage.group("own", "coupon", scope="group")
    stage.group("team", "coupon", scope="team", owner_member_id=_public(ada), language="zh")
    body = {"name": "Half <b>off</b>", "kind": "percent", "percent_bps": 5000, "total_quantity": 10}
    coupon_id = stage.operator.post("/v1/coupons", body).json["id"]
    for number in range(10):
        claim = stage.program.client.post(f"/v1/coupons/{coupon_id}/claims", {"customer_external_id": f"c-{number}"})
        assert claim.status_code == 201
        if number == 8:
            _scarce(stage)
    _scarce(stage)
    stage.tell()
    english = [
        "New coupon: Half ＜b＞off＜∕b＞.",
        "Only 1 left of coupon Half ＜b＞off＜∕b＞.",
        "Coupon Half ＜b＞off＜∕b＞ is sold out.",
    ]
    assert stage.texts("all") == english
    assert stage.texts("own") == english
    assert stage.texts("team")[1] == "优惠券 Half ＜b＞off＜∕b＞ 仅剩 1 张。"


def _scarce(stage: Stage) -> None:
    with transaction(stage.program.id):
        tell_scarce(stage.program.id)


def test_an_inviter_hears_who_joined_and_who_was_bound_to_him(stage: Stage) -> None:
    stage.group("all", "member")
    stage.member("ada")
    stage.member("carl", "ada")
    stage.member("dora")
    answer = stage.owner.put("/v1/members/ext:dora/inviter", {"inviter_external_id": "ada", "reason": "agreed"})
    assert answer.status_code == 200, answer.text
    stage.tell()
    assert stage.heard("ada") == ["C∗∗ joined through you.", "D∗∗ joined through you."]
    assert stage.texts("all") == ["Welcome, A∗∗.", "Welcome, C∗∗, invited by A∗∗.", "Welcome, D∗∗."]


def test_a_reversal_is_told_to_who_loses_by_it(stage: Stage) -> None:
    stage.plan(1000)
    stage.group("all", "reversed")
    stage.member("ada")
    stage.member("carl", "ada")
    order = stage.order("carl")
    refund = {"external_id": "r-1", "refunded_at": "2026-02-01T00:00:00Z", "amount": 5000}
    assert stage.program.client.post(f"/v1/orders/{order['id']}/refunds", refund).status_code == 201
    stage.tell()
    assert stage.texts("all") == ["A commission of A∗∗ was reversed: £5.00, for the order was refunded."]
    assert "A commission of yours was reversed: £5.00, for the order was refunded." in stage.heard("ada")


HOSTILE = {
    "<@U1|x> *b* `c`": "＜＠U1｜x＞ ∗b∗ ˋcˋ",
    "@everyone": "＠everyone",
    "[a](https://evil.example)": "［a］(https：∕∕evil․example)",
    "<users/all>": "＜users∕all＞",
    "evil.example/x": "evil․example∕x",
    "{{ 7*7 }}": "｛｛ 7∗7 ｝｝",
    "\u202etxt.exe": "txt․exe",
    "_a_~b~||c||": "＿a＿∼b∼｜｜c｜｜",
}
"""What somebody calls himself, and what is left of it."""


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_somebodys_words_can_do_nothing_in_a_text(stage: Stage, name: str) -> None:
    group_id = stage.group("all", "milestone")
    stage.put_text("milestone", "{{ member }}!", markdown="**{{ member|upper }}** [go](https://go.example/a_b)")
    facts = {"change": "orders", "count": 10, "member": name}
    stage.notify(Notice("milestone", "k", facts, AT, [group_id]))
    (line,) = stage.lines("all")
    assert line.text == HOSTILE[name] + "!"
    assert line.markdown is not None
    shown, link = line.markdown.rsplit(" ", 1)
    assert link == "[go](https://go.example/a_b)"
    assert plain_text(read(line.markdown)).startswith(HOSTILE[name].upper())
    assert all(mark not in shown.strip("*").replace("\\", "") for mark in "<>@*`_[]/{}|")


def test_a_members_name_is_masked_and_inert(stage: Stage) -> None:
    stage.group("all", "member")
    stage.member("m", name="@all come here")
    stage.member("n", name=None)
    stage.tell()
    assert stage.texts("all") == ["Welcome, ＠∗∗.", "Welcome, a member."]


@pytest.mark.parametrize(
    ("names", "shown"), [("full", "Ada Lovelace"), ("masked", "A∗∗"), ("hidden", "a member"), (None, "A∗∗")]
)
def test_members_are_named_as_they_chose(stage: Stage, names: str | None, shown: str) -> None:
    stage.group("all", "member")
    stage.member("grace")
    stage.member("ada", "grace", name="Ada Lovelace")
    if names is not None:
        assert stage.program.member("ext:ada").put("/v1/me/privacy", {"names": names}).status_code == 200
    stage.tell()
    assert stage.texts("all")[-1] == f"Welcome, {shown}, invited by G∗∗."
    assert stage.heard("grace") == [f"{shown} joined through you."]


def test_a_text_that_fails_for_some_group_is_replaced_by_the_default(stage: Stage) -> None:
    """What passed the check may still meet facts that nobody thought of: nothing is lost for it."""
    group_id = stage.group("all", "milestone")
    stage.put_text("milestone", "{{ member }}" * 100)
    facts = {"change": "orders", "count": 10, "member": "x" * 100}
    stage.notify(Notice("milestone", "k", facts, AT, [group_id]))
    assert stage.texts("all") == ["x" * 100 + " has sold 10 orders!"]


def test_a_text_that_comes_out_empty_tells_nothing(stage: Stage) -> None:
    group_id = stage.group("all", "order")
    stage.put_text("order", "{% if first %}A first order{% endif %}")
    stage.notify(*(Notice("order", f"k-{first}", {"first": first}, AT, [group_id]) for first in ("", "yes")))
    assert stage.texts("all") == ["A first order"]


def test_paused_groups_and_erased_members_hear_nothing(stage: Stage) -> None:
    group_id = stage.group("all", "order")
    ada = stage.member("ada")
    assert stage.operator.post("/v1/groups/ext:all/pause", {}).status_code == 200
    assert stage.program.client.post("/v1/members/ext:ada/erasure").status_code in {200, 204}
    stage.notify(Notice("order", "k", {}, AT, [group_id], [ada, UUID(int=7)]))
    assert stage.lines() == []
    with transaction(stage.program.id, read_only=True):
        assert scalar("SELECT count(*) FROM notices WHERE program_id = %(p)s", p=stage.program.id) == 0


def test_what_would_be_too_many_lines_is_one_line_for_each_group_and_topic(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_texts, "MOST_LINES", 19)
    groups = [stage.group(f"g-{number}", "order", "coupon") for number in range(2)]
    notices = [Notice("order", f"o-{number}", {"amount": number + 1}, AT, groups) for number in range(9)]
    notices.append(Notice("coupon", "c", {"change": "new", "coupon": "Spring"}, AT, groups))
    stage.notify(*notices)
    stage.notify(*notices)
    three = "\n".join(f"A new order of £0.0{number}." for number in (1, 2, 3))
    assert stage.texts("g-0") == [three + "\n…and 6 more", "New coupon: Spring."]
    assert stage.texts("g-1") == stage.texts("g-0")


def test_telling_costs_the_same_statements_for_one_and_for_many(stage: Stage) -> None:
    stage.plan(1000, 500)
    grace = stage.member("grace")
    for number in range(8):
        scope = ("program", "group", "team")[number % 3]
        owner = {"owner_member_id": _public(grace)} if scope == "team" else {}
        stage.group(f"g-{number}", "order", "commission", "member", scope=scope, **owner)
    stage.member("ada", "grace")

    def cost(customers: range) -> int:
        for number in customers:
            stage.member(f"c-{number}", "ada")
            stage.order(f"c-{number}")
        with transaction(stage.program.id):
            number_events(stage.program.id)
        with counted_statements() as seen, transaction(stage.program.id):
            JOBS["notices.tell"].handler(stage.program.id)
        return len(seen)

    few = cost(range(1))
    assert cost(range(1, 30)) <= few + 1


def test_notices_consumed_twice_or_at_once_are_told_once(app: Flask, stage: Stage) -> None:
    stage.group("all", "order")
    for number in range(20):
        stage.order(f"c-{number}")
    with transaction(stage.program.id):
        number_events(stage.program.id)

    def consume() -> None:
        with transaction(stage.program.id):
            JOBS["notices.tell"].handler(stage.program.id)

    together(app, consume, consume, consume)
    consume()
    assert len(stage.lines("all")) == 20


def test_a_consumer_that_dies_before_its_commit_has_told_nothing_and_tells_all_the_next_time(stage: Stage) -> None:
    stage.group("all", "order")
    stage.member("ada")
    stage.member("carl", "ada")
    stage.order("carl")
    with transaction(stage.program.id):
        number_events(stage.program.id)

    def die() -> None:
        with transaction(stage.program.id):
            JOBS["notices.tell"].handler(stage.program.id)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        die()
    assert stage.lines() == []
    assert stage.heard("ada") == []
    stage.tell()
    stage.tell()
    assert len(stage.lines("all")) == 1
    assert len(stage.heard("ada")) == 3
