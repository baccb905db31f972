"""The Triton kernels compile for an H200 on a machine without one, and their benchmark is ready for one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")

ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(300)
def test_every_kernel_compiles_for_sm_90_and_all_but_the_backward_one_without_a_spill(tmp_path: Path) -> None:
    # A process of its own: here Triton was imported as an interpreter.
    run = subprocess.run(
        [sys.executable, Path(__file__).with_name("compiled_kernels.py")],
        capture_output=True,
        text=True,
        env=os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT / "src")},
    )
    assert run.returncode == 0, run.stderr[-2000:]
    rows = json.loads(run.stdout)
    assert [row["kernel"] for row in rows] == ["forward", "ends, adjoint", "carry", "backward"]
    spilled = {row["kernel"]: row["spilled"] for row in rows if row["spilled"]}
    # One spill of a register per twenty instructions, in the only kernel that holds nine tiles at a time.
    assert {name for name, bytes_ in spilled.items() if not name.startswith("backward") or bytes_ > 512} == set()
    # Four programs of four warps on a processor: what hides the latency of the forward pass.
    assert next(row["registers"] for row in rows if row["kernel"] == "forward") <= 128


@pytest.mark.timeout(300)
def test_the_benchmark_for_a_gpu_can_be_rehearsed_without_one(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    options = ["--device", "cpu", "--sizes", "1x4x2", "--error-size", "1x3x2", "--rounds", "1", "--out", str(out)]
    run = subprocess.run(
        [sys.executable, ROOT / "benchmarks/scan_gpu.py", *options],
        capture_output=True,
        text=True,
        env=os.environ | {"TRITON_INTERPRET": "1"},
    )
    assert run.returncode == 0, run.stderr[-2000:]
    rows = json.loads(out.read_text())
    assert all(set(row) == {"name", "value", "unit", "peer", "ratio", "max_error"} for row in rows)
    floors = [row for row in rows if row["name"].endswith("vs floor")]
    assert [row["ratio"] == row["value"] / row["peer"] for row in floors] == [True, True]
    assert max(row["max_error"] for row in rows) < 1e-5
