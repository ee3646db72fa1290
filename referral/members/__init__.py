"""Members: the people of a program, their identities, states and tokens."""
