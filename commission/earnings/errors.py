"""What earnings can be refused for."""

from core.errors import NotFound


class MaturationNotFound(NotFound):
    title = "There is no such maturation"
