"""Results in a storage that jobs fetch from and store to: what a job reads is declared, or it would not be there.

Needs Snakemake's plugin for storage in a folder (`make storage`), which the locks leave out.
"""

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("snakemake_storage_plugin_fs") is None or shutil.which("rsync") is None,
    reason="no snakemake-storage-plugin-fs (make storage), or no rsync, which it calls",
)
Jobs = Callable[[str], dict[str, int]]
FITTED = ("all", "--until", "fit_genes", "check_leaks")


def test_a_whole_run_goes_on_from_what_the_storage_holds_and_a_second_has_nothing_to_do(
    tree: Path, tmp_path_factory: pytest.TempPathFactory, snakemake: Any, jobs_of: Jobs
) -> None:
    store, local = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("local")
    options = ["--configfile", "config/toy.yaml", "--cores", "2", "--default-storage-provider", "fs"]
    options += ["--default-storage-prefix", f"{store}/", "--local-storage-prefix", str(local)]
    done = snakemake(tree, "data", *options)
    assert done.returncode == 0, done.stdout[-4000:]
    assert {path.name for path in (store / "results/toy").iterdir()} >= {"locks", "tables", "shards"}
    assert {path.name for path in (tree / "results/toy").iterdir()} >= {"archive", "raw"}
    assert not (tree / "results/toy/shards").exists()

    shutil.rmtree(local)
    after = snakemake(tree, *FITTED, *options)
    assert after.returncode == 0, after.stdout[-4000:]
    assert jobs_of(after.stdout) == {"check_leaks": 1, "fit_genes": 1}
    assert (store / "results/toy/folds/0/genes.parquet").is_file()

    shutil.rmtree(local)
    whole = snakemake(tree, "all", *options)
    assert whole.returncode == 0, whole.stdout[-4000:]
    assert jobs_of(whole.stdout).keys().isdisjoint({"lock", "fetch", "cohort", "check_leaks", "fit_genes"})
    assert {"report.html", "summary.json", "predictions", "evaluation"} <= {
        path.name for path in (store / "results/toy").iterdir()
    }
    assert not (tree / "results/toy/report.html").exists()
    second = snakemake(tree, "all", *options)
    assert "Nothing to be done" in second.stdout, second.stdout[-4000:]
