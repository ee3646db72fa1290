"""The WSGI app, nothing else."""

from core.app import create_app
from core.servers.processes import die_with_parent

die_with_parent()
app = create_app()
