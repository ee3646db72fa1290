"""A process that settles activities until nothing is left to do, to be killed at any moment.

python -m tests.community.activities.settling_worker <program> <instant> <rows a chunk>
"""

import os
import sys
from datetime import datetime
from uuid import UUID

from community.activities import paying, settling
from config.settings import load
from core.app import create_app
from core.clock import frozen_at
from core.jobs.registry import SCHEDULES
from core.jobs.scheduler import publish_where_due
from tests.jobs import run_jobs

SWEEPS = ("events.number", "activities.follow_orders", "activities.advance", "activities.settle", "activities.pay")


def main() -> None:
    program_id, at = UUID(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
    settling.CHUNK = paying.CHUNK = int(sys.argv[3])
    app = create_app(load(dict(os.environ)))
    with app.app_context(), frozen_at(at):
        print("ready", flush=True)
        while True:
            publish_where_due(program_id, [SCHEDULES[name] for name in SWEEPS])
            if not run_jobs(program_id):
                return


if __name__ == "__main__":
    main()
