"""Probes are jobs of their own beside a finished run, and the report shows them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgi.cohort.tables import read_split
from mgi.shards.embedding_file import read_embeddings
from mgi.shards.parquet import check_seal

Jobs = Callable[[str], dict[str, int]]
LABELS = {"source": "table", "table": "own.tsv", "columns": {"classes": {"kind": "kind"}}}
PROBE = {"smallest_class": 3, "labelled": [2], "draws": 2, "bootstrap_draws": 100, "components": 2}


def write_labels(folder: Path) -> None:
    """Two classes, in turn among the few patients that each fold tests."""
    split = read_split(folder / "results/toy/tables/split.parquet").query("role == 'test'")
    kinds = split.assign(kind=split.groupby("fold").cumcount() % 2)
    lines = [f"{row.patient_id}\t{'ab'[row.kind]}" for row in kinds.itertuples()]
    (folder / "own.tsv").write_text("\n".join(["patient_id\tkind", *lines]) + "\n")


@pytest.fixture
def asking(toy: tuple[Path, str], tmp_path: Path, snakemake: Any) -> Callable[..., Any]:
    """Run a copy of the finished toy workflow with the sections `labels` and `probe`."""
    folder = Path(shutil.copytree(toy[0], tmp_path / "toy", symlinks=True))
    write_labels(folder)

    def run(*options: str, **probe: Any) -> Any:
        overlay = folder / "probed.yaml"
        overlay.write_text(yaml.safe_dump({"labels": LABELS, "probe": PROBE | probe}))
        done = snakemake(folder, "--cores", "2", *options, "--configfile", "config/toy.yaml", "probed.yaml")
        assert done.returncode == 0, done.stdout[-6000:]
        return folder / "results/toy", done.stdout

    return run


def test_the_report_of_a_finished_run_gets_probes_by_jobs_of_their_own(
    asking: Callable[..., Any], jobs_of: Jobs
) -> None:
    _, listed = asking("-n", "--quiet", "rules")
    beside = {"preflight_labels": 1, "labels": 1, "embed": 1, "lesion_features": 2, "record_config": 1, "report": 1}
    assert jobs_of(listed) == beside | {"probe": 1}
    results, _ = asking()
    assert "What the embeddings know" in (results / "report.html").read_text()
    assert (results / "figures/probes_paired.svg").is_file()
    assert "lesion_predicted" in (results / "probe/probes.csv").read_text()
    check_seal(results / "probe/out_of_fold.parquet")
    assert read_embeddings(results / "embeddings/pretrain-fold0-seed0.parquet").run.is_pretraining
    _, again = asking("-n", "--quiet", "rules")
    assert jobs_of(again) == {}
    _, other = asking("-n", "--quiet", "rules", seed=1)
    assert jobs_of(other) == {"probe": 1, "record_config": 1, "report": 1}
