"""core ← referral ← coupons ← commission ← community, and features know each other by their public modules only."""

from tests.house.source import PACKAGES, imports_of, modules, owners, tables_in

PUBLIC = {"service", "schemas", "errors", "rules"}
"""What a feature shows to others: its operations, its JSON shapes, its refusals, its pure decisions."""

ALSO_PUBLIC = {
    "commission.attribution.evidence": "the half of attribution that reads; its rules are pure",
    "commission.earnings.maturation": "the half of the earnings' service that matures; named by its verb",
    "commission.ledger.audits": "where a feature above registers its comparison with the ledger",
    "commission.earnings.records": "row types that the earnings' service takes and gives",
    "commission.plans.terms": "value types of the plans' rules",
    "commission.orders.inspection": "where the guard registers, and the types it is spoken to in",
    "commission.payouts.method_schemas": "JSON shapes of payout methods",
    "commission.payouts.methods": "the half of the payouts' service that knows payout methods",
    "commission.payouts.queries": "the list of payouts, which a run shows as the payouts feature does",
    "coupons.sharing.messages": "subscribe messages of the mini-program, sent outside of transactions",
    "commission.payouts.showing": "serialises payouts for whoever lists them",
}

WRITTEN_BY_OTHERS = {
    ("commission.payouts", "operation_flags"): "facts about the installation, a facility of the kernel",
    ("referral.tree", "members"): "a bind is the tree's, the inviter it sets is a column of the member",
    ("referral.members", "member_bindings"): "erasure blanks the reasons that people wrote",
}


def _position(package: str) -> int:
    return PACKAGES.index(package)


def test_no_package_imports_one_above_it() -> None:
    wrong = [
        f"{module.name} imports {name}"
        for module in modules()
        for name in imports_of(module)
        if name.partition(".")[0] in PACKAGES and _position(name.partition(".")[0]) > _position(module.package)
    ]
    assert wrong == []


def test_the_kernel_knows_nothing_but_itself_and_the_settings() -> None:
    ours = {*PACKAGES, "config", "demo", "bench", "tests", "wsgi", "migrations"}
    wrong = [
        f"{module.name} imports {name}"
        for module in modules()
        if module.package == "core"
        for name in imports_of(module)
        if name.partition(".")[0] in ours - {"core", "config"}
    ]
    assert wrong == []


def test_features_reach_each_other_through_public_modules() -> None:
    wrong = []
    for module in modules():
        for name in imports_of(module):
            package, *rest = name.split(".")
            if package in PACKAGES and package != "core" and len(rest) >= 2:
                feature, target = f"{package}.{rest[0]}", f"{package}.{rest[0]}.{rest[1]}"
                if feature != module.feature and rest[1] not in PUBLIC and target not in ALSO_PUBLIC:
                    wrong.append(f"{module.name} imports {target}")
    assert sorted(set(wrong)) == []


def test_every_exception_is_still_needed() -> None:
    used = {".".join(name.split(".")[:3]) for module in modules() for name in imports_of(module)}
    assert set(ALSO_PUBLIC) - used == set()


def test_no_sql_names_a_table_of_a_package_above() -> None:
    owner = owners()
    wrong = [
        f"{module.name}: {word} {table}"
        for module in modules()
        for word, table in tables_in(module)
        if table in owner and _position(owner[table].partition(".")[0]) > _position(module.package)
    ]
    assert wrong == []


def test_a_table_is_written_by_its_own_feature_only() -> None:
    """Reading across features may be one join instead of many calls; writing past a feature's rules is never right."""
    owner = owners()
    wrong = [
        f"{module.name}: {word} {table} of {owner[table]}"
        for module in modules()
        for word, table in tables_in(module)
        if table in owner and word in {"INTO", "UPDATE", "DELETE"} and owner[table] != module.feature
        if not (module.package == "core" and owner[table].startswith("core"))  # the kernel is one
        if (module.feature, table) not in WRITTEN_BY_OTHERS
    ]
    assert wrong == []


def test_sql_is_found_at_all() -> None:
    """The tests above would pass on nothing."""
    found = {table for module in modules() for _, table in tables_in(module)}
    assert {"programs", "outbox", "members", "ledger_transactions"} <= found
