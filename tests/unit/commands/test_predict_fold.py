from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mgi.shards.parquet import run_in

RUNS = {"mgi": ("mgi", None), "mgi-no-genes": ("mgi", "no-genes"), "unet": ("unet", None)}


def predicted(given, key: str) -> Path:
    return given.folder / f"predictions/{key}.parquet"


def predict_with(other, study, key: str) -> bytes:
    """Predictions of the study's weights on another study's shards."""
    assert other.run("predict-fold", key, *RUNS[key], weights=study.weights(key)) == 0
    return predicted(other, key).read_bytes()


def rows_by_mode(path: Path) -> dict[str, list[dict]]:
    modes: dict[str, list[dict]] = {}
    for row in pq.read_table(path).to_pylist():
        modes.setdefault(row["expression_input"], []).append(row)
    return modes


@pytest.mark.parametrize("key", RUNS)
def test_every_slice_of_every_test_patient_is_predicted_on_its_own_grid_in_every_mode(key: str, study) -> None:
    modes = rows_by_mode(predicted(study, key))
    assert list(modes) == (
        ["own", "cohort_mean", "null_token", "permuted-0", "permuted-1"] if key == "mgi" else ["not_used"]
    )
    n_slices, rows, columns = study.SHAPE
    for mode, found in modes.items():
        patients = study.role("test") + (study.role("unpaired_image") if mode in ("not_used", "null_token") else [])
        expected = [(patient, index) for patient in patients for index in range(n_slices)]
        assert [(row["patient_id"], row["slice"]) for row in found] == expected
        assert {(row["rows"], row["cols"], len(row["probability"])) for row in found} == {
            (rows, columns, rows * columns)
        }


def test_the_file_says_which_run_it_is(study, run_of) -> None:
    assert run_in(predicted(study, "mgi")) == run_of("mgi")


def test_a_donor_is_the_patient_itself_another_one_or_nobody(study) -> None:
    modes = rows_by_mode(predicted(study, "mgi"))
    one, two = study.role("test")
    donors = {mode: {row["patient_id"]: row["donor"] for row in rows} for mode, rows in modes.items()}
    assert donors["own"] == {one: one, two: two}
    assert donors["permuted-0"] == donors["permuted-1"] == {one: two, two: one}
    assert donors["cohort_mean"] == {one: None, two: None}
    assert donors["null_token"] == {one: None, two: None, study.role("unpaired_image")[0]: None}


@pytest.mark.parametrize("key", RUNS)
def test_shuffling_the_truth_changes_no_byte(key: str, study, write_study, tmp_path: Path) -> None:
    def shuffle(patient: str, arrays: dict[str, np.ndarray]) -> None:
        flat = arrays["mask"].reshape(-1)
        flat[:] = np.random.default_rng(9).permutation(flat)

    assert predict_with(write_study(tmp_path, shuffle), study, key) == predicted(study, key).read_bytes()


def test_genes_reach_the_own_and_permuted_inputs_of_mgi_and_no_other(study, write_study, tmp_path: Path) -> None:
    def swap(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient in study.role("test"):
            arrays["values"][:] = -2 * arrays["values"]

    other = write_study(tmp_path, swap)
    before = rows_by_mode(predicted(study, "mgi"))
    predict_with(other, study, "mgi")
    after = rows_by_mode(predicted(other, "mgi"))
    same = {mode: before[mode] == after[mode] for mode in before}
    assert same == {"own": False, "cohort_mean": True, "null_token": True, "permuted-0": False, "permuted-1": False}
    for key in ("mgi-no-genes", "unet"):
        assert predict_with(other, study, key) == predicted(study, key).read_bytes()


@pytest.mark.parametrize("key", RUNS)
def test_the_image_of_a_patient_reaches_that_patient_alone(key: str, study, write_study, tmp_path: Path) -> None:
    last = study.role("test")[-1]

    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient == last:
            arrays["volume"][:] = arrays["volume"][..., ::-1].copy()

    other = write_study(tmp_path, change)
    predict_with(other, study, key)
    before, after = (pq.read_table(predicted(given, key)).to_pylist() for given in (study, other))
    changed = {one["patient_id"] for one, two in zip(before, after, strict=True) if one != two}
    assert changed == {last}


def test_the_same_prediction_again_gives_the_same_bytes(study, write_study, tmp_path: Path) -> None:
    other = write_study(tmp_path)
    assert predict_with(other, study, "mgi") == predicted(study, "mgi").read_bytes()


def test_weights_of_another_gene_list_or_damaged_ones_are_refused_in_one_line(
    study, write_study, tmp_path: Path, capsys
) -> None:
    class Fewer(write_study):
        N_GENES = 11

    other = Fewer(tmp_path)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(study.weights("mgi").read_bytes()[:-50])
    for given, weights, message in (
        (other, study.weights("mgi"), "gene list: 1 of its 12 "),
        (study, damaged, "damaged.safetensors: "),
    ):
        capsys.readouterr()
        assert given.run("predict-fold", "broken", weights=weights) == 5
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
        assert not predicted(given, "broken").exists()
