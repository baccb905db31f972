import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.run import Run
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_shard import OpenImages, PatientImages, image_shard_writer
from mgi.shards.parquet import run_in
from mgi.tasks.segmentation.prediction_file import read_patients, read_volumes
from mgi.tasks.segmentation.scoring import iter_masks
from resealed import write_sealed

PATIENT = "TCGA-CS-0001"
RUN = Run(task="segmentation", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)


@pytest.fixture
def slices(tmp_path: Path) -> Path:
    """Two slices of 2 x 2: full tumour, then none."""
    masks = np.array([np.ones((2, 2)), np.zeros((2, 2))], dtype=np.uint8)
    return write_shard(tmp_path / "shard", masks)


def write_shard(folder: Path, masks: np.ndarray | None) -> Path:
    patient = PatientImages(
        patient_id=PATIENT, slices=np.zeros((2, 2, 2), np.uint8), masks=masks, spacing_mm=None, positions_mm=None,
        source="0" * 64,
    )  # fmt: skip
    with image_shard_writer(folder / "slices.parquet") as writer:
        writer.add(patient)
    write_dataset(folder / "dataset.json", "volumes", [folder / "slices.parquet"], {"simulated": True})
    return folder


def prediction_rows(given: str = "own", patient: str = PATIENT) -> list[dict[str, object]]:
    """Half of the tumour of the first slice, nothing on the second; later slice first."""
    planes = {1: bytes([0, 0, 0, 0]), 0: bytes([128, 255, 127, 0])}
    return [
        {"patient_id": patient, "slice": i, "expression_input": given, "donor": None, "rows": 2, "cols": 2,
         "probability": plane}
        for i, plane in planes.items()
    ]  # fmt: skip


def write_predictions(path: Path, rows: list[dict[str, object]], run: object = None) -> Path:
    table = pa.Table.from_pylist(rows).replace_schema_metadata({"run": json.dumps(run or RUN.record())})
    return write_sealed(table, path)


def test_evaluate_writes_every_score_of_every_expression_input(tmp_path: Path, slices: Path) -> None:
    predictions = write_predictions(tmp_path / "p.parquet", prediction_rows() + prediction_rows("permuted-0"))
    output = tmp_path / "scores.parquet"
    code = main(["evaluate", "--predictions", str(predictions), "--image-shard", str(slices), "--output", str(output)])
    assert code == 0
    table = pq.read_table(output).to_pandas()
    assert set(table["expression_input"]) == {"own", "permuted-0"}
    assert set(table["run"]) == {RUN.key}
    volume = table[(table["definition"] == "volume") & (table["expression_input"] == "own")]["value"]
    assert volume.tolist() == [pytest.approx(4 / 6)]  # 2 of 4 pixels
    lenient = table[(table["definition"] == "slice_all_empty_one") & (table["expression_input"] == "own")]["value"]
    assert lenient.tolist() == [pytest.approx((4 / 6 + 1) / 2)]


def test_evaluating_twice_gives_the_same_bytes(tmp_path: Path, slices: Path) -> None:
    predictions = write_predictions(tmp_path / "p.parquet", prediction_rows())
    outputs = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for output in outputs:
        assert (
            main(["evaluate", "--predictions", str(predictions), "--image-shard", str(slices), "--output", str(output)])
            == 0
        )
    assert outputs[0].read_bytes() == outputs[1].read_bytes()


def test_slices_come_in_their_order_whatever_the_order_of_rows(tmp_path: Path) -> None:
    predictions = write_predictions(tmp_path / "p.parquet", prediction_rows())
    (volume,) = read_volumes(predictions, {PATIENT: 2})
    assert volume.probability.tolist() == [[[128, 255], [127, 0]], [[0, 0], [0, 0]]]


