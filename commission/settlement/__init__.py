"""Settlement runs: prepare, approve, execute."""
