"""The WSGI app, nothing else."""

import sys

from config.settings import SettingsError
from core.app import create_app
from core.servers.processes import die_with_parent

die_with_parent()
try:
    app = create_app()
except SettingsError as error:  # told in its own words, to the operator of `flask` as well
    sys.exit(str(error))
