"""An audit of the ledger compares red packets with it, and finds what does not agree."""

from typing import LiteralString

import pytest

from core.db import execute, transaction
from tests.community.red_packets.giving import Giving, audit

BREAKS: dict[str, LiteralString] = {
    "a share that is larger than it was": """UPDATE red_packet_shares SET amount = amount + 1
        WHERE program_id = %(p)s AND status = 'free' AND place = 2""",
    "a claim that nobody booked": """UPDATE red_packet_shares SET status = 'claimed', member_id = %(p)s,
        claimed_at = (SELECT created_at FROM red_packets WHERE program_id = %(p)s)
        WHERE program_id = %(p)s AND place = 2""",
    "a claim of more than was booked": """UPDATE red_packet_shares SET amount = amount + 1
        WHERE program_id = %(p)s AND status = 'claimed'""",
    "something returned that is still there": "UPDATE red_packets SET returned = 5 WHERE program_id = %(p)s",
    "a share that is gone": "DELETE FROM red_packet_shares WHERE program_id = %(p)s AND status = 'free' AND place = 3",
}


@pytest.mark.parametrize("name", BREAKS)
def test_packets_that_do_not_agree_with_the_ledger_are_found(giving: Giving, name: str) -> None:
    packet = giving.packet(split="equal")
    giving.claim(packet, giving.members[0])
    sound = audit(giving.program)
    assert (sound["ok"], sound["checked"]["red_packets"]) == (True, 1)
    with transaction(giving.program.id):
        assert execute(BREAKS[name], p=giving.program.id)
    found = audit(giving.program)
    assert not found["ok"]
    assert {problem["check"] for problem in found["problems"]} == {"red_packets"}
