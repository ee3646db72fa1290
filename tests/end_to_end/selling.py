"""A program in which some members have something to be paid, made through the API alone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.end_to_end.product import Caller, Product, eventually

PAID_AT = "2026-01-01T10:00:00Z"
COMPLETED_AT = "2026-01-05T10:00:00Z"
BATCH = 250


@dataclass
class Scene:
    """The program and its three callers; `sellers` members were each owed `amount`."""

    product: Product
    shop: Caller
    maker: Caller
    checker: Caller
    sellers: int
    amount: int

    def prepared_settlement(self) -> dict[str, Any]:
        """A run in draft that covers everybody."""
        as_of = datetime.now(UTC).isoformat()
        run = self.maker.post("/v1/settlements", {"as_of": as_of, "min_payout": 1})
        return self.wait_for(run["id"], "draft")

    def wait_for(self, settlement_id: str, status: str, seconds: float = 120) -> dict[str, Any]:
        def reached() -> Any:
            run = self.maker.get(f"/v1/settlements/{settlement_id}")
            return run if run["status"] == status else None

        found: dict[str, Any] = eventually(reached, seconds=seconds, what=f"settlement {status}")
        return found

    def audit(self) -> dict[str, Any]:
        audit = self.maker.post("/v1/ledger/audits", {})

        def done() -> Any:
            found = self.maker.get(f"/v1/ledger/audits/{audit['id']}")
            return found if found["status"] == "completed" else None

        finished: dict[str, Any] = eventually(done, seconds=60, what="audit")
        return finished


def set_scene(product: Product, sellers: int) -> Scene:
    """Sellers who each invited one customer, who bought once; everything completed long ago."""
    made = product.flask(
        "program", "create", "--name", "E2E", "--currency", "GBP", "--timezone", "UTC",
        "--owner-email", f"owner-{product.port}@example.org", "--json",
    )  # fmt: skip
    shop = Caller(product, made["api_key"])
    owner = _signed_in(product, shop, made["owner"])
    _publish_terms(owner)
    maker, checker = (_finance(product, shop, made["program_id"], name) for name in ("maker", "checker"))
    names = [f"s{number}" for number in range(sellers)]
    for start in range(0, sellers, BATCH):
        _sell(shop, names[start : start + BATCH])
    return Scene(product, shop, maker, checker, sellers, 1000)


def _signed_in(product: Product, shop: Caller, person: dict[str, str]) -> Caller:
    body = {"email": person["email"], "password": person["password"]}
    return Caller(product, shop.post("/v1/auth/staff", body)["access_token"])


def _finance(product: Product, shop: Caller, program_id: str, name: str) -> Caller:
    email = f"{name}-{product.port}@example.org"
    made = product.flask("staff", "create", "--program", program_id, "--email", email, "--role", "finance", "--json")
    return _signed_in(product, shop, made)


def _publish_terms(owner: Caller) -> None:
    owner.patch("/v1/program", {"hold_days": 0})
    levels = [{"rate_bps": 1000}]
    owner.post("/v1/plans", {"name": "ten", "effective_from": "2000-01-01T00:00:00Z", "levels": levels})


def _sell(shop: Caller, names: list[str]) -> None:
    members = [{"external_id": name} for name in names]
    members += [{"external_id": f"c-{name}", "inviter_external_id": name} for name in names]
    _all_created(shop.post("/v1/members/batch", {"members": members}))
    orders = [
        {"external_id": f"o-{name}", "customer_external_id": f"c-{name}", "currency": "GBP", "paid_at": PAID_AT,
         "items": [{"sku": "x", "quantity": 1, "unit_price": 10_000}]}
        for name in names
    ]  # fmt: skip
    _all_created(shop.post("/v1/orders/batch", {"orders": orders}))
    done = [{"external_id": order["external_id"], "completed_at": COMPLETED_AT} for order in orders]
    _all_created(shop.post("/v1/orders/complete-batch", {"orders": done}))
    for name in names:
        method = {"kind": "sandbox", "account": f"acc-{name}", "account_name": f"Seller {name}"}
        shop.post(f"/v1/members/ext:{name}/payout-methods", method)


def _all_created(answer: dict[str, Any]) -> None:
    wrong = [one for one in answer["results"] if one["status"] == "error"]
    assert not wrong, wrong[:3]
