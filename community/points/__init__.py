"""Points: earned, spent, expired, in the ledger's currency PTS."""
