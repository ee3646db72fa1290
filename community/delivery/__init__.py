"""Messages on their way to chat platforms: one lane a group, limits, folding, outcomes."""
