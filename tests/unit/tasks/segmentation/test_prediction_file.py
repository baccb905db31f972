from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mgi.core.run import Run
from mgi.shards.parquet import run_in
from mgi.tasks.segmentation.learning import PREDICTIONS, prediction_writer
from mgi.tasks.segmentation.prediction_file import read_patients, read_volumes

RUN = Run(task="segmentation", method="mgi", inputs=("flair", "rna"), fold=0, seed=3)
RNG = np.random.default_rng(0)
A, B = (RNG.integers(0, 256, shape).astype(np.uint8) for shape in ((3, 4, 5), (2, 6, 2)))


def write(path: Path) -> None:
    with prediction_writer(path, RUN) as writer:
        writer.add("TCGA-AA-0001", "own", "TCGA-AA-0001", list(A))
        writer.add("TCGA-AA-0002", "null_token", None, list(B))


def test_every_slice_is_a_row_with_its_grid_and_bytes(tmp_path: Path) -> None:
    write(tmp_path / "p.parquet")
    table = pq.read_table(tmp_path / "p.parquet", page_checksum_verification=True)
    assert table.schema.equals(PREDICTIONS)
    rows = table.to_pylist()
    assert [(row["patient_id"], row["slice"], row["expression_input"], row["donor"]) for row in rows] == [
        *(("TCGA-AA-0001", index, "own", "TCGA-AA-0001") for index in range(3)),
        *(("TCGA-AA-0002", index, "null_token", None) for index in range(2)),
    ]
    assert [(row["rows"], row["cols"]) for row in rows] == [(4, 5)] * 3 + [(6, 2)] * 2
    assert rows[1]["probability"] == A[1].tobytes()
    assert pq.read_schema(tmp_path / "p.parquet").metadata[b"run"].decode() == RUN.as_json()


def test_the_evaluation_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    write(path)
    slices = {"TCGA-AA-0001": 3, "TCGA-AA-0002": 2}
    volumes = {volume.patient_id: volume for volume in read_volumes(path, slices)}
    assert np.array_equal(volumes["TCGA-AA-0001"].probability, A)
    assert np.array_equal(volumes["TCGA-AA-0002"].probability, B)
    assert read_patients(path) == sorted(slices)
    assert run_in(path) == RUN


def test_a_view_that_is_not_contiguous_is_stored_row_by_row(tmp_path: Path) -> None:
    with prediction_writer(tmp_path / "p.parquet", RUN) as writer:
        writer.add("TCGA-AA-0001", "not_used", None, list(A.transpose(0, 2, 1)))
    row = pq.read_table(tmp_path / "p.parquet").to_pylist()[0]
    assert (row["rows"], row["cols"]) == (5, 4)
    assert row["probability"] == A[0].T.copy().tobytes()


def test_equal_predictions_are_equal_bytes(tmp_path: Path) -> None:
    write(tmp_path / "one.parquet")
    write(tmp_path / "two.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    def interrupted() -> None:
        with prediction_writer(tmp_path / "p.parquet", RUN) as writer:
            writer.add("TCGA-AA-0001", "not_used", None, list(A))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
