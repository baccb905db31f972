"""Results that travelled: on the other machine the workflow goes on from them, and back here it finds them done."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Toy = tuple[Path, str]
Jobs = Callable[[str], dict[str, int]]
RESULTS = "results/toy"
SCORED = {"evaluate": 3, "compare": 1, "evaluation": 1}
TRAINED = {"pretrain": 1, "finetune": 3, "predict_fold": 3} | SCORED


DATA = ("config.json", "preflight.json", "locks", "tables", "shards", "folds")
RESULT = ("runs", "predictions", "evaluation", "figures", "report.html", "summary.json")
CARRY = """
tar c --mtime="$(date)" -C "$1" "${@:4}" | split -b 1M - "$3"/piece-
cd "$3" && sha256sum piece-* > SHA256SUMS && sha256sum --quiet -c SHA256SUMS
mkdir -p "$2" && cat piece-* | tar x -C "$2"
"""


def carry(source: Path, target: Path, pieces: Path, *parts: str) -> None:
    """What docs/how-to/move-results.md types."""
    pieces.mkdir()
    places = [source / RESULTS, target / RESULTS, pieces]
    subprocess.run(["bash", "-euo", "pipefail", "-c", CARRY, "carry", *map(str, places), *parts], check=True)


def waiting(snakemake: Any, jobs_of: Jobs, folder: Path, target: str = "evaluation") -> dict[str, int]:
    listed = snakemake(folder, target, "-n", "--quiet", "rules", "--configfile", "config/toy.yaml")
    assert listed.returncode == 0, listed.stdout
    return jobs_of(listed.stdout)


def test_another_machine_goes_on_from_shards_and_from_runs(
    toy: Toy, tree: Path, tmp_path_factory: Any, snakemake: Any, jobs_of: Jobs
) -> None:
    pieces = tmp_path_factory.mktemp("pieces")
    carry(toy[0], tree, pieces / "data", *DATA)
    from_shards = {"prepare_slices": 1} | TRAINED
    assert waiting(snakemake, jobs_of, tree) == from_shards
    jobs = {rule: count for rule, count in from_shards.items() if rule != "evaluation"}
    assert waiting(snakemake, jobs_of, tree, "all") == jobs | {"report": 1}
    carry(toy[0], tree, pieces / "runs", "runs", "predictions")
    assert waiting(snakemake, jobs_of, tree) == SCORED


def test_back_home_what_was_trained_elsewhere_counts_as_done(
    toy: Toy, tmp_path: Path, snakemake: Any, jobs_of: Jobs
) -> None:
    home = tmp_path / "home"
    shutil.copytree(toy[0], home)
    for name in ("runs", "predictions", "evaluation", "report.html", "summary.json"):
        path = home / RESULTS / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert waiting(snakemake, jobs_of, home) == TRAINED
    carry(toy[0], home, tmp_path / "pieces", *RESULT)
    assert waiting(snakemake, jobs_of, home, "all") == {}
