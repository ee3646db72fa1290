"""Metric files on a disk that fills up later."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_metric_files_own_all_of_their_blocks(tmp_path: Path) -> None:
    made = "from core.observability.metrics import count_request; count_request('GET', '/', 200, 0.1)"
    subprocess.run(
        [sys.executable, "-c", made], cwd=ROOT, env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}, check=True
    )
    files = list(tmp_path.glob("*.db"))
    assert files
    for file in files:
        assert file.stat().st_blocks * 512 >= file.stat().st_size >= 1 << 20
