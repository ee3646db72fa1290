"""Counts redirects where it costs nothing: noted in the process, brought to the metrics once a second, exact."""

import atexit
import threading
import time
from collections import deque

from core.observability.metrics import count_requests

ROUTE = "/r/<code>"
_FLUSH_SECONDS = 1.0


class RedirectCounts:
    """Seconds of every redirect answered, by method; a process that is killed takes its last second of them along."""

    def __init__(self) -> None:
        self._answered: dict[str, deque[float]] = {"GET": deque(), "HEAD": deque()}
        self.note = {method: answered.append for method, answered in self._answered.items()}
        """By method, what takes the seconds of a redirect: nothing but the list's own `append`."""
        self._lock = threading.Lock()
        self._begun = False

    def begin(self) -> None:
        """From now on what is noted is brought to the metrics once a second, and at the end of the process."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
        atexit.register(self.flush)
        threading.Thread(target=self._run, name="redirect-counts", daemon=True).start()

    def flush(self) -> None:
        """Bring what was noted to the metrics."""
        with self._lock:  # the thread and the end of the process may meet
            for method, answered in self._answered.items():
                count_requests(method, ROUTE, 302, [answered.popleft() for _ in range(len(answered))])

    def _run(self) -> None:
        while True:
            time.sleep(_FLUSH_SECONDS)
            self.flush()
