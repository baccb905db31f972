"""The vectors of a pre-training run's patients: who has which, what reads a mask, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mgi.models.mgi import build_dual_encoder
from mgi.models.settings import NetworkSettings
from mgi.shards.embedding_file import VECTORS, Embeddings, read_embeddings
from mgi.training.settings import IMAGE_ALONE
from mgi.training.weights import save_weights

IMAGES = [name for name in VECTORS if name.startswith("image")]


def embed(given, path: Path, **options: object) -> int:
    return given.run("embed", "pretrain", output=path, settings='{"batch": 4}', **options)


@pytest.fixture(scope="module")
def embedded(study, tmp_path_factory) -> Embeddings:
    path = tmp_path_factory.mktemp("embedded") / "vectors.parquet"
    assert embed(study, path) == 0
    return read_embeddings(path)


def of_another(study, write_study, folder: Path, change) -> Embeddings:
    """Vectors by the study's weights of patients that `change` has altered."""
    assert embed(write_study(folder, change), folder / "vectors.parquet", weights=study.weights("pretrain")) == 0
    return read_embeddings(folder / "vectors.parquet")


def same(one: Embeddings, two: Embeddings, name: str) -> bool:
    return np.array_equal(one.vectors[name], two.vectors[name], equal_nan=True)


def test_every_patient_of_the_fold_is_there_and_lacks_only_what_cannot_be_encoded(study, embedded: Embeddings) -> None:
    assert dict(zip(embedded.patient_ids, embedded.roles, strict=True)) == {
        patient: role for role in study.ROLES for patient in study.role(role)
    }
    for name, vectors in embedded.vectors.items():
        absent = {one for one, row in zip(embedded.patient_ids, vectors, strict=True) if np.isnan(row).all()}
        assert absent == set(study.role("unpaired_expression" if name in IMAGES else "unpaired_image")), name
    assert embedded.run.is_pretraining


def test_projected_vectors_have_length_1(embedded: Embeddings) -> None:
    for name in ("image_projected", "image_tumour_projected", "genes_projected"):
        lengths = np.linalg.norm(embedded.vectors[name], axis=1)
        assert lengths[~np.isnan(lengths)] == pytest.approx(1, abs=1e-6)


def test_untrained_vectors_are_those_of_the_network_that_the_training_began_with(
    study, run_of, embedded: Embeddings, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = NetworkSettings(**study.MODEL)
    genes = [f"ENSG{index:03d}" for index in range(study.N_GENES)]
    save_weights(
        tmp_path / "weights.safetensors",
        build_dual_encoder(model, study.N_GENES),
        run=run_of(task="pretraining"),
        model=model,
        genes=genes,
    )
    assert embed(study, tmp_path / "fresh.parquet", weights=tmp_path / "weights.safetensors") == 0
    fresh = read_embeddings(tmp_path / "fresh.parquet")
    for name in ("image", "image_tumour", "genes"):
        begun = embedded.vectors[f"{name}_untrained"]
        assert np.array_equal(fresh.vectors[name], begun, equal_nan=True)
        assert not np.array_equal(embedded.vectors[name], begun, equal_nan=True)


@pytest.mark.parametrize("loss", IMAGE_ALONE)
def test_after_a_loss_of_images_alone_genes_are_those_of_the_untrained_encoder(
    loss: str, study, write_study, tmp_path: Path
) -> None:
    given = write_study(tmp_path)
    settings = json.dumps({"schedule": study.SCHEDULE, "loss": loss, "masked_gene_weight": 0.0})
    assert given.run("pretrain", "pretrain", settings=settings) == 0
    assert embed(given, tmp_path / "vectors.parquet", weights=given.weights("pretrain")) == 0
    vectors = read_embeddings(tmp_path / "vectors.parquet").vectors
    for name in ("image", "image_tumour", "genes"):
        alike = np.array_equal(vectors[name], vectors[f"{name}_untrained"], equal_nan=True)
        assert alike is (name == "genes"), name


def test_only_what_is_weighted_by_the_tumour_reads_a_mask(
    study, write_study, embedded: Embeddings, tmp_path: Path
) -> None:
    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        arrays["mask"][:] = arrays["mask"][::-1].copy()

    other = of_another(study, write_study, tmp_path, change)
    for name in VECTORS:
        assert same(embedded, other, name) == ("tumour" not in name), name


def test_a_mean_weighs_slices_by_their_tumour_and_an_empty_mask_gives_none(
    study, write_study, embedded: Embeddings, tmp_path: Path
) -> None:
    first = study.patients[0]

    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient == first:
            arrays["mask"][:] = 0

    other = of_another(study, write_study, tmp_path, change)
    row = other.patient_ids.index(first)
    assert np.isnan(other.vectors["image_tumour"][row]).all()
    assert np.array_equal(other.vectors["image"][row], embedded.vectors["image"][row])

    def all_alike(patient: str, arrays: dict[str, np.ndarray]) -> None:
        arrays["mask"][:] = arrays["mask"][-1]

    alike = of_another(study, write_study, tmp_path / "alike", all_alike)
    known = ~np.isnan(alike.vectors["image"][:, 0])
    assert alike.vectors["image_tumour"][known] == pytest.approx(alike.vectors["image"][known], abs=1e-5)


def test_a_patients_expression_reaches_its_own_gene_vectors_alone(
    study, write_study, embedded: Embeddings, tmp_path: Path
) -> None:
    changed = study.role("test")[0]

    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient == changed:
            arrays["values"][:] = -arrays["values"]

    other = of_another(study, write_study, tmp_path, change)
    differ = np.abs(embedded.vectors["genes"] - other.vectors["genes"]).max(axis=1) > 1e-6
    assert [one for one, yes in zip(embedded.patient_ids, differ, strict=True) if yes] == [changed]
    assert all(same(embedded, other, name) for name in IMAGES)


def test_the_batch_changes_nothing_but_rounding_and_the_same_again_no_byte(
    study, embedded: Embeddings, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        assert study.run("embed", "pretrain", output=tmp_path / name, settings='{"batch": 1}') == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    for name, vectors in read_embeddings(tmp_path / "one").vectors.items():
        assert vectors == pytest.approx(embedded.vectors[name], abs=1e-5, nan_ok=True)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"weights": "mgi"}, 5, "the weights of mgi-fold0-seed0, expected those of pretrain-fold0-seed0"),
        ({"run-json": "mgi"}, 2, "--run: found mgi-fold0-seed0, expected a pre-training run"),
        ({"run-json": "slice"}, 2, "--run: found pretrain-slice-fold0-seed0, expected a run whose test patients"),
    ],
)
def test_other_weights_and_other_runs_are_refused_in_one_line(
    study, run_of, tmp_path: Path, capsys, options: dict[str, str], code: int, said: str
) -> None:
    runs = {"mgi": run_of("mgi"), "slice": run_of("mgi", task="pretraining", split_unit="slice")}
    given = {
        name: study.weights(value) if name == "weights" else runs[value].as_json() for name, value in options.items()
    }
    assert embed(study, tmp_path / "vectors.parquet", **given) == code
    found = capsys.readouterr().err
    assert said in found
    assert found.count("\n") == 1
    assert not (tmp_path / "vectors.parquet").exists()
