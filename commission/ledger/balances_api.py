"""A member's money over HTTP, for the shop and staff, and for the member himself."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import Blueprint

from commission.ledger import service, statements
from commission.ledger.schemas import (
    BalanceShape,
    StatementQuery,
    StatementShape,
    balance_shape,
    line_shape,
    statement_shape,
)  # fmt: skip
from core.auth.access import ME
from core.auth.actor import Actor
from core.errors import Invalid
from core.http.endpoint import endpoint
from core.http.paging import decode_cursor, page
from core.ids import parse_ref
from referral.members import service as members

blueprint = Blueprint("balances", __name__)


@blueprint.get("/v1/members/<ref:ref>/balance")
@endpoint("ledger:read", summary="What a member has, by bucket", answer=BalanceShape)
def show_balance(actor: Actor, ref: str) -> Any:
    return _balance(actor, members.member_id_of(actor.program_id, parse_ref("mem", ref)))


@blueprint.get("/v1/me/balance")
@endpoint(ME, summary="What I have, by bucket", answer=BalanceShape)
def show_my_balance(actor: Actor) -> Any:
    return _balance(actor, actor.id)


def _balance(actor: Actor, member_id: UUID) -> dict[str, Any]:
    currency = actor.program.currency
    return balance_shape(currency, service.balances_of(actor.program_id, [member_id], currency)[member_id])


@blueprint.get("/v1/members/<ref:ref>/statement")
@endpoint("ledger:read", summary="A member's ledger lines by day", query=StatementQuery, answer=StatementShape)
def show_statement(actor: Actor, ref: str, query: dict[str, Any]) -> Any:
    return _statement(actor, members.member_id_of(actor.program_id, parse_ref("mem", ref)), query)


@blueprint.get("/v1/me/statement")
@endpoint(ME, summary="My ledger lines by day", query=StatementQuery, answer=StatementShape)
def show_my_statement(actor: Actor, query: dict[str, Any]) -> Any:
    return _statement(actor, actor.id, query)


def _statement(actor: Actor, member_id: UUID, query: dict[str, Any]) -> dict[str, Any]:
    since, until = query["from_"], query["to"]
    if since and until and since > until:
        raise Invalid.at("/from", "Later than `to`.")
    account = statements.Account(actor.program_id, member_id, actor.program.currency, since, until)
    lines = statements.lines_of(account, _position(query["cursor"]), query["limit"] + 1)
    return statement_shape(
        account,
        statements.opening_of(account),
        statements.closing_of(account),
        page(lines, query["limit"], line_shape, _position_of),
    )


def _position_of(line: statements.Line) -> tuple[str, str]:
    return line.effective_on.isoformat(), str(line.transaction_id)


def _position(cursor: str | None) -> statements.Position | None:
    position = decode_cursor(cursor, 2)
    try:
        return (date.fromisoformat(str(position[0])), UUID(str(position[1]))) if position else None
    except ValueError as error:
        raise Invalid.at("/cursor", "Not a cursor of this list.") from error
