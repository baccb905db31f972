"""Vectors of several folds in, components of the test patients out; files that do not go together are refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.cli import main
from mgi.core.run import PRETRAINING, Run
from mgi.shards.embedding_file import VECTORS, Embeddings, write_embeddings
from mgi.shards.parquet import opened_parquet

N, WIDTH = 40, 6
RUN = Run(task=PRETRAINING, method="mgi", inputs=("flair", "rna"), fold=0, seed=0)


def write(folder: Path, fold: int, *, run: Run = RUN, shown: int = 3) -> Path:
    """Vectors in which three things are seen; each network has its own axes, the untrained one is the same."""
    rng = np.random.default_rng(fold)
    common = np.random.default_rng(99)
    seen, untrained = common.normal(size=(N, shown)) * [3, 2, 1][:shown], common.normal(size=(shown, WIDTH))
    roles = [
        "unpaired_expression" if n == 0 else "test" if n % 4 == fold else "validation" if n % 8 == 7 else "train"
        for n in range(N)
    ]
    vectors = {}
    for name in VECTORS:
        axes = untrained if name == "image_untrained" else np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0][:shown]
        vectors[name] = (seen @ axes + 0.1 * rng.normal(size=(N, WIDTH))).astype(np.float32)
        if name.startswith("image"):
            vectors[name][0] = np.nan
    path = folder / f"{fold}-{run.seed}.parquet"
    found = Embeddings(
        run=replace(run, fold=fold), patient_ids=[f"P{n:02d}" for n in range(N)], roles=roles, vectors=vectors
    )
    write_embeddings(path, found)
    return path


def components(folder: Path, *paths: Path, **settings: object) -> int:
    given = json.dumps({"components": 3, **settings})
    return main(
        [
            "embedding-components",
            f"--output={folder / 'out.parquet'}",
            f"--settings={given}",
            "--embeddings",
            *map(str, paths),
        ]
    )


def test_test_patients_of_all_folds_have_components_that_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert components(tmp_path, *(write(tmp_path, fold) for fold in (1, 2))) == 0
    with opened_parquet(tmp_path / "out.parquet") as source:
        found, about = source.read().to_pandas(), json.loads(source.schema_arrow.metadata[b"components"])
    assert list(found.columns) == ["patient_id", "fold", "component_1", "component_2", "component_3"]
    assert found["patient_id"].tolist() == [f"P{n:02d}" for n in range(N) if n % 4 in (1, 2)]
    assert set(found["fold"]) == {1, 2}
    assert min(about["agreement"]) > 0.9
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("20 test patients of 2 folds, 3 components: 1.00 of the variance")
    assert said[1].startswith("agreement of folds by component: ")


def test_one_fold_needs_no_turn_and_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    path, written = write(tmp_path, 1), []
    for _ in range(2):
        assert components(tmp_path, path) == 0
        written.append((tmp_path / "out.parquet").read_bytes())
    assert written[0] == written[1]
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 10


def test_vectors_that_do_not_go_together_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = write(tmp_path, 1)
    cases = {
        "expected the same of another fold": [first, write(tmp_path, 2, run=replace(RUN, seed=1))],
        "expected at most 6, which fold 1 span": [first],
    }
    for said, paths in cases.items():
        assert components(tmp_path, *paths, components=3 if len(paths) > 1 else 7) != 0
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    assert not (tmp_path / "out.parquet").exists()
