"""A stranger's first hour: from a clone to the demo, an own scan, 100 scans, an own cohort and an own encoder.

Clones a commit of this repository and runs there what the docs tell a newcomer to run, one command after the other.
Of each step the minutes that pass and the seconds of CPU of all its processes are kept (user and system). On a shared
machine only the latter can be compared. `--before` runs in an earlier commit what that commit knows of these steps.

    PYTHONPATH=src python benchmarks/first_use.py --output benchmarks/results/first_use.json
    PYTHONPATH=src python benchmarks/first_use.py --before 49e1edb7 --steps setup help demo again one --output old.json
    PYTHONPATH=src python benchmarks/first_use.py --work build/first-use --steps one hundred
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from trials import cpu_seconds

from mgi.reporting.provenance import machine

ROOT = Path(__file__).resolve().parents[1]
SCANS = """
import sys
from pathlib import Path

import nibabel
import numpy as np

import mgi

shard, folder = mgi.OpenImages(Path("results/demo/shards/flair")), Path(sys.argv[1])
folder.mkdir(exist_ok=True)
for patient in shard.patient_ids[:100]:
    read = shard.read(patient)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ read.affine[:, [2, 1, 0, 3]]
    image = nibabel.Nifti1Image(read.slices.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, folder / f"{patient}.nii.gz")
"""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step cost: `seconds` by the clock, `cpu_seconds` of all its processes."""

    name: str
    command: str
    seconds: float
    cpu_seconds: float


class FirstUse:
    """The steps of a newcomer in a clone; each stops with what was printed where a command fails."""

    def __init__(self, clone: Path, python: str) -> None:
        self.clone = clone
        self.python = python
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SNAKEMAKE", "PYTHON"))}
        self.env = kept | {
            "PATH": f"{clone}/.venv/bin:{kept['PATH']}",
            "OMP_WAIT_POLICY": "PASSIVE",
            "MPLBACKEND": "Agg",
        }

    def timed(self, name: str, *command: str) -> Step:
        """Run it in the clone; raises RuntimeError with the end of its output where it fails."""
        began, used = time.monotonic(), cpu_seconds()
        done = subprocess.run(command, cwd=self.clone, env=self.env, text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError(
                f"{name}: {' '.join(command)} ended with {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}"
            )
        shown = " ".join(command).replace(f"{self.clone}/", "").replace(f"{ROOT}/", "")
        return Step(name=name, command=shown, seconds=time.monotonic() - began, cpu_seconds=cpu_seconds() - used)

    def setup(self) -> Step:
        """The packages, as the README says."""
        return self.timed("setup", "make", "setup", f"PYTHON={self.python}")

    def help(self) -> Step:
        """The help of one command."""
        return self.timed("help", "python", "-m", "mgi", "predict", "--help")

    def demo(self) -> Step:
        """The whole workflow on the simulated cohort."""
        return self.timed("demo", "make", "demo")

    def again(self) -> Step:
        """The same, where nothing is left to do."""
        return self.timed("again", "make", "demo")

    def release(self) -> Step:
        """The demo's MGI as a model for other patients."""
        weights = "results/demo/runs/mgi-fold0-seed0/weights.safetensors"
        return self.timed("release", "python", "-m", "mgi", "release", "--weights", weights, "--output", "my-model")

    def one(self) -> Step:
        """A mask of one scan, without genes."""
        scan = self._scans()[0]
        said = ("predict", str(scan), "--model", "my-model", "--output", "mask.nii.gz", "--force")
        return self.timed("one", "python", "-m", "mgi", *said)

    def hundred(self) -> Step:
        """Masks of a folder of 100 scans in one process."""
        folder = self._scans()[0].parent
        return self.timed(
            "hundred",
            "python",
            "-m",
            "mgi",
            "predict",
            "--folder",
            str(folder),
            "--model",
            "my-model",
            "--output",
            "my-masks",
        )

    def cohort(self) -> Step:
        """The notebook on an own cohort: paired, split, segmented and scored."""
        return self._notebook("cohort", "own-cohort")

    def encoder(self) -> Step:
        """The notebook on an own encoder: pre-trained, fine-tuned, and compared with the demo's networks."""
        return self._notebook("encoder", "own-encoder")

    def _notebook(self, name: str, book: str) -> Step:
        runner, path = "tests/notebook_runner.py", f"docs/notebooks/{book}.ipynb"
        return self.timed(name, "python", runner, path, f"CHECKOUT={self.clone}")

    def _scans(self) -> list[Path]:
        folder = self.clone / "my-scans"
        if not folder.is_dir():
            subprocess.run(
                ["python", "-c", SCANS, str(folder)], cwd=self.clone, env=self.env | {"PYTHONPATH": "src"}, check=True
            )
        return sorted(folder.glob("*.nii.gz"))


STEPS: dict[str, Callable[[FirstUse], Step]] = {
    name: getattr(FirstUse, name)
    for name in ("setup", "help", "demo", "again", "release", "one", "hundred", "cohort", "encoder")
}


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--before", metavar="COMMIT", help="of this repository (default: the one that is checked out)")
    options.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS), help="in this order (default: all)")
    options.add_argument(
        "--work", type=Path, default=ROOT / "build/first-use", help="the clone; used again where it is"
    )
    options.add_argument("--python", default="python3.11", help="for make setup (default: python3.11)")
    options.add_argument("--output", type=Path, help="JSON of all figures")
    return options.parse_args()


def main() -> None:
    """Run the steps and print a line for each."""
    said = arguments()
    clone = said.work.resolve()
    if not clone.exists():
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        subprocess.run(["git", "checkout", "--quiet", said.before or "HEAD"], cwd=clone, check=True)
    at = subprocess.run(
        ["git", "rev-parse", "--short=8", "HEAD"], cwd=clone, text=True, capture_output=True, check=True
    )
    stranger, steps = FirstUse(clone, said.python), []
    for name in said.steps:
        steps.append(STEPS[name](stranger))
        print(
            f"{name:8} {steps[-1].seconds / 60:6.1f} min {steps[-1].cpu_seconds:7.1f} s of CPU   {steps[-1].command}",
            flush=True,
        )
    if said.output:
        record = {"commit": at.stdout.strip(), "machine": machine(), "python": sys.version.split()[0]}
        said.output.write_text(json.dumps({**record, "steps": [asdict(step) for step in steps]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
