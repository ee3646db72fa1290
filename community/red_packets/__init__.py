"""Red packets: a sum split among the members of a group."""
