"""A small part of the table, the same in every run; `make flips` does the whole."""

import os
import re
import subprocess
import sys

from flips.consumers import CONSUMERS, READS
from flips.lines import USE
from flips.study import LINES

EVERY = 3


def test_a_sample_of_damaged_files_is_named_by_whoever_reads_them() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "flips", "--sample", "--each", "1", "--every", str(EVERY)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-3000:]
    counts = re.search(r"flips: (\d+) pairs of consumer and file, .* 0 silent, 0 stack trace", done.stdout)
    assert counts, done.stdout[-500:]
    assert int(counts[1]) == len(CONSUMERS[::EVERY])


def test_every_command_of_the_results_is_a_consumer() -> None:
    commands = {line[0] for name, line in (LINES | USE).items() if name in READS}
    writers_alone = {"lock", "gene-positions", "fetch-labels"}
    assert commands == {line[0] for line in (LINES | USE).values()} - writers_alone
