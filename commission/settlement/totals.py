"""What a run adds up to, and the digest that an approval names. Callers hold the run locked."""

from hashlib import sha256
from uuid import UUID

from commission.payouts import service as payouts
from core.db import execute

_LIVE = ("requested", "approved")


def digest_of(program_id: UUID, run_id: UUID) -> str:
    """SHA-256 in hex over the lines that approval covers, in payout-id order; flat in memory."""
    digest = sha256()
    for line in payouts.digest_lines(program_id, run_id):
        digest.update(("|".join(map(str, line)) + "\n").encode())
    return digest.hexdigest()


def add_up(program_id: UUID, run_id: UUID) -> None:
    """Bring totals and digest of a draft up to its payouts."""
    progress = payouts.progress_of(program_id, run_id)
    live = [progress[status] for status in _LIVE if status in progress]
    execute(
        """UPDATE settlements SET payout_count = %(count)s, gross = %(gross)s, tax = %(tax)s, fee = %(fee)s,
                  net = %(net)s, digest = %(digest)s
           WHERE program_id = %(program_id)s AND id = %(id)s""",
        program_id=program_id, id=run_id, count=sum(one.count for one in live), gross=sum(one.gross for one in live),
        tax=sum(one.tax for one in live), fee=sum(one.fee for one in live), net=sum(one.net for one in live),
        digest=digest_of(program_id, run_id),
    )  # fmt: skip
