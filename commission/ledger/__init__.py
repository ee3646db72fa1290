"""The double-entry ledger: append-only, zero-sum, chained."""
