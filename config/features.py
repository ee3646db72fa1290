"""The features this installation is made of, lowest first. Each brings its tables, endpoints and jobs by file name."""

FEATURES = (
    "core.jobs",
    "core.http",
    "core.observability",
    "core.programs",
    "core.auth",
    "core.audit",
    "referral.members",
    "referral.tree",
    "commission.ledger",
    "commission.earnings",
    "commission.plans",
    "commission.orders",
    "commission.payouts",
    "commission.settlement",
)
