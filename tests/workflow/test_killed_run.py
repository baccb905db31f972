"""A run whose process group is killed at random moments ends with the tables of an undisturbed one."""

import hashlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

N_KILLS = 6
LONGEST_S = 25.0
COMPARED = ("tables/*.tsv", "locks/*.json", "shards/*/*.parquet", "folds/*/*", "runs/*/*.safetensors")
COMPARED += ("predictions/*", "evaluation/*")


def digests(results: Path) -> dict[str, str]:
    files = sorted(path for pattern in COMPARED for path in results.glob(pattern))
    return {str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def run_and_kill(tree: Path, seconds: float) -> bool:
    """Start the toy run and kill all its processes after a while; whether it was still running then."""
    command = [sys.executable, "-m", "snakemake", "--configfile", "config/toy.yaml"]
    running = subprocess.Popen(
        command, cwd=tree, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        return True
    return False


@pytest.mark.slow
def test_kills_at_random_moments_change_no_result(toy: tuple[Path, str], tree: Path, snakemake: Any) -> None:
    moments = random.Random(0)
    killed = 0
    for _ in range(N_KILLS):
        killed += run_and_kill(tree, moments.uniform(3.0, LONGEST_S))
        assert snakemake(tree, "--configfile", "config/toy.yaml", "--unlock").returncode == 0
    assert killed >= 2
    ended = snakemake(tree, "--configfile", "config/toy.yaml")
    assert ended.returncode == 0, ended.stdout[-4000:]
    expected = digests(toy[0] / "results/toy")
    assert len(expected) > 20
    assert digests(tree / "results/toy") == expected
    assert not list((tree / "results/toy").rglob("*.part"))