def test_reading_is_narrowed_to_patients_and_expression_input(tmp_path: Path) -> None:
    other = "TCGA-CS-0002"
    rows = prediction_rows() + prediction_rows("null_token") + prediction_rows(patient=other)
    predictions = write_predictions(tmp_path / "p.parquet", rows)
    assert read_patients(predictions) == [PATIENT, other]
    chosen = read_volumes(predictions, {PATIENT: 2}, patients=[PATIENT], expression_input="null_token")
    assert [(volume.patient_id, volume.expression_input) for volume in chosen] == [(PATIENT, "null_token")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:1], f"{PATIENT}, own: 1 .*2"),
        (lambda rows: [*rows[:1], rows[0]], f"{PATIENT}.*twice"),
        (lambda rows: [{**row, "cols": 3} for row in rows], f"{PATIENT}.*4 .*2 x 3"),
        (
            lambda rows: [{**row, "patient_id": "TCGA-XX-9999"} for row in rows],
            "patient TCGA-XX-9999 ",
        ),
        (lambda rows: [rows[0], {**rows[1], "rows": 1, "cols": 4}], f"{PATIENT}: .*shapes .*1, 4.*2, 2"),
    ],
)
def test_predictions_that_do_not_fill_the_shard_are_refused(tmp_path: Path, change: object, message: str) -> None:
    predictions = write_predictions(tmp_path / "p.parquet", change(prediction_rows()))  # type: ignore[operator]
    with pytest.raises(BadInputError, match=message):
        list(read_volumes(predictions, {PATIENT: 2}))


def test_a_run_is_read_from_the_metadata(tmp_path: Path) -> None:
    assert run_in(write_predictions(tmp_path / "p.parquet", prediction_rows())) == RUN


@pytest.mark.parametrize(
    ("entries", "field"),
    [
        ({"run": "{}"}, "run.task: missing"),
        ({"run": "null"}, "run: found NoneType"),
        ({}, "run: missing"),
        ({"spec": '{"key": "mgi-real-fold0-seed0"}'}, "written by an older mgi"),
        ({"run": json.dumps({**RUN.record(), "split_unit": "site"})}, 'run.split_unit: found "site"'),
    ],
)
def test_a_file_of_no_run_or_of_an_older_version_is_refused(
    tmp_path: Path, entries: dict[str, str], field: str
) -> None:
    path = tmp_path / "p.parquet"
    write_sealed(pa.Table.from_pylist(prediction_rows()).replace_schema_metadata(entries or None), path)
    with pytest.raises(BadInputError, match=re.escape(f"p.parquet: {field}")):
        run_in(path)


def test_a_file_that_is_not_parquet_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    path.write_bytes(b"not parquet")
    with pytest.raises(IntegrityError, match=r"p\.parquet: damaged"):
        run_in(path)


def test_a_damaged_page_is_an_integrity_error_not_a_score(
    tmp_path: Path, slices: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = write_predictions(tmp_path / "p.parquet", prediction_rows())
    content = bytearray(predictions.read_bytes())
    content[content.index(bytes([128, 255, 127, 0]))] ^= 0xFF
    predictions.write_bytes(content)
    output = tmp_path / "scores.parquet"
    code = main(["evaluate", "--predictions", str(predictions), "--image-shard", str(slices), "--output", str(output)])
    assert code == 4
    assert "p.parquet: damaged" in capsys.readouterr().err
    assert not output.exists()


def test_masks_are_read_from_the_shard(slices: Path) -> None:
    assert OpenImages(slices).n_slices(PATIENT) == 2
    assert dict(iter_masks(slices, [PATIENT]))[PATIENT].tolist() == [[[True, True], [True, True]], [[False] * 2] * 2]
    with pytest.raises(BadInputError, match="TCGA-XX-9999"):
        list(iter_masks(slices, ["TCGA-XX-9999"]))


def test_a_patient_without_a_mask_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=f"{PATIENT} .*mask"):
        list(iter_masks(write_shard(tmp_path, None), [PATIENT]))
