"""Chat groups: where they are, who is in them, what is posted in them, what they ask, what they bring."""
