"""Counts redirects where it costs nothing: noted in the process, brought to the metrics once a second, exact."""

import atexit
import threading
import time
from collections import deque

from core.observability.metrics import count_requests

ROUTE = "/r/<code>"
_FLUSH_SECONDS = 1.0


class RedirectCounts:
    """Method and seconds of every redirect answered; a process that is killed takes its last second of them along."""

    def __init__(self) -> None:
        self._answered: deque[tuple[str, float]] = deque()
        self._begun = False
        self._lock = threading.Lock()

    def note(self, method: str, seconds: float) -> None:
        self._answered.append((method, seconds))
        if not self._begun:
            self._begin()

    def flush(self) -> None:
        """Bring what was noted to the metrics."""
        with self._lock:  # the thread and the end of the process may meet
            taken = [self._answered.popleft() for _ in range(len(self._answered))]
            for method in ("GET", "HEAD"):
                count_requests(method, ROUTE, 302, [seconds for name, seconds in taken if name == method])

    def _begin(self) -> None:
        with self._lock:
            if self._begun:
                return
            self._begun = True
        atexit.register(self.flush)
        threading.Thread(target=self._run, name="redirect-counts", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(_FLUSH_SECONDS)
            self.flush()
