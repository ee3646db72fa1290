"""What plans can be refused for."""

from core.errors import NotFound


class PlanNotFound(NotFound):
    title = "There is no such plan"
