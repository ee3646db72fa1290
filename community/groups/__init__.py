"""Chat groups of a program: where they are, who is in them, what they are told."""
