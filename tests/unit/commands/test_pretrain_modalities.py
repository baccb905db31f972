"""Pre-training and vectors of a study with two further modalities, each of which some patients lack."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mgi.cli import main
from mgi.modalities.fitted_features import write_fitted_features
from mgi.modalities.fitting import FitJob, fit_features
from mgi.shards.embedding_file import VECTORS, read_embeddings
from mgi.shards.feature_shard import open_features
from mgi.training.weights import load_weights
from several_modalities import HAVE, Several, register_rooms


@pytest.fixture(autouse=True)
def _rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    register_rooms(monkeypatch)


@pytest.fixture
def several(write_study, tmp_path: Path) -> Several:
    return Several(write_study(tmp_path / "study"))


def tensors(several: Several, key: str = "several") -> dict[str, Any]:
    genes = [f"ENSG{index:03d}" for index in range(several.study.N_GENES)]
    return load_weights(several.study.weights(key), genes=genes).tensors


def test_the_record_counts_who_takes_part_by_which_modality(several: Several) -> None:
    assert several.run("pretrain") == 0
    record = several.record()
    assert record["modality_patients"] == {
        "copies": {"numbers": 5, "train": 3, "validation": 2},
        "proteins": {"numbers": 3, "train": 3, "validation": 1},
        "rna": {"numbers": 12, "train": 4, "validation": 2},
    }
    assert record["patients_left_out"] == {"train": 0, "validation": 0}
    assert record["settings"]["modalities"] == ["copies", "proteins", "rna"]
    assert several.run("pretrain", "inner", missing="inner") == 0
    assert several.record("inner")["patients_left_out"] == {"train": 2, "validation": 1}
    assert several.run("pretrain", "genes", missing="outer_genes", unpaired_batch=2) == 0
    assert several.record("genes")["unpaired_expression_patients"] == 2


def test_weights_have_an_encoder_a_modality_and_their_features(several: Several) -> None:
    assert several.run("pretrain", modalities=["copies"]) == 0
    genes = [f"ENSG{index:03d}" for index in range(12)]
    weights = load_weights(several.study.weights("several"), genes=genes)
    assert weights.modalities == {"copies": [f"copies{index}" for index in range(5)]}
    assert {name.split(".")[1] for name in weights.tensors if name.startswith("modalities.")} == {"copies"}


def test_the_same_run_in_another_order_gives_the_same_bytes(several: Several) -> None:
    assert several.run("pretrain") == several.run("pretrain", "again", modalities=["rna", *reversed(HAVE)]) == 0
    one, two = (several.study.weights(key).read_bytes() for key in ("several", "again"))
    assert one == two


def test_expression_alone_is_pretrained_as_if_nothing_else_were_there(several: Several) -> None:
    alone = {"modalities": ["rna"], "missing": "inner"}
    assert several.study.run("pretrain", "today") == several.run("pretrain", "listed", **alone) == 0
    for name in ("weights.safetensors", "curves.jsonl"):
        one, two = ((several.study.folder / f"runs/{key}/{name}").read_bytes() for key in ("today", "listed"))
        if name.endswith("jsonl"):
            one, two = ([untimed(line) for line in text.splitlines()] for text in (one, two))
        assert one == two, name


def untimed(line: bytes) -> dict[str, Any]:
    return {name: value for name, value in json.loads(line).items() if name not in ("seconds", "data_wait")}


@pytest.mark.parametrize("row", [2, 5, 6, 10])
def test_of_the_numbers_those_of_training_patients_alone_reach_the_weights(row: int, write_study, tmp_path) -> None:
    found = []
    for name in ("one", "two"):

        def change(modality: str, values: np.ndarray, name: str = name) -> None:
            values[row] += 3.0 * (name == "two")

        other = Several(write_study(tmp_path / name), change)
        assert other.run("pretrain") == 0
        found.append(other.study.weights("several").read_bytes())
    assert (found[0] != found[1]) is (row == 2)


def test_a_permuted_modality_is_another_training(several: Several) -> None:
    assert several.run("pretrain") == several.run("pretrain", "permuted", permuted_modality="copies") == 0
    assert several.study.weights("several").read_bytes() != several.study.weights("permuted").read_bytes()


def test_vectors_of_each_modality_are_those_of_who_has_it(several: Several) -> None:
    assert several.run("pretrain") == several.run("embed") == 0
    found = read_embeddings(several.study.folder / "embeddings/several.parquet")
    assert found.modalities == ("copies", "proteins")
    patients = np.array(found.patient_ids)
    for name, rows in HAVE.items():
        has = ~np.isnan(found.vectors[name]).any(1)
        assert set(patients[has]) == {several.study.patients[row] for row in rows}
        lengths = np.linalg.norm(found.vectors[f"{name}_projected"][has], axis=1)
        assert lengths == pytest.approx(1, abs=1e-6)
        assert not np.array_equal(found.vectors[name][has], found.vectors[f"{name}_untrained"][has])
    assert set(VECTORS) <= set(found.vectors)
    assert np.isnan(found.vectors["genes"]).any(1).sum() == 1


def test_without_expression_there_are_no_vectors_of_genes(several: Several) -> None:
    assert several.run("pretrain", modalities=["copies"]) == 0
    assert several.run("embed", names=["copies"]) == 0
    found = read_embeddings(several.study.folder / "embeddings/several.parquet")
    assert found.modalities == ("copies",)
    assert np.isnan(found.vectors["genes"]).all()


def test_what_is_fine_tuned_starts_from_the_encoders_of_image_and_expression(several: Several) -> None:
    assert several.run("pretrain") == 0
    study = several.study
    frozen = json.dumps({"schedule": study.SCHEDULE, "image_encoder_lr_scale": 0.0, "gene_encoder_lr_scale": 0.0})
    assert study.run("finetune", "mgi", pretrained=study.weights("several"), settings=frozen) == 0
    begun, learned = tensors(several), tensors(several, "mgi")
    for name, tensor in learned.items():
        if name.startswith("gene_encoder."):
            assert (tensor == begun[name.replace("gene_encoder", "modalities.rna.encoder")]).all()
        elif name.startswith("image_encoder."):
            assert (tensor == begun[name]).all()


def test_fine_tuning_from_another_modality_alone_takes_the_image_encoder(several: Several) -> None:
    assert several.run("pretrain", modalities=["copies"]) == 0
    study = several.study
    frozen = json.dumps({"schedule": study.SCHEDULE, "image_encoder_lr_scale": 0.0})
    assert study.run("finetune", "mgi", pretrained=study.weights("several"), settings=frozen) == 0
    begun, learned = tensors(several), tensors(several, "mgi")
    assert all((learned[name] == begun[name]).all() for name in learned if name.startswith("image_encoder."))


def test_what_is_missing_or_of_another_fold_is_one_line(several: Several, capsys) -> None:
    assert several.run("pretrain", names=["copies"]) == 2
    assert "--modality-shard: proteins: missing, expected proteins=PATH" in capsys.readouterr().err
    fitted = fit_features(
        FitJob(
            modality="copies", shard=open_features(several.study.folder / "copies"),
            train=tuple(several.study.patients[row] for row in (4, 5)),
        )
    )  # fmt: skip
    write_fitted_features(several.fit("copies"), fitted)
    assert several.run("pretrain") != 0
    assert "found copies fitted on 2 patients, expected copies fitted on the 3 of fold 0" in capsys.readouterr().err


def test_random_id_vectors_stand_for_all_modalities(several: Several, run_of) -> None:
    """With the control nothing that was measured reaches the weights."""
    run = run_of(task="pretraining", control="random-id").as_json()
    assert several.run("pretrain") == 0
    found = []
    for number in range(2):

        def change(modality: str, values: np.ndarray, number: int = number) -> None:
            values += 5.0 * number * np.arange(len(values))[:, None] ** 2

        other, key = Several(several.study, change), f"random{number}"
        settings = json.dumps({"schedule": other.study.SCHEDULE, "modalities": ["copies", "rna"], "missing": "outer"})
        line = other.study.line("pretrain", key, **{"run-json": run}, settings=settings)
        shard = f"copies={other.study.folder / 'copies/dataset.json'}"
        assert main([*line, "--modality-shard", shard, "--modality-fit", f"copies={other.fit('copies')}"]) == 0
        found.append(other.study.weights(key).read_bytes())
    assert found[0] == found[1]
