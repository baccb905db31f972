"""Pre-training by torchrun: two processes on a CPU against one, with every loss at once."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

import mgi

SETTINGS = {
    "schedule": {
        "steps": 5, "batch": 3, "warmup_steps": 1, "validate_every": 2, "checkpoint_every": 2, "learning_rate": 0.003,
    },
    "loss": "multi_positive",
    "slices_per_patient": 2,
    "masked_gene_shape": "span",
    "unpaired_batch": 1,
    "masked_patch_weight": 0.5,
    "triplet_weight": 0.5,
    "gene_noise": 0.1,
}  # fmt: skip
CLIP = {"schedule": SETTINGS["schedule"], "masked_gene_weight": 2.0}
SHARED = {**SETTINGS, "masked_view": "shared"}
VIEWS = {"schedule": SETTINGS["schedule"], "masked_gene_weight": 0.0}
RUNS = {
    "all": SETTINGS, "clip": CLIP, "shared": SHARED,
    "simclr": VIEWS | {"loss": "simclr"}, "barlow_twins": VIEWS | {"loss": "barlow_twins"},
}  # fmt: skip
# The first process dies like a machine does, right after its first checkpoint.
KILLED = """
import os, signal, sys
from mgi.training import loop
saved = loop.save_checkpoint
def save(*given, **named):
    saved(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
loop.save_checkpoint = save
from mgi.cli import main
sys.exit(main(sys.argv[1:]))
"""

# torchrun alone is told to end, after the first checkpoint; it passes that on.
SIGNALLED = """
import os, signal, sys, time
from mgi.training import loop
saved = loop.save_checkpoint
def save(*given, **named):
    path = saved(*given, **named)
    if named["step"] == 2:
        os.kill(os.getppid(), signal.SIGUSR1)
        time.sleep(3)
    return path
loop.save_checkpoint = save
from mgi.cli import main
sys.exit(main(sys.argv[1:]))
"""


def torchrun(command: list[str], processes: int = 2) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(mgi.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    launch += ["--signals-to-handle=SIGTERM,SIGUSR1"]
    return subprocess.run(
        [*launch, "--no-python", "--", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def as_module(line: list[str]) -> list[str]:
    return [sys.executable, "-m", "mgi", *line]


def curve_of(folder: Path) -> list[dict[str, float]]:
    timed = ("seconds", "data_wait")
    points = [json.loads(line) for line in (folder / "curves.jsonl").read_text().splitlines()]
    return [{name: value for name, value in point.items() if name not in timed} for point in points]


@pytest.fixture(scope="module")
def two(study, write_study, tmp_path_factory):
    """A study with these runs of two processes."""
    written = write_study(tmp_path_factory.mktemp("two"))
    for key, settings in RUNS.items():
        done = torchrun(as_module(written.line("pretrain", key, settings=json.dumps(settings | {"processes": 2}))))
        assert done.returncode == 0, done.stderr
    return written


@pytest.mark.parametrize(("key", "settings"), RUNS.items())
def test_two_processes_give_the_losses_and_weights_of_one(key, settings, two, write_study, tmp_path: Path) -> None:
    one = write_study(tmp_path)
    assert one.run("pretrain", key, settings=json.dumps(settings)) == 0
    mine, other = curve_of(tmp_path / "runs" / key), curve_of(two.folder / "runs" / key)
    assert [point["step"] for point in mine] == [point["step"] for point in other] == [2, 4, 5]
    # Barlow Twins does not change with a bias: its gradient is rounding, by whose sign AdamW moves it a rate a step.
    rel, rtol, atol = (1e-2, 1e-2, 1e-2) if key == "barlow_twins" else (1e-4, 1e-3, 1e-4)
    for first, second in zip(mine, other, strict=True):
        assert first == pytest.approx(second, rel=rel, abs=1e-5)
    weights, others = load_file(one.weights(key)), load_file(two.weights(key))
    assert weights.keys() == others.keys()
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, others[name], rtol=rtol, atol=atol, msg=name)
    facts = json.loads((two.folder / "runs" / key / "run.json").read_text())
    assert facts["processes"] == 2


def test_the_first_process_alone_writes_and_leaves_no_checkpoints(two) -> None:
    for key in ("all", "clip"):
        names = sorted(path.name for path in (two.folder / "runs" / key).iterdir())
        assert names == ["curves.jsonl", "run.json", "weights.safetensors"]


def test_two_processes_killed_after_a_checkpoint_end_with_the_bytes_of_an_undisturbed_run(
    two, write_study, tmp_path: Path
) -> None:
    other = write_study(tmp_path)
    line = other.line("pretrain", "all", settings=json.dumps(SETTINGS | {"processes": 2}))
    killed = torchrun([sys.executable, "-c", KILLED, *line])
    assert killed.returncode != 0
    assert [path.name[:12] for path in (tmp_path / "runs/all/ckpt").glob("*.pt")] == ["step-0000002"]
    resumed = torchrun(as_module(line))
    assert resumed.returncode == 0, resumed.stderr
    assert "resumed at step 2" in resumed.stderr
    assert other.weights("all").read_bytes() == two.weights("all").read_bytes()
    assert curve_of(tmp_path / "runs/all") == curve_of(two.folder / "runs/all")


def test_a_signal_to_torchrun_ends_both_processes_after_the_same_step_with_a_checkpoint(
    two, write_study, tmp_path: Path
) -> None:
    other = write_study(tmp_path)
    line = other.line("pretrain", "all", settings=json.dumps(SETTINGS | {"processes": 2}))
    stopped = torchrun([sys.executable, "-c", SIGNALLED, *line])
    assert stopped.returncode != 0
    said = [text for text in stopped.stderr.splitlines() if text.startswith("mgi pretrain:")]
    assert len(said) == 1, stopped.stderr
    step = re.search(r"rank 0: stopped by SIGUSR1 after step (\d) of 5; checkpoint", said[0])
    assert step, said
    resumed = torchrun(as_module(line))
    assert resumed.returncode == 0, resumed.stderr
    assert f"resumed at step {step[1]}" in resumed.stderr
    assert other.weights("all").read_bytes() == two.weights("all").read_bytes()


def test_one_process_that_fails_stops_the_other_with_one_line(study, tmp_path: Path) -> None:
    line = study.line("pretrain", "broken", settings=json.dumps(SETTINGS | {"processes": 2}))
    command = shlex.join(as_module(line))
    failed = torchrun(["bash", "-c", f'{command} $([ "$RANK" = 1 ] && echo --split=nowhere.parquet)'])
    assert failed.returncode != 0
    said = [text for text in failed.stderr.splitlines() if text.startswith("mgi pretrain:")]
    assert len(said) == 1, failed.stderr
    assert said[0].startswith("mgi pretrain: rank 1: nowhere.parquet: missing")
    assert not study.weights("broken").exists()


def test_a_failure_of_all_is_one_line_too_and_more_processes_than_patients_are_refused(study) -> None:
    settings = SETTINGS | {"schedule": SETTINGS["schedule"] | {"batch": 1}}
    failed = torchrun(as_module(study.line("pretrain", "broken", settings=json.dumps(settings))))
    assert failed.returncode != 0
    said = [text for text in failed.stderr.splitlines() if text.startswith("mgi pretrain:")]
    assert len(said) == 1, failed.stderr
    assert re.search(r"pretrain\.schedule\.batch: 1 .*2 ", said[0])


def test_processes_end_with_torchrun_however_that_ends() -> None:
    waits = (
        "import os, time\nfrom mgi.training.distributed import processes\n"
        "with processes(on_gpu=False): os.write(1, b'%d\\n' % os.getpid()); time.sleep(300)\n"
    )  # one write: the lines of two processes that print without a buffer may mix
    environment = os.environ | {"PYTHONPATH": str(Path(mgi.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python", "--"]
    with subprocess.Popen(
        [*launch, sys.executable, "-c", waits],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as agent:  # fmt: skip
        assert agent.stdout is not None
        try:
            numbers = [int(agent.stdout.readline()) for _ in range(2)]
        finally:
            agent.kill()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and any(map(psutil.pid_exists, numbers)):
        time.sleep(0.1)
    assert not any(map(psutil.pid_exists, numbers))
