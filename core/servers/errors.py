"""What stops the set-up: always something the operator can do, said in one message."""


class ServerError(Exception):
    """A server, a folder or a port cannot be used as asked; the message says which and what to do."""
