"""Points (积分): earned by rules, kept in lots that expire, spent on rewards; booked in the ledger as currency PTS."""
