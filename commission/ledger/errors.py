"""What the ledger refuses."""


class UnbalancedEntry(ValueError):  # noqa: N818 -- named like the house's refusals, though only code can cause it
    """An entry that cannot be posted: it does not sum to zero, or names an account or a member wrongly."""


class DuplicateEntry(RuntimeError):  # noqa: N818 -- see above
    """A source key that was posted before: the caller has lost its own guard against doing things twice."""
