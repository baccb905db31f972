"""A small part of the plan, the same in every run; `make fuzz` does the whole."""

import os
import re
import subprocess
import sys
from pathlib import Path

from fuzz.plan import FULL, chunks
from fuzz.targets import TARGETS

SCALE = 0.01
CPU_S = 20  # a busy machine is slow too: `make fuzz` asks for seconds, this for an end


def test_a_sample_of_every_target_has_no_escape(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "fuzz", "--scale", str(SCALE), "--cpu-s", str(CPU_S), "--folder", str(tmp_path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = re.fullmatch(r"fuzz: ([\d,]+) inputs, .* 0 escapes, 0 silent, .*\n", done.stdout)
    assert counts, done.stdout
    assert int(counts[1].replace(",", "")) == sum(stop - start for _, start, stop in chunks(SCALE))


def test_the_whole_plan_holds_the_promised_numbers() -> None:
    by_group: dict[str, int] = {}
    for name, start, stop in chunks():
        group = TARGETS[name].group
        by_group[group] = by_group.get(group, 0) + stop - start
    own = len([target for target in TARGETS.values() if target.group == "flip"])
    assert by_group["flip"] == 2_000 * own
    assert by_group["cut"] == 200 * own
    assert {group: by_group[group] for group in by_group.keys() - {"flip", "cut"}} == {
        group: count for group, count in FULL.items() if group in by_group
    }
    assert by_group.keys() >= {"dicom", "tsv", "json", "zip", "config"}
