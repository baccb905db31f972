"""A few kills within a slide; `make kill-slides` does twenty."""

import os
import re
import subprocess
import sys

import pytest

pytest.importorskip("openslide")


def test_a_sample_of_kills_leaves_no_half_shard_and_at_most_two_slides() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "killing.slides", "--kills", "4", "--seed", "1"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert re.match(
        r"slides: 4 kills \(3 of a fetch, 1 of a shard\), .*at most [12] slides on .*, 0 wrong", done.stdout
    )
