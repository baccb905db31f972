"""Where the data is not there, the run stops before it fetches anything and says what to supply."""

from pathlib import Path
from typing import Any

# A closed port stands for an archive that cannot be reached: tests do not leave this machine.
NO_NETWORK = "modalities: {rna: {base_url: 'http://127.0.0.1:9', retry_base_s: 0.0}}\n"


def test_the_default_config_names_the_missing_zip_and_only_the_preflight_has_run(tree: Path, snakemake: Any) -> None:
    (tree / "offline.yaml").write_text(NO_NETWORK)
    stopped = snakemake(tree, "--cores", "1", "--configfile", "offline.yaml")
    assert stopped.returncode != 0
    assert "data/lgg-mri-segmentation.zip" in stopped.stdout
    assert "modalities.flair.archive" in stopped.stdout
    assert "Traceback" not in stopped.stdout
    assert [path.name for path in (tree / "results/tcga-lgg/logs").iterdir()] == ["preflight.log"]


def test_the_kaggle_config_names_both_missing_files(tree: Path, snakemake: Any) -> None:
    stopped = snakemake(tree, "--cores", "1", "--configfile", "config/kaggle.yaml")
    assert stopped.returncode != 0
    log = (tree / "results/kaggle/logs/preflight.log").read_text()
    assert "data/lgg-mri-segmentation.zip" in log
    assert "data/expression.parquet" in log
    assert [path.name for path in (tree / "results/kaggle/logs").iterdir()] == ["preflight.log"]
