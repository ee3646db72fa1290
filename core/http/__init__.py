"""The HTTP edge: one way to declare an endpoint, read its input and write its answer."""
