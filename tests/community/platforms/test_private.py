"""Answers to one person: where nobody else reads them, and nowhere else."""

import pytest
from flask import Flask

from community.platforms.adapters import feishu_app
from community.platforms.service import (
    PLATFORMS,
    Refused,
    Sent,
    Throttled,
    Unknown,
    reply_privately,
    target_from,
)
from tests.community.chat import Chat


@pytest.mark.parametrize(("platform", "person"), [("telegram", "12"), ("feishu", "ou_12")])
def test_a_person_is_written_to(app: Flask, chat: Chat, platform: str, person: str) -> None:
    target = target_from(platform, chat.target(platform, 1))
    for number in range(2):
        outcome = reply_privately(target, person, f'You earned 12.50 <at user_id="all"> {number}')
        assert isinstance(outcome, Sent)
        assert outcome.reference
    assert len(chat.texts(platform, f"user:{person}")) == 2
    assert chat.texts(platform, 1) == []  # the group reads nothing of it


@pytest.mark.parametrize(("platform", "person"), [("telegram", "912"), ("feishu", "ou_912"), ("telegram", "-100200")])
def test_who_cannot_be_written_to_is_told(app: Flask, chat: Chat, platform: str, person: str) -> None:
    outcome = reply_privately(target_from(platform, chat.target(platform, 1)), person, "x")
    assert isinstance(outcome, Refused)
    assert outcome.reason == "not_reachable"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_nothing_private_goes_where_the_group_reads(app: Flask, chat: Chat, platform: str) -> None:
    person = "ou_12" if platform == "feishu" else "12"
    outcome = reply_privately(target_from(platform, chat.target(platform, 1)), person, "x")
    assert isinstance(outcome, Sent) == PLATFORMS[platform].answers_privately
    if not PLATFORMS[platform].answers_privately:
        assert outcome == Refused("not_supported")
        assert chat.book(platform) == []


def test_feishu_without_an_app_cannot(app: Flask, chat: Chat) -> None:
    given = {name: value for name, value in chat.target("feishu", 1).items() if not name.startswith("app_")}
    assert reply_privately(target_from("feishu", given), "ou_12", "x") == Refused("not_supported")


def test_a_wrong_app_secret_is_told(app: Flask, chat: Chat) -> None:
    given = chat.target("feishu", 1) | {"app_secret": "wrong"}
    assert reply_privately(target_from("feishu", given), "ou_12", "x") == Refused("not_allowed", "10014")


def test_a_token_that_feishu_ended_is_asked_for_anew(app: Flask, chat: Chat) -> None:
    target = target_from("feishu", chat.target("feishu", 1))
    tokens = feishu_app._tokens
    assert isinstance(reply_privately(target, "ou_12", "x"), Sent)
    for key in list(tokens._kept):
        tokens.keep(key, "t-0-ended", 7200)
    assert isinstance(reply_privately(target, "ou_12", "x"), Sent)
    assert "t-0-ended" not in {token for token, _ in tokens._kept.values()}


def test_faults_on_the_way_are_outcomes(app: Flask, chat: Chat) -> None:
    for platform, person in (("telegram", "14"), ("feishu", "ou_14")):
        target = target_from(platform, chat.target(platform, 1))
        chat.faults(throttle=1)
        assert isinstance(reply_privately(target, person, "x"), Throttled)
        chat.faults(lose_answer=1)
        assert reply_privately(target, person, "x") == Unknown("connection_lost")
