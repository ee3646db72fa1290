"""Path references: `/v1/orders/<ref:ref>` takes a public id or `ext:<external_id>`, whose slashes are part of it."""

from werkzeug.routing import BaseConverter


class RefConverter(BaseConverter):
    """Servers decode %2F before we see it, so an external id may span what look like several segments."""

    regex = r"ext:.+?|[a-z]+_[0-9a-z]+"
    part_isolating = False
