"""Chat platforms: one protocol, an adapter for each, and a server that plays them."""
