"""A few signals of the plan; `make signals` sends them all."""

import os
import re
import subprocess
import sys


def test_a_sample_of_signals_leaves_checkpoints_and_the_weights_of_an_undisturbed_training() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "preempting", "--signals", "3", "--seed", "1"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    sent = r"signals: 3 sent \(1 SIGKILL, 1 SIGTERM, 1 SIGUSR1\) to .*"
    assert re.match(sent + r", 0 after their end, [12] checkpoints by .*, 0 wrong;", done.stdout)
