"""Who may be paid, and what a rail is told about him: built from the stored row, checked against its fingerprint."""

import binascii
from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag

from commission.payouts.methods import fingerprint
from commission.payouts.rails.protocol import TransferRequest
from commission.payouts.rules import key_of, request_hash
from core.auth.service import program_of
from core.encryption import decrypt
from referral.tree.service import chains_of


class Payable(Protocol):
    """A payout with the method it goes to."""

    @property
    def id(self) -> UUID: ...
    @property
    def attempt(self) -> int: ...
    @property
    def net(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def method_id(self) -> UUID: ...
    @property
    def rail(self) -> str: ...
    @property
    def account(self) -> str | None: ...
    @property
    def account_name(self) -> str | None: ...
    @property
    def fingerprint(self) -> bytes: ...


class Payee(NamedTuple):
    """An account in clear."""

    account: str
    account_name: str


def payable_among(program_id: UUID, member_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the members who may be paid: active, and enrolled where enrolment is not open."""
    if not member_ids:
        return set()
    enrolment = program_of(program_id).settings.enrolment
    chains = chains_of(program_id, member_ids, 1, enrolment=enrolment)
    return {member_id for member_id, chain in chains.items() if chain[0].payable}


def payee_of(payout: Payable) -> Payee | None:
    """The payee in clear; None when it was erased, cannot be read, or is not the one the fingerprint was made of."""
    if payout.account is None or payout.account_name is None:
        return None
    try:
        payee = Payee(decrypt(payout.account, payout.method_id), decrypt(payout.account_name, payout.method_id))
    except (KeyError, InvalidTag, binascii.Error, UnicodeDecodeError):
        return None
    return payee if fingerprint(payout.rail, *payee) == payout.fingerprint else None


def request_of(payout: Payable, payee: Payee) -> TransferRequest:
    """The order to the rail; the same bytes whenever it is built again."""
    return TransferRequest(
        key=key_of(payout.id, payout.attempt), account=payee.account, account_name=payee.account_name,
        amount=payout.net, currency=payout.currency,
    )  # fmt: skip


def hash_of(request: TransferRequest) -> bytes:
    parts = (request.key, request.account, request.account_name, str(request.amount), request.currency)
    return request_hash(parts)
