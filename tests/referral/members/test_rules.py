"""Decisions about one member's data and state."""

import pytest

from referral.members.invite_codes import new_invite_code, normalised_invite_code
from referral.members.rules import masked_name, next_enrolment, normalised_phone


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("+44 20 7946 0958", "+442079460958"),
        ("0044 (20) 7946-0958", "+442079460958"),
        ("138 1234 5678", "13812345678"),
        ("１３８－１２３４－５６７８", "13812345678"),
        ("020.7946.0958", "02079460958"),
        ("(020) 7946\u20130958", "02079460958"),
    ],
)
def test_a_phone_is_what_is_dialled(written: str, meant: str) -> None:
    assert normalised_phone(written) == meant


@pytest.mark.parametrize("written", ["", "phone", "12", "+", "++4420794609", "1" * 21, "4420x7946", "٠١٢٣٤٥٦٧٨٩ x"])
def test_what_nobody_can_dial_is_no_phone(written: str) -> None:
    assert normalised_phone(written) is None


def test_a_local_number_is_not_given_a_country() -> None:
    assert normalised_phone("020 7946 0958") != normalised_phone("+44 20 7946 0958")


@pytest.mark.parametrize(("name", "shown"), [("Anna", "A**"), ("张三", "张**"), ("A", "A**"), (None, None)])
def test_others_see_the_first_letter_of_a_name(name: str | None, shown: str | None) -> None:
    assert masked_name(name) == shown


def test_invite_codes_are_read_as_people_type_them() -> None:
    assert normalised_invite_code(" oil1-".rstrip("-")) == "0111"
    codes = {new_invite_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert all(len(code) == 8 and normalised_invite_code(code.lower()) == code for code in codes)


def test_applications_are_decided_by_somebody() -> None:
    assert next_enrolment("none", "apply", "application") == "applied"
    assert next_enrolment("applied", "approve", "application") == "enrolled"
    assert next_enrolment("applied", "reject", "application") == "rejected"
    assert next_enrolment("rejected", "apply", "application") == "applied"
    assert next_enrolment("enrolled", "exit", "application") == "exited"
    assert next_enrolment("exited", "apply", "application") == "applied"


@pytest.mark.parametrize(
    ("status", "action"),
    [("none", "approve"), ("none", "reject"), ("applied", "apply"), ("enrolled", "apply"), ("enrolled", "approve"),
     ("enrolled", "reject"), ("rejected", "approve"), ("exited", "exit")],
)  # fmt: skip
def test_steps_that_do_not_follow_are_refused(status: str, action: str) -> None:
    assert next_enrolment(status, action, "application") is None


def test_where_enrolment_is_open_whoever_applies_is_in() -> None:
    assert next_enrolment("none", "apply", "open") == "enrolled"
    assert next_enrolment("exited", "apply", "open") == "enrolled"


def test_where_it_is_by_invitation_an_operator_lets_in_and_nobody_applies() -> None:
    assert next_enrolment("none", "approve", "invited") == "enrolled"
    assert next_enrolment("none", "apply", "invited") is None
