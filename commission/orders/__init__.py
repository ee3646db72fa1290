"""Orders and refunds: what was sold, and what came back."""
